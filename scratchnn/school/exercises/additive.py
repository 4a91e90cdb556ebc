"""Nine lines: additive scores undone."""

from ..cutting import Piece
from ..kinds.fill_in import FillIn

EXERCISE = FillIn(
    number="66",
    name="additive",
    title="Additive attention: the scores, backward",
    op="attention",
    task="""
        Bahdanau's score lets a small hidden layer compare each query with each key. Forward was

            a = (q @ W_q)[:, :, None, :] + (k @ W_k)[:, None, :, :]     (B, Q, S, A)
            hidden = tanh(a)                                            (B, Q, S, A)
            scores = scale * (hidden @ v_a)                             (B, Q, S)

        You are given dscores. Walk the three lines from the last to the first; what was broadcast on the way forward
        is summed on the way back. np.tensordot(a, b, axes=((0, 1), (0, 1))) multiplies and sums over the first two
        axes of both.
    """,
    pieces=(
        Piece(
            "additive_scores_backward",
            cut=tuple(range(18, 27)),
            goals={
                18: "scores = scale * (hidden @ v_a): v_a was used for every pair",
                20: "hidden = tanh(a)",
                21: "a row of q @ W_q was copied to every source, a row of k @ W_k to every query",
                23: "two linear maps, each with its own input",
            },
        ),
    ),
    form="attention.additive.plain",
    padded="attention.additive.masked",
    arrays=("q", "k", "W_q", "W_k", "v_a"),
    also=(("activations", "tanh_slope"),),
    common="attention-additive-slope-dropped",
    walked=False,
)
