"""Known-wrong slopes of the elementwise nonlinearities."""

from scratchnn.misconceptions import Bug, Edit

SIGMOID = "return y * (1 - y)"
TANH = "return 1 - y * y"
RELU = "return np.where(np.real(y) > 0, np.ones_like(y), np.zeros_like(y))"
DX = "dx = dy * slope(cache.y)"


def _one(function, old, new):
    return (Edit(function, old, new),)


BUGS = (
    Bug(
        "activations-slope-dropped", "dx = dy, without any slope", "M2", _one("backward", DX, "dx = dy"),
        "Far out, where tanh is flat: how much of a change of x arrives at y?",
    ),
    Bug(
        "activations-slope-of-input", "the slope takes x instead of y", "M2",
        _one("backward", DX, "dx = dy * slope(cache.x)"),
        "1 - y**2 is never negative. Why, and does this line keep that promise?",
    ),
    Bug(
        "activations-sigmoid-for-slope", "sigma instead of sigma'", "M2", _one("sigmoid_slope", SIGMOID, "return y"),
        "What is the slope of the sigmoid where its output is nearly 1?",
    ),
    Bug(
        "activations-sigmoid-twice", "sigma' is taken of the activated value", "M2",
        _one("sigmoid_slope", SIGMOID, "return sigmoid(y) * (1 - sigmoid(y))"),
        "Does the argument still need the sigmoid, or has it been through it?",
    ),
    Bug(
        "activations-sigmoid-complement", "1 - y instead of y (1 - y)", "M2",
        _one("sigmoid_slope", SIGMOID, "return 1 - y"),
        "What is the slope of the sigmoid where its output is nearly 0?",
    ),
    Bug(
        "activations-tanh-twice", "tanh' is taken of the activated value", "M2",
        _one("tanh_slope", TANH, "return 1 - np.tanh(y) ** 2"),
        "Does the argument still need the tanh, or has it been through it?",
    ),
    Bug(
        "activations-tanh-not-squared", "1 - y instead of 1 - y**2", "M2", _one("tanh_slope", TANH, "return 1 - y"),
        "tanh is odd. Must its slope be the same at x and at -x?",
    ),
    Bug(
        "activations-tanh-inverted", "1 / (1 - y**2)", "M2", _one("tanh_slope", TANH, "return 1 / (1 - y * y)"),
        "Is this dy/dx or dx/dy? What does it give far out, where tanh is flat?",
    ),
    Bug(
        "activations-relu-for-slope", "relu instead of its slope", "M2", _one("relu_slope", RELU, "return relu(y)"),
        "How steep is relu at x = 3?",
    ),
    Bug(
        "activations-relu-always-open", "the slope is 1 on both sides", "M2",
        _one("relu_slope", RELU, "return np.ones_like(y)"),
        "A unit whose input is negative: what does its output do when the input moves a little?",
    ),
    Bug(
        "activations-relu-of-gradient", "relu is applied to the gradient", "M2",
        _one("backward", DX, 'dx = np.where(dy > 0, dy, 0) if cache.nonlinearity == "relu" else dy * slope(cache.y)'),
        "Which number decided in the forward pass whether the unit was open: x, or dy?",
    ),
    Bug(
        "activations-upstream-overwritten", "dx is written into the caller's dy", "M10",
        _one("backward", DX, "dx = np.multiply(dy, slope(cache.y), out=dy)"),
        "Who else may still want to read dy?", kind="memory", place="memory",
    ),
)  # fmt: skip
