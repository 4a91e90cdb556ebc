"""Derivatives measured from outside: finite differences and the complex step. Knows nothing of this library.

A loss here is any function ``loss(inputs) -> number`` of a dict of arrays. ``central_difference`` and
``richardson`` need nothing but its values; ``complex_step`` needs code through which complex numbers can pass
and then gives the derivative to the last digit.
"""

from .complex_plane import ImaginaryPartLost, complex_step
from .differences import central_difference, noise_level, richardson
from .inputs import differentiable, project

__all__ = [
    "ImaginaryPartLost",
    "central_difference",
    "complex_step",
    "differentiable",
    "noise_level",
    "project",
    "richardson",
]
