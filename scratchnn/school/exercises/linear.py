"""Three lines: a linear map undone."""

from ..cutting import Piece
from ..kinds.fill_in import FillIn

EXERCISE = FillIn(
    number="20",
    name="linear",
    title="A linear map, backward",
    op="linear",
    task="""
        Forward was y = x @ W + b, for every row with the same W and the same b. Somebody hands you dy, how much the
        loss changes per unit of every entry of y. Write the three gradients.

        Ask for each of x, W and b: at how many places of y was one entry of it used, and beside what?
    """,
    pieces=(
        Piece(
            "backward",
            cut=(2, 3, 4),
            goals={
                2: "x[n, d] was used once in every column of row n, beside W[d, :]",
                3: "W[d, j] was used in every row, beside x[n, d]",
                4: "b was copied to every row: what undoes a copy?",
            },
        ),
    ),
    form="linear.bias",
    arrays=("x", "W", "b"),
    also=(("linear", "Grads"),),
    common="linear-db-mean",
)
