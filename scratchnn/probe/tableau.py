"""The tableau of central differences, and the search for the step at which it is surest."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

RUNGS = 40  # halvings at most: the last step is 2e-13 of the first
PROOF = 6  # halvings that must confirm a step before the search ends
UNSURE = 1e-9  # an entry whose estimate exceeds this part of the largest one is sought a step of its own


def extrapolate(slopes: Sequence[float], h: float, noise: float) -> tuple[float, float]:
    """Extrapolate D(h), D(h/2), D(h/4) to step zero.

    Parameters
    ----------
    slopes : list of three floats
    h : float
        The largest of the three steps.
    noise : float
        Deviation of the loss's rounding errors.

    Returns
    -------
    value, error : float
        The tableau's entry with the smallest disagreement to its neighbours, and that disagreement with the
        rounding term.
    """
    d0, d1, d2 = slopes
    r1, r2 = d1 + (d1 - d0) / 3, d2 + (d2 - d1) / 3
    q = r2 + (r2 - r1) / 15
    candidates = (
        (max(abs(q - r1), abs(q - r2)), q),
        (max(abs(r2 - d1), abs(r2 - d2)), r2),
        (max(abs(r1 - d0), abs(r1 - d1)), r1),
    )
    error, value = min(candidates, key=lambda pair: pair[0])
    return value, error + rounding(noise, h)


def rounding(noise: float, h: float) -> float:
    """Give the deviation that noise in the loss makes in the extrapolated slope.

    D(h/4) carries sqrt(2) * noise / (h/2) and enters with weight 64/45; the other two add 1 % to that.
    """
    return 4.1 * noise / h


def common_step(samples: Sequence[Any], first: float, noise: float, halvings: int) -> tuple[float, int]:
    """Seek the step along the first sample; along further ones if that was no smooth way, and take the surest.

    Parameters
    ----------
    samples : sequence of Line
    first : float
        The longest step.
    noise : float
        Deviation of the loss's rounding errors.
    halvings : int
        Of the first step, where the search begins; from the top again should the first rung turn out to be the best.

    Returns
    -------
    step : float
    halvings : int
        Of the first step, that lead to it.
    """
    found = []
    for line in samples:
        value, error, step = best_step(line.slope, first / 2**halvings, noise)
        if halvings and step == first / 2**halvings:
            value, error, step = best_step(line.slope, first, noise)
        found.append((not np.isfinite(error), error, step))
        if error <= UNSURE * abs(value):
            break
    step = min(found)[2]
    return step, round(np.log2(first / step))


def best_step(slope: Callable[[float], float], first: float, noise: float) -> tuple[float, float, float]:
    """Walk down a ladder of halved steps; give value, error estimate and step of the surest three rungs.

    Three rungs can agree by accident, where the steps are too long to see that the loss wiggles. So whatever a
    later rung finds counts against the earlier ones, as far as rounding does not explain it.

    Parameters
    ----------
    slope : function
        The central difference of a step.
    first : float
        The longest step.
    noise : float
        Deviation of the loss's rounding errors.

    Returns
    -------
    value, error, step : float
    """
    slopes = [slope(first), slope(first / 2)]
    steps, values, errors = [], [], []
    for k in range(RUNGS - 2):
        h = first / 2**k
        slopes.append(slope(h / 4))
        value, error = extrapolate(slopes[k:], h, noise)
        unexplained = [abs(value - earlier) - 5 * rounding(noise, h) for earlier in values]
        errors = [max(old, new) for old, new in zip(errors, unexplained, strict=True)]
        steps, values, errors = [*steps, h], [*values, value], [*errors, error]
        best = min(range(k + 1), key=lambda rung: (not np.isfinite(errors[rung]), errors[rung]))
        if k - best >= PROOF and errors[best] <= max(UNSURE * abs(values[best]), rounding(noise, h)):
            break
    return values[best], errors[best], steps[best]
