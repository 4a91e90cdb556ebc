"""The error of a numeric derivative against its step: truncation on one side, rounding on the other.

A forward difference errs by h |f''| / 2 + 2 eps |f| / h, least near h = eps**(1/2); a central one by
h**2 |f'''| / 6 + eps |f| / h, least near eps**(1/3) (both for f and its derivatives of size 1); Richardson's
extrapolation of D(h), D(h/2), D(h/4) by h**6 and 4 eps |f| / h; the complex step by h**2 |f'''| / 6 and no rounding
that grows, because no two close numbers are subtracted (Squire & Trapp 1998).
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from .complex_plane import ImaginaryPartLost, complex_slope
from .differences import differences_along
from .inputs import differentiable, promoted
from .lines import Line, along_all, magnitude
from .tableau import extrapolate

STEPS = tuple(np.logspace(-1, -16, 61))


class Curve(NamedTuple):
    """Errors of four ways to differentiate, step by step, relative to |truth| (absolute if the truth is zero)."""

    name: str
    index: tuple[int, ...] | None  # of the entry that was moved; None: a direction that moves all entries
    steps: np.ndarray  # (S,)
    forward: np.ndarray  # (S,) errors of (f(x+h) - f(x)) / h
    central: np.ndarray  # (S,) errors of (f(x+h) - f(x-h)) / 2h
    richardson: np.ndarray  # (S,) errors of the extrapolation of central differences at h, h/2, h/4
    complex: np.ndarray | None  # (S,) errors of Im f(x+ih) / h, None where the code is not complex-safe
    truth: float  # the best value that there is
    oracle: str  # where the truth comes from
    predicted: dict[str, float]  # "forward", "central": the step at which the error should be least


def error_curve(
    loss: Callable[[dict[str, Any]], Any],
    inputs: dict[str, Any],
    name: str,
    index: tuple[int, ...] | None = None,
    steps: Sequence[float] = STEPS,
) -> Curve:
    """Differentiate along one line with every step, and hold each result against the best value.

    Parameters
    ----------
    loss : function
        Takes a dict like ``inputs``, returns one number.
    inputs : dict of str to array
    name : str
        The array that is moved.
    index : tuple of int, optional
        The entry that is moved; by default all entries at once, along fixed signs / sqrt(size).
    steps : sequence of float
        1e-1 to 1e-16 by default.

    Returns
    -------
    Curve

    Raises
    ------
    ValueError, TypeError
        ``name`` is no floating-point input, or has no such entry.
    """
    differentiable(inputs, [name])
    steps = np.asarray(steps, dtype=float)
    work = promoted(inputs, np.float64)
    where = along_all(work[name].shape) if index is None else _checked(name, index, work[name].shape)
    line = Line(loss, work, name, where)
    best = differences_along(loss, inputs, name, [where])
    truth, oracle = float(best.slopes[0]), f"differences, h={best.step:.1e}"
    exact = _complex_slopes(loss, inputs, name, where, steps)
    if exact is not None and abs(exact[0] - truth) <= 10 * best.errors[0] + 64 * np.finfo(float).eps * abs(truth):
        truth, oracle = exact[0], "complex step, h=1e-30"
    tableaus = [[line.slope(h), line.slope(h / 2), line.slope(h / 4)] for h in steps]
    size, eps = magnitude(work[name]), np.finfo(float).eps

    def errors(slopes):
        return np.abs(np.asarray(slopes) - truth) / (abs(truth) or 1.0)

    return Curve(
        name=name,
        index=None if index is None else where,
        steps=steps,
        forward=errors([line.one_sided(h) for h in steps]),
        central=errors([tableau[0] for tableau in tableaus]),
        richardson=errors([extrapolate(tableau, h, 0.0)[0] for tableau, h in zip(tableaus, steps, strict=True)]),
        complex=None if exact is None else errors(exact[1:]),
        truth=truth,
        oracle=oracle,
        predicted={"forward": float(size * eps ** (1 / 2)), "central": float(size * eps ** (1 / 3))},
    )


def _checked(name, index, shape):
    if len(index) != len(shape) or not all(0 <= k < size for k, size in zip(index, shape, strict=True)):
        raise ValueError(f"error_curve: {name} has no entry {tuple(index)}, its shape is {shape}")
    return tuple(index)


def _complex_slopes(loss, inputs, name, where, steps):
    """Give the complex step's slope for h = 1e-30 and for every step, None where the code is not complex-safe."""
    line = Line(loss, promoted(inputs, np.complex128), name, where)
    try:
        return np.array([complex_slope(line, h) for h in (1e-30, *steps)])
    except (ImaginaryPartLost, ValueError, TypeError):
        return None
