"""Finite differences that know how wrong they are.

A central difference D(h) = (f(x+h) - f(x-h)) / 2h errs by c2 h**2 + c4 h**4 + ... (truncation) and by noise/h
(rounding). Three of them, at h, h/2 and h/4, form a tableau in which each column cancels one more power of h
(Richardson 1911; Romberg 1955); two neighbours in it that agree bound each other's error (Ridders 1982). The
step is sought once per array, along a direction that moves all entries, where that bound is smallest. The noise
of the loss is measured, not assumed (``noise``), and so is whether a step crosses a kink (``kinks``): then the entry
gets a smaller step of its own; where no step is small enough, the point sits on the kink and has no derivative.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from .inputs import differentiable, promoted
from .kinks import Kink, find_kink, side_slope, slope_jump
from .lines import Line, Where, along_all, magnitude
from .noise import noise_level
from .tableau import UNSURE, best_step, common_step, extrapolate, rounding

FIRST_STEP = 0.237  # of the array's magnitude, or of 1 if that is less; not round, so as to meet no period exactly
ABOVE = 2  # halvings fewer than another array needed: there the search for a step begins
DISTINCT = 10  # estimates by which two slopes must differ to be two
KINKS = 8  # at most so many are looked for along one line
KINK_LIKELY = 8  # an entry that needs a step shorter than the array's by more than that may have a kink within it
RESOLVED = 1e-3  # of the jump: where more than that stays uncertain, the point sits on the kink


class Slope(NamedTuple):
    """The slope along one line."""

    value: float
    error: float
    kink: Kink | None = None
    seated: bool = False


class Along(NamedTuple):
    """Slopes along some lines through one array."""

    slopes: np.ndarray  # (lines,)
    errors: np.ndarray  # (lines,) estimated, infinite where the loss is not finite
    step: float  # h of the tableau h, h/2, h/4 that most lines were judged by
    halvings: int  # of the first step that led to it: the next array may need as many
    kinks: dict[int, Kink]  # the nearest one that a step up to h would cross, by the number of the line
    seated: frozenset[int]  # lines along which the point sits on its kink: no step avoids it, the slope is a mean


class Differences(NamedTuple):
    """Gradients with their estimated errors; all keyed by the name of the array."""

    grads: dict[str, np.ndarray]
    errors: dict[str, np.ndarray]
    steps: dict[str, float]
    kinks: dict[str, dict[tuple[int, ...], Kink]]  # by the index of the entry
    seated: dict[str, frozenset[tuple[int, ...]]]  # entries that sit on a kink: their gradient is a mean of two


def central_difference(
    loss: Callable[[dict[str, Any]], Any],
    inputs: dict[str, Any],
    names: Sequence[str] | None = None,
    step: float | None = None,
) -> dict[str, np.ndarray]:
    """Differentiate by one central difference per entry: simple, good to about 1e-9.

    Parameters
    ----------
    loss : function
        Takes a dict like ``inputs``, returns one number.
    inputs : dict of str to array
        Floating-point arrays are evaluated in float64 at least; the rest is passed through.
    names : sequence of str, optional
        Arrays to differentiate; all floating-point ones by default.
    step : float, optional
        By default the cube root of the machine epsilon times the array's magnitude (its root mean square, 1 for
        zeros): there eps/h (rounding) meets h**2 (truncation).

    Returns
    -------
    dict of str to array
        The gradients, float64, each the shape of its input.
    """
    work = promoted(inputs, np.float64)
    grads = {}
    for name in differentiable(inputs, names):
        h = np.finfo(float).eps ** (1 / 3) * magnitude(work[name]) if step is None else step
        grad = np.zeros(work[name].shape)
        for index in np.ndindex(grad.shape):
            grad[index] = Line(loss, work, name, index).slope(h)
        grads[name] = grad
    return grads


def richardson(
    loss: Callable[[dict[str, Any]], Any], inputs: dict[str, Any], names: Sequence[str] | None = None
) -> Differences:
    """Differentiate by extrapolated central differences, every entry with its own error estimate.

    Parameters
    ----------
    loss : function
        Takes a dict like ``inputs``, returns one number.
    inputs : dict of str to array
        Floating-point arrays are evaluated in float64 at least; the rest is passed through.
    names : sequence of str, optional
        Arrays to differentiate; all floating-point ones by default.

    Returns
    -------
    Differences
        Gradients, float64, each the shape of its input, and per entry the estimated absolute error: the disagreement
        in the tableau that chose it, plus what the measured noise of the loss makes of the step. Infinite where the
        loss is not finite.
    """
    names = differentiable(inputs, names)
    noise = noise_level(loss, inputs, names)
    found, halvings = Differences({}, {}, {}, {}, {}), 0
    for name in names:
        shape = inputs[name].shape
        indices = list(np.ndindex(shape))
        along = differences_along(loss, inputs, name, indices, noise, halvings)
        halvings = along.halvings
        found.grads[name], found.errors[name] = along.slopes.reshape(shape), along.errors.reshape(shape)
        found.steps[name] = along.step
        found.kinks[name] = {indices[k]: kink for k, kink in along.kinks.items()}
        found.seated[name] = frozenset(indices[k] for k in along.seated)
    return found


def differences_along(
    loss: Callable[[dict[str, Any]], Any],
    inputs: dict[str, Any],
    name: str,
    lines: Sequence[Where],
    noise: float | None = None,
    halvings: int = 0,
) -> Along:
    """Differentiate along straight lines through one array.

    Parameters
    ----------
    loss : function
        Takes a dict like ``inputs``, returns one number.
    inputs : dict of str to array
    name : str
        The array that is moved.
    lines : sequence of tuple of int, or array
        Entries by their index, or directions with the shape of the array.
    noise : float, optional
        Deviation of the loss's rounding errors; measured if not given.
    halvings : int
        Of the first step, that another array of this loss needed: the search for this one's begins a little above.

    Returns
    -------
    Along
    """
    if not len(lines):
        return Along(np.zeros(0), np.zeros(0), 0.0, halvings, {}, frozenset())
    work = promoted(inputs, np.float64)
    noise = noise_level(loss, inputs) if noise is None else noise
    first = FIRST_STEP * min(magnitude(work[name]), 1.0)
    paths = [Line(loss, work, name, where) for where in lines]
    samples = paths[:: len(paths) // 3 + 1]
    if not isinstance(lines[0], np.ndarray):
        samples = [Line(loss, work, name, along_all(work[name].shape)), *samples]
    h, halvings = common_step(samples, first, noise, max(halvings - ABOVE, 0))
    centre = paths[0].value(0.0)
    for line in paths:
        line.values[0.0] = centre
    found = [Slope(*_tableau(line, h, noise)) for line in paths]
    largest = max((abs(slope.value) for slope in found if np.isfinite(slope.value)), default=0.0)
    sure = UNSURE * largest + 2 * rounding(noise, h)
    for k, line in enumerate(paths):
        if not found[k].error <= sure or _is_bent(line, h, noise, sure):
            found[k] = _with_a_step_of_its_own(line, found[k], first, h, noise, sure)
        line.values.clear()
    slopes, errors = np.array([slope.value for slope in found]), np.array([slope.error for slope in found])
    return Along(
        slopes=slopes,
        errors=np.where(np.isfinite(slopes), errors, np.inf),
        step=h,
        halvings=halvings,
        kinks={k: slope.kink for k, slope in enumerate(found) if slope.kink},
        seated=frozenset(k for k, slope in enumerate(found) if slope.seated),
    )


def _tableau(line, h, noise):
    return extrapolate([line.slope(h), line.slope(h / 2), line.slope(h / 4)], h, noise)


def _is_bent(line, h, noise, sure):
    """Tell whether the slopes on either side of the point differ by more than is sure."""
    jump, error = slope_jump(line, h, noise)
    return abs(jump) > max(DISTINCT * error, sure)


def _with_a_step_of_its_own(line, slope, first, h, noise, sure):
    """Give the slope again: clear of the kinks if there are any, by the surest step of a ladder if not."""
    found, reach = None, h
    if not _is_bent(line, h, noise, sure):  # the step is too long: for the curvature, or does it cross a kink?
        value, error, step = best_step(line.slope, h, noise)
        slope = slope if slope.error <= error else Slope(value, error)
        if step > h / KINK_LIKELY and not _is_bent(line, step, noise, sure):
            return slope
    for _ in range(KINKS):
        kink = _nearest(line, reach, noise, sure)
        if kink is None:
            break
        found, reach = _beside(line, kink, h, noise), 0.9 * kink.room
        if found.seated or not _is_bent(line, reach, noise, sure):
            break
    if found is None and not slope.error <= sure:
        value, error, _ = best_step(line.slope, first, noise)
        return slope if slope.error <= error else Slope(value, error)
    return found or slope


def _beside(line, kink, h, noise):
    """Give the slope at a point beside a kink: from steps short of it, or from the side that it is not on."""
    if kink.room > 0:
        away = -h if kink.at > 0 else h
        inside, aside = best_step(line.slope, 0.9 * kink.room, noise)[:2], side_slope(line, away, noise)
        if not abs(aside[0] - inside[0]) <= DISTINCT * (aside[1] + inside[1]):
            aside = inside  # there is another kink on that side
        value, error = min(inside, aside, key=lambda pair: (not np.isfinite(pair[1]), pair[1]))
        if error <= RESOLVED * abs(kink.jump):
            return Slope(value, error, kink)
    (below, doubt_below), (above, doubt_above) = side_slope(line, -h, noise), side_slope(line, h, noise)
    return Slope((below + above) / 2, doubt_below + doubt_above, kink._replace(jump=above - below), seated=True)


def _nearest(line, reach, noise, sure):
    """Look for a kink, nearer and nearer as long as the slopes on either side of the point disagree."""
    for _ in range(KINKS):
        kink = find_kink(line, reach, noise)
        reach /= 8
        if kink or not _is_bent(line, reach, noise, sure):
            return kink
    return None
