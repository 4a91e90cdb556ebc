"""The complex step: an exact derivative from one evaluation with a tiny imaginary part.

f(x + ih) = f(x) + ih f'(x) - h**2 f''(x)/2 - ..., so Im f(x + ih) / h = f'(x) up to h**2: with h = 1e-30
nothing is left to truncate, and no two close numbers are subtracted (Squire & Trapp 1998).
"""

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.exceptions import ComplexWarning

from .inputs import differentiable, evaluate, promoted
from .lines import Line, Where

STEP = 1e-30


class ImaginaryPartLost(ValueError):
    """The loss code is not complex-safe: somewhere it dropped, or refused, the imaginary part."""


def complex_step(
    loss: Callable[[dict[str, Any]], Any],
    inputs: dict[str, Any],
    names: Sequence[str] | None = None,
    h: float = STEP,
) -> dict[str, np.ndarray]:
    """Differentiate by a step into the complex plane, one entry at a time.

    Parameters
    ----------
    loss : function
        Takes a dict like ``inputs``, returns one number. Every float array arrives as a complex one.
    inputs : dict of str to array
        Integer and boolean arrays, and whatever is no array, are passed through.
    names : sequence of str, optional
        Arrays to differentiate; all floating-point ones by default.
    h : float
        Size of the imaginary step.

    Returns
    -------
    dict of str to array
        The gradients, float64, each the shape of its input.

    Raises
    ------
    ImaginaryPartLost
        A complex number was stored in a float array, a function refused complex numbers, or the result is
        real. Code that takes abs, conj or .real drops the imaginary part without a trace: only a comparison
        with differences shows that.
    """
    names = differentiable(inputs, names)
    grads = {}
    for name in names:
        shape = inputs[name].shape
        grads[name] = complex_step_along(loss, inputs, name, list(np.ndindex(shape)), h).reshape(shape)
    return grads


def complex_step_along(
    loss: Callable[[dict[str, Any]], Any],
    inputs: dict[str, Any],
    name: str,
    lines: Sequence[Where],
    h: float = STEP,
) -> np.ndarray:
    """Differentiate by a step into the complex plane along straight lines through one array.

    Parameters
    ----------
    loss : function
        Takes a dict like ``inputs``, returns one number. Every float array arrives as a complex one.
    inputs : dict of str to array
    name : str
        The array that is moved.
    lines : sequence of tuple of int, or array
        Entries by their index, or directions with the shape of the array.
    h : float
        Size of the imaginary step.

    Returns
    -------
    (lines,) array of float64

    Raises
    ------
    ImaginaryPartLost
        See ``complex_step``.
    """
    evaluate(loss, promoted(inputs, np.float64))  # what fails here fails for reasons of its own
    work = promoted(inputs, np.complex128)
    return np.array([complex_slope(Line(loss, work, name, where), h) for where in lines], dtype=np.float64)


def complex_slope(line: Line, h: float = STEP) -> float:
    """Give Im phi(i h) / h, the slope along a line at the point.

    Parameters
    ----------
    line : Line
        Through complex inputs.
    h : float
        Size of the imaginary step.

    Returns
    -------
    float

    Raises
    ------
    ImaginaryPartLost
        See ``complex_step``.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error", ComplexWarning)
        try:
            value = line.imaginary(h)
        except ComplexWarning as lost:
            raise ImaginaryPartLost(
                "the loss code is not complex-safe: it stored a complex number in a float array, which drops the "
                "imaginary part (allocate with np.result_type of all inputs)"
            ) from lost
        except TypeError as refused:
            raise ImaginaryPartLost(
                f"the loss code is not complex-safe: a function refused complex numbers ({refused})"
            ) from refused
    if not np.iscomplexobj(value):
        raise ImaginaryPartLost(
            "the loss code is not complex-safe: it returned a real number for complex input (a cast, abs or .real)"
        )
    return float(np.imag(value)) / h
