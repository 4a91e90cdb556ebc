"""Fourteen lines: one LSTM step undone."""

from ..cutting import Piece
from ..kinds.fill_in import FillIn

EXERCISE = FillIn(
    number="50",
    name="lstm_step",
    title="One step of an LSTM, backward",
    op="lstm",
    task="""
        Undo one step, gate by gate. Forward was

            a_t = x_t @ W_x + h_prev @ W_h + b, cut into a_i, a_f, a_g, a_o
            i = sigmoid(a_i)   f = sigmoid(a_f)   g = tanh(a_g)   o = sigmoid(a_o)
            c_t = f * c_prev + i * g        s = tanh(c_t)        h_t = o * s

        Walk these lines from the last to the first. Each name receives what its line gives it; a name with two
        readers receives a sum. The slopes take the function's output. nodes holds x_t, h_prev,
        c_prev, a_t, i, f, g, o, c_t, s and h_t.
    """,
    pieces=(
        Piece(
            "step_backward",
            cut=tuple(range(10, 24)),
            goals={
                10: "h_t = o * s: a product hands each factor the other one",
                12: "c_t has two readers: s, and step t+1 (dc_next)",
                13: "c_t = f * c_prev + i * g: four names, each beside another one",
                17: "through the gates: three sigmoids, one tanh",
                21: "the blocks in the order in which a_t was cut",
                22: "a_t = x_t @ W_x + h_prev @ W_h + b",
            },
        ),
    ),
    form="lstm.plain",
    padded="lstm.masked",
    arrays=("x", "h0", "c0", "W_x", "W_h", "b"),
    also=(("activations", "sigmoid_slope, tanh_slope"),),
    common="lstm-dc-next-dropped",
)
