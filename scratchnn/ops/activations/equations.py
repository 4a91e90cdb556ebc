"""Elementwise nonlinearities: equations as data."""

from scratchnn.notation import Equation, Symbol

TITLE = "Activations"
LOGISTIC = "Rumelhart, Hinton & Williams 1986"
TANH = "definition; LeCun, Bottou, Orr & Müller 1998 on its use"
RELU = "Nair & Hinton 2010"
RULE = "chain rule"

SYMBOLS = (
    Symbol("x", "any", "input"),
    Symbol("y", "as x", "output"),
    Symbol("dy", "as x", "dLoss/dy, from outside"),
)

FORWARD = (
    Equation(1, "sigmoid", "sigmoid(x) = 1 / (1 + exp(-x))", r"\sigma(x) = \frac{1}{1 + e^{-x}}", LOGISTIC),
    Equation(2, "tanh", "tanh(x) = (exp(x) - exp(-x)) / (exp(x) + exp(-x))",
             r"\tanh x = \frac{e^{x} - e^{-x}}{e^{x} + e^{-x}}", TANH),
    Equation(3, "relu", "relu(x) = max(x, 0)", r"\mathrm{relu}(x) = \max(x, 0)", RELU),
)  # fmt: skip

BACKWARD = (
    Equation(4, "sigmoid_slope", "sigmoid_slope(y) = y * (1 - y)", r"\sigma'(x) = y\,(1 - y)", LOGISTIC, (1,)),
    Equation(5, "tanh_slope", "tanh_slope(y) = 1 - y**2", r"\tanh'(x) = 1 - y^2", TANH, (2,)),
    Equation(6, "relu_slope", "relu_slope(y) = 1 if y > 0 else 0", r"\mathrm{relu}'(x) = [\,y > 0\,]", RELU, (3,)),
    Equation(7, "dx", "dx = dy * slope(y)", r"\delta x = \delta y \odot \mathrm{slope}(y)", RULE, (1, 2, 3)),
)
