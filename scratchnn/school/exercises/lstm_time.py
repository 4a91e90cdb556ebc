"""The whole of it: an LSTM backward through time."""

from ..cutting import Piece
from ..kinds.fill_in import FillIn

EXERCISE = FillIn(
    number="55",
    name="lstm_time",
    title="An LSTM, backward through time",
    op="lstm",
    task="""
        Write the whole backward pass. _nodes(cache, t) gives what step t computed (x_t, h_prev, c_prev, i, f, g, o,
        s, ...), and step_backward(dh_t, dc_next, nodes, params) undoes one step: it returns dx_t, dh_prev, dc_prev,
        da_t. Return Grads(x=..., h0=..., c0=..., W_x=..., W_h=..., b=...).

        cache.mask is (T, B); where it is False, forward held both states and threw the step's own result away. Write
        it without the mask first, if you like: the numbers say what is right already.
    """,
    pieces=(
        Piece(
            "backward",
            cut_from="dx = ",
            goals={
                1: "sub-goal 1: a place for each gradient, of which dtype and shape?",
                2: "sub-goal 2: what comes to the last step from the step after it, for h and for c?",
                3: "sub-goal 3: which step is undone first?",
                4: "sub-goal 4: h_t has two readers; add what they say",
                5: "sub-goal 5: the parameters were used at every step",
                6: "sub-goal 6: two carries go on; over padding, what was held is handed on",
            },
        ),
    ),
    form="lstm.plain",
    padded="lstm.masked",
    arrays=("x", "h0", "c0", "W_x", "W_h", "b"),
    also=(("lstm", "Grads, _nodes, step_backward"),),
    common="lstm-dc-next-not-carried",
)
