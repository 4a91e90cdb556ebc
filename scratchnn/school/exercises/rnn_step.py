"""One line: through the nonlinearity of an RNN."""

from ..cutting import Piece
from ..kinds.fill_in import FillIn

EXERCISE = FillIn(
    number="40",
    name="rnn_step",
    title="One step of an RNN, backward",
    op="rnn",
    task="""
        One line is missing: the way from h_t back to a_t, where h_t = tanh(a_t). The slopes that you may use are
        those of the first exercise: tanh_slope(y) takes the output of tanh. nodes holds x_t, h_prev, a_t
        and h_t.
    """,
    pieces=(Piece("step_backward", cut=(6,), goals={6: "the slope of tanh at a_t, written with what tanh gave"}),),
    form="rnn.tanh",
    padded="rnn.masked",
    arrays=("x", "h0", "W_x", "W_h", "b"),
    also=(("activations", "relu_slope, tanh_slope"),),
    common="rnn-slope-of-tanh-of-h",
)
