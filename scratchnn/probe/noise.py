"""The noise of a loss, measured from high differences over tiny steps (Hamming 1962; More & Wild 2011)."""

from collections.abc import Callable, Sequence
from math import factorial
from typing import Any

import numpy as np

from .inputs import differentiable, evaluate, promoted
from .lines import magnitude, pattern, root_mean_square

STEPS = (1.3e-10, 4.7e-9, 2.9e-7)  # of the magnitude; a loss computed in float32 moves at the last only
FOURTH = factorial(4) / np.sqrt(factorial(8))
SUSPICIOUS = 1e3  # roundings: above that, it may be kinks, and the quieter part of the line counts
QUARTILE = 0.3186  # a quarter of all normal numbers is smaller than this part of their deviation


def noise_level(
    loss: Callable[[dict[str, Any]], Any], inputs: dict[str, Any], names: Sequence[str] | None = None
) -> float:
    """Measure how much rounding blurs the loss.

    Twelve values at equal, tiny distances: their fourth differences hold nothing of a smooth loss, and of noise
    with deviation s they are s * sqrt(8!) / 4! large. The largest of three distances counts, since one may be in
    step with the rounding. A kink beside the point looks like noise, but disturbs four of the eight differences at
    most, so then the lower quartile is asked, on both sides of the point. (Terms that saturate and then cancel
    exactly, tanh(20) + tanh(-20), show no noise at all.)

    Parameters
    ----------
    loss : function
    inputs : dict of str to array
    names : sequence of str, optional
        Arrays to move; all floating-point ones by default.

    Returns
    -------
    float
        Deviation of the loss's rounding errors, at least eps times the loss.
    """
    names = differentiable(inputs, names)
    work = promoted(inputs, np.float64)
    noise, high = 0.0, 0.0
    for distance in STEPS:
        values = _values(loss, work, names, distance)
        blur = _blur(values)
        if blur > SUSPICIOUS * np.finfo(float).eps * np.max(np.abs(values)):  # or is a kink just there?
            blur = min(blur, _blur_between_kinks(values, _values(loss, work, names, -distance)) or blur)
        noise, high = max(noise, blur), max(high, float(np.max(np.abs(values))))
    return float(max(noise, np.finfo(float).eps * high))


def _values(loss, work, names, distance):
    values = []
    for k in range(12):
        moved = dict(work)
        for name in names:
            moved[name] = work[name] + k * distance * magnitude(work[name]) * pattern(work[name].shape)
        values.append(float(np.real(evaluate(loss, moved))))
    return values


def _blur(values):
    return root_mean_square(np.diff(values, 4)) * FOURTH


def _blur_between_kinks(*sides):
    return float(np.quantile(np.abs([np.diff(values, 4) for values in sides]), 0.25)) / QUARTILE * FOURTH
