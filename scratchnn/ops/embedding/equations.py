"""Embedding: the equations as data.

Looking up row v is the product of a one-hot row with W; its undoing adds each gradient row to the row it came from.
"""

from scratchnn.notation import Equation, Symbol

TITLE = "Embedding"
FORWARD_SOURCE = "Bengio, Ducharme, Vincent & Jauvin 2003 (the matrix C of word features)"
BACKWARD_SOURCE = "chain rule of the product of one-hot rows with W"

SYMBOLS = (
    Symbol("ids", "(...)", "integers 0 to V-1"),
    Symbol("W", "(V, D)", "one row for every id"),
    Symbol("real", "(...)", "False where ids is the padding id, True elsewhere"),
    Symbol("y", "(..., D)", "looked-up rows, zero at padding"),
    Symbol("dy", "(..., D)", "dLoss/dy, from outside"),
    Symbol("dy_real", "(..., D)", "dy with zeros at padding"),
    Symbol("scatter_add", "(V, D)", "row v: the sum of dy_real over the places where ids == v, 0 if there is none"),
)

FORWARD = (
    Equation(1, "y", "y = W[ids] where real else 0", r"y_n = [\text{real}_n]\, W_{\mathrm{ids}_n}", FORWARD_SOURCE),
)

BACKWARD = (
    Equation(2, "dy_real", "dy_real = dy where real else 0",
             r"\delta \tilde y_n = [\text{real}_n]\, \delta y_n", BACKWARD_SOURCE, (1,)),
    Equation(3, "dW", "dW = scatter_add(ids, dy_real)",
             r"\delta W_v = \sum_{n:\, \mathrm{ids}_n = v} \delta \tilde y_n", BACKWARD_SOURCE, (1,)),
)  # fmt: skip
