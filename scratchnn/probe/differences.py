"""Finite differences that know how wrong they are.

A central difference D(h) = (f(x+h) - f(x-h)) / 2h errs by c2 h**2 + c4 h**4 + ... (truncation) and by noise/h
(rounding). Three of them, at h, h/2 and h/4, form a tableau in which each column cancels one more power of h
(Richardson 1911; Romberg 1955); two neighbours in it that agree bound each other's error (Ridders 1982). The
step is sought once per array, along a direction that moves all entries, where that bound is smallest. The noise
of the loss is measured, not assumed: from high differences over tiny steps (Hamming 1962; More & Wild 2011).
"""

from collections.abc import Callable, Sequence
from math import factorial
from typing import Any

import numpy as np

from .inputs import differentiable, evaluate, promoted

FIRST_STEP = 0.237  # of the array's magnitude, or of 1 if that is less; not round, so as to meet no period exactly
RUNGS = 40  # halvings at most: the last step is 2e-13 of the magnitude
PROOF = 6  # halvings that must confirm a step before the search ends
NOISE_STEPS = (1.3e-10, 4.7e-9, 2.9e-7)  # of the magnitude; a loss computed in float32 moves at the last only
UNSURE = 1e-9  # an entry whose estimate exceeds this part of the largest one is sought a step of its own


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
            grad[index] = _slope_of_entry(loss, work, name, index)(h)
        grads[name] = grad
    return grads


def richardson(
    loss: Callable[[dict[str, Any]], Any], inputs: dict[str, Any], names: Sequence[str] | None = None
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
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
    grads : dict of str to array
        The gradients, float64, each the shape of its input.
    errors : dict of str to array
        Estimated absolute error of each entry: the disagreement in the tableau that chose it, plus what the
        measured noise of the loss makes of the step. Infinite where the loss is not finite.
    """
    work = promoted(inputs, np.float64)
    names = differentiable(inputs, names)
    noise = noise_level(loss, work, names)
    grads, errors = {}, {}
    for name in names:
        h = _best_step(_slope_along_array(loss, work, name), magnitude(work[name]), noise)[2]
        grad, error = np.zeros(work[name].shape), np.zeros(work[name].shape)
        slopes = {index: _slope_of_entry(loss, work, name, index) for index in np.ndindex(grad.shape)}
        for index, slope in slopes.items():
            grad[index], error[index] = extrapolate([slope(h), slope(h / 2), slope(h / 4)], h, noise)
        sure = UNSURE * np.max(np.abs(grad), initial=0, where=np.isfinite(grad)) + 2 * rounding(noise, h)
        for index in map(tuple, np.argwhere(~(error <= sure))):
            value, estimate, _ = _best_step(slopes[index], magnitude(work[name]), noise)
            if not error[index] <= estimate:
                grad[index], error[index] = value, estimate
        grads[name], errors[name] = grad, np.where(np.isfinite(grad), error, np.inf)
    return grads, errors


def noise_level(
    loss: Callable[[dict[str, Any]], Any], inputs: dict[str, Any], names: Sequence[str] | None = None
) -> float:
    """Measure how much rounding blurs the loss.

    Twelve values at equal, tiny distances: their fourth differences hold nothing of a smooth loss, and of noise
    with deviation s they are s * sqrt(8!) / 4! large. The largest of three distances counts, since one may be in
    step with the rounding. (Terms that saturate and then cancel exactly, tanh(20) + tanh(-20), show no noise at all.)

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
    noise = 0.0
    for distance in NOISE_STEPS:
        values = []
        for k in range(12):
            moved = dict(work)
            for name in names:
                moved[name] = work[name] + k * distance * magnitude(work[name]) * _signs(work[name].shape)
            values.append(float(np.real(evaluate(loss, moved))))
        noise = max(noise, _root_mean_square(np.diff(values, 4)) * factorial(4) / np.sqrt(factorial(8)))
    return float(max(noise, np.finfo(float).eps * np.max(np.abs(values))))


def magnitude(array: np.ndarray) -> float:
    """Give the root mean square of the finite entries, 1 if there is none but zeros."""
    return _root_mean_square(array[np.isfinite(array)]) or 1.0


def _root_mean_square(values):
    size = np.max(np.abs(values), initial=0)
    return float(size * np.sqrt(np.mean((values / size) ** 2))) if size > 0 else 0.0


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


def _best_step(slope, size, noise):
    """Walk down a ladder of halved steps; give value, error estimate and step of the surest three rungs.

    Three rungs can agree by accident, where the steps are too long to see that the loss wiggles. So whatever a
    later rung finds counts against the earlier ones, as far as rounding does not explain it.
    """
    first = FIRST_STEP * min(size, 1.0)
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


def _slope_of_entry(loss, work, name, index):
    """Give the central difference of one entry as a function of the step; work is left as it was."""
    array = work[name]

    def slope(h):
        kept = array[index]
        above, below = kept + h, kept - h  # the step taken is the difference of two representable numbers
        array[index] = above
        high = float(np.real(evaluate(loss, work)))
        array[index] = below
        low = float(np.real(evaluate(loss, work)))
        array[index] = kept
        return (high - low) / float(above - below) if np.isfinite(kept) else high - low

    return slope


def _slope_along_array(loss, work, name):
    """Give the central difference along (+-1, ...) / sqrt(size) as a function of the step."""
    array = work[name]
    direction = _signs(array.shape) / np.sqrt(max(array.size, 1))

    def slope(h):
        high = float(np.real(evaluate(loss, {**work, name: array + h * direction})))
        low = float(np.real(evaluate(loss, {**work, name: array - h * direction})))
        return (high - low) / (2 * h)

    return slope


def _signs(shape):
    """Give fixed signs without a pattern along any axis: those of sin(1), sin(4), sin(9), ..."""
    counts = np.arange(1.0, 1.0 + np.prod(shape, dtype=int))
    return np.where(np.sin(counts**2) >= 0, 1.0, -1.0).reshape(shape)
