"""Linear map: the equations as data.

Row vectors on the left, so W is (D, N): the transpose of the weight in PyTorch's ``nn.Linear``.
"""

from scratchnn.notation import Equation, Symbol

TITLE = "Linear map of the last axis"
FORWARD_SOURCE = "Rumelhart, Hinton & Williams 1986 (the total input of a unit)"
BACKWARD_SOURCE = "chain rule; Rumelhart, Hinton & Williams 1986"

SYMBOLS = (
    Symbol("x", "(..., D)", "input; any axes before the last"),
    Symbol("W", "(D, N)", "weights"),
    Symbol("b", "(N,)", "bias, or None: no bias"),
    Symbol("y", "(..., N)", "output"),
    Symbol("dy", "(..., N)", "dLoss/dy, from outside"),
    Symbol("x_rows, dy_rows", "(rows, D), (rows, N)", "x and dy with all axes before the last made one"),
)

FORWARD = (Equation(1, "y", "y = x @ W + b", r"y = x W + b", FORWARD_SOURCE),)

BACKWARD = (
    Equation(2, "dx", "dx = dy @ W.T", r"\delta x = \delta y\, W^\top", BACKWARD_SOURCE, (1,)),
    Equation(
        3, "dW", "dW = x_rows.T @ dy_rows", r"\delta W = \sum_{\text{rows}} x^\top \delta y", BACKWARD_SOURCE, (1,)
    ),
    Equation(4, "db", "db = sum over all dy_rows", r"\delta b = \sum_{\text{rows}} \delta y", BACKWARD_SOURCE, (1,)),
)
