"""Bug hunt in a cell that the chapters do not derive."""

from ..cutting import Piece
from ..kinds.hunt import Hunt

EXERCISE = Hunt(
    number="58",
    name="gru_hunt",
    title="A stranger's cell: find the mistake",
    op="gru",
    task="""
        Somebody derived a cell that you have not met, the GRU, and one line of the backward pass is wrong. You need
        nothing but its forward pass, in the docstring below, and the chain rule: for every name on the right of a
        forward line, is every use of it undone?

            m = h_prev @ W_hn + b_hn        a_t holds a_r, a_z, a_n side by side

        The slopes take the function's output. Read the numbers first: which gradients are right?
    """,
    pieces=(Piece("step_backward"),),
    planted_id="gru-dh-z-missing",
    form="gru.plain",
    padded="gru.masked",
    arrays=("x", "h0", "W_x", "W_h", "b", "b_hn"),
    also=(("activations", "sigmoid_slope, tanh_slope"),),
    common="gru-dh-z-missing",
)
