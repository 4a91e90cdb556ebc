"""Dropout: the equations as data.

The original scales the weights down at test time; scaling the kept entries up while training ("inverted") has the
same expectation and leaves evaluation alone. One mask for all steps of a sequence is the variational form.
"""

from scratchnn.notation import Equation, Symbol

TITLE = "Dropout, inverted"
FORWARD_SOURCE = "Srivastava, Hinton, Krizhevsky, Sutskever & Salakhutdinov 2014; per sequence: Gal & Ghahramani 2016"
BACKWARD_SOURCE = "chain rule; the mask is a constant"

SYMBOLS = (
    Symbol("x", "any", "input"),
    Symbol("p", "a number", "probability of dropping, 0 <= p < 1"),
    Symbol("mask", "as x, or 1 along time", "True is kept; each entry is True with probability 1 - p"),
    Symbol("scale", "a number", "what keeps the expectation: mean of y = x"),
    Symbol("y", "as x", "output"),
    Symbol("dy", "as x", "dLoss/dy, from outside"),
)

FORWARD = (
    Equation(1, "scale", "scale = 1 / (1 - p)", r"\text{scale} = \frac{1}{1 - p}", FORWARD_SOURCE),
    Equation(
        2, "y", "y = x * scale where mask else 0", r"y = \text{mask} \odot x \cdot \text{scale}", FORWARD_SOURCE
    ),
)

BACKWARD = (
    Equation(3, "dx", "dx = dy * scale where mask else 0",
             r"\delta x = \text{mask} \odot \delta y \cdot \text{scale}", BACKWARD_SOURCE, (2,)),
)  # fmt: skip
