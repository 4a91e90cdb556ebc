"""Derive: slopes written with the function's output."""

from scratchnn import ops, probe

from ..kinds.derive import Derive, Formula


def _slope(function):
    def problem(rng):
        a = rng.normal(size=3) * 1.5
        forward = getattr(ops.activations.reference, function)
        right = probe.complex_step(lambda at: forward(at["a"]).sum(), {"a": a})["a"]
        return {"y": forward(a)}, right

    return problem


EXERCISE = Derive(
    number="10",
    name="slopes",
    title="Two slopes, written with the output",
    op="activations",
    task="""
        A backward pass keeps what a function gave, not what went in. So write the slope of each function with its
        output y: the sigmoid, y = 1 / (1 + exp(-a)), and the hyperbolic tangent, y = tanh(a). Your formula is
        compared with the complex step of the function itself.
    """,
    formulas=(
        Formula(
            "sigmoid_slope",
            "y = sigmoid(a). How much does y grow per unit of a? Use: y",
            _slope("sigmoid"),
            4,
            "sigmoid_slope",
            "how steep is the sigmoid where y = 0.5, where y is nearly 0, and where y is nearly 1?",
        ),
        Formula(
            "tanh_slope",
            "y = tanh(a). How much does y grow per unit of a? Use: y",
            _slope("tanh"),
            5,
            "tanh_slope",
            "how steep is tanh where y = 0, and where y is nearly 1 or nearly -1? It is the same on both sides",
        ),
    ),
)
