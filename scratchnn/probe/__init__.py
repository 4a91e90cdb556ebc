"""Derivatives measured from outside: finite differences and the complex step. Knows nothing of this library.

A loss here is any function ``loss(inputs) -> number`` of a dict of arrays. ``central_difference`` and
``richardson`` need nothing but its values; ``complex_step`` needs code through which complex numbers can pass
and then gives the derivative to the last digit.
"""

from .complex_plane import ImaginaryPartLost, complex_step, complex_step_along
from .curve import Curve, error_curve
from .differences import Along, Differences, central_difference, differences_along, richardson
from .directions import draw_directions, seen_error, unseen_probability
from .inputs import differentiable, project, value
from .kinks import Kink
from .noise import noise_level

__all__ = [
    "Along",
    "Curve",
    "Differences",
    "ImaginaryPartLost",
    "Kink",
    "central_difference",
    "complex_step",
    "complex_step_along",
    "differences_along",
    "differentiable",
    "draw_directions",
    "error_curve",
    "noise_level",
    "project",
    "richardson",
    "seen_error",
    "unseen_probability",
    "value",
]
