"""Five lines: dot-product attention undone."""

from ..cutting import Piece
from ..kinds.fill_in import FillIn

EXERCISE = FillIn(
    number="63",
    name="attention",
    title="Attention, backward",
    op="attention",
    task="""
        Forward was

            scores = scale * (q @ k.T)      alpha = softmax(scores) over the sources      context = alpha @ v

        with one matrix per sequence: q is (B, Q, E), k (B, S, E), v (B, S, F), scores and alpha (B, Q, S). A
        transpose of the last two axes is swapaxes(1, 2). Where mask is False a source was not looked at: its alpha
        is 0, and no gradient may come from there. The loss may look at alpha itself as well: that is dalpha_given.
    """,
    pieces=(
        Piece(
            "backward",
            cut=(9, 10, 11),
            goals={
                9: "context = alpha @ v: what does row j of v collect, and from whom?",
                10: "alpha has two readers: the context, and perhaps the loss itself; masked places get 0",
                11: "softmax: if one score rises, the other weights fall",
            },
            simpler=(
                (
                    "dalpha_given = _check_upstream(dcontext, cache, params, dalpha)",
                    "dalpha_given = 0 if dalpha is None else dalpha",
                ),
            ),
        ),
        Piece(
            "dot_scores_backward",
            cut=(12, 13),
            goals={
                12: "every query met every key, and the product was scaled",
                13: "and the same seen from the keys",
            },
        ),
    ),
    form="attention.scaled_dot.plain",
    padded="attention.scaled_dot.masked",
    arrays=("q", "k", "v"),
    also=(
        (
            "attention",
            "Grads, _full_mask, _scores, additive_scores_backward, general_scores_backward, softmax",
        ),
    ),
    common="attention-softmax-elementwise",
)
