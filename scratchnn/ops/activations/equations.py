"""Elementwise nonlinearities: equations as data."""

from scratchnn.notation import Equation, Symbol

TITLE = "Activations"
SOURCE = "Rumelhart, Hinton & Williams 1986 (the slope written with the output); Nair & Hinton 2010 (relu)"

SYMBOLS = (
    Symbol("x", "any", "input"),
    Symbol("y", "as x", "output"),
    Symbol("dy", "as x", "dLoss/dy, from outside"),
)

FORWARD = (
    Equation(1, "sigmoid", "sigmoid(x) = 1 / (1 + exp(-x))", r"\sigma(x) = \frac{1}{1 + e^{-x}}", SOURCE),
    Equation(2, "tanh", "tanh(x) = (exp(x) - exp(-x)) / (exp(x) + exp(-x))",
             r"\tanh x = \frac{e^{x} - e^{-x}}{e^{x} + e^{-x}}", SOURCE),
    Equation(3, "relu", "relu(x) = max(x, 0)", r"\mathrm{relu}(x) = \max(x, 0)", SOURCE),
)  # fmt: skip

BACKWARD = (
    Equation(4, "sigmoid_slope", "sigmoid_slope(y) = y * (1 - y)", r"\sigma'(x) = y\,(1 - y)", SOURCE, (1,)),
    Equation(5, "tanh_slope", "tanh_slope(y) = 1 - y**2", r"\tanh'(x) = 1 - y^2", SOURCE, (2,)),
    Equation(6, "relu_slope", "relu_slope(y) = 1 if y > 0 else 0", r"\mathrm{relu}'(x) = [\,y > 0\,]", SOURCE, (3,)),
    Equation(7, "dx", "dx = dy * slope(y)", r"\delta x = \delta y \odot \mathrm{slope}(y)", SOURCE, (1, 2, 3)),
)
