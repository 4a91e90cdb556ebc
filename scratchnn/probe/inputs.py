"""What every probe does with a dict of inputs: choose the float arrays, copy, evaluate, project."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike


def differentiable(inputs: dict[str, Any], names: Sequence[str] | None = None) -> list[str]:
    """Choose the arrays to differentiate.

    Parameters
    ----------
    inputs : dict of str to array
        Floating-point arrays can be differentiated; anything else (ids, masks, sizes) is a constant.
    names : sequence of str, optional
        Only these; all floating-point arrays by default.

    Returns
    -------
    list of str

    Raises
    ------
    ValueError
        A name that is no input.
    TypeError
        A named input is not a floating-point array, or an input is complex already.
    """
    floats = [name for name, array in inputs.items() if isinstance(array, np.ndarray) and array.dtype.kind == "f"]
    for name, array in inputs.items():
        if isinstance(array, np.ndarray) and array.dtype.kind == "c":
            raise TypeError(f"probe: {name} has dtype {array.dtype}, expected real numbers")
    for name in names if names is not None else ():
        if name not in inputs:
            raise ValueError(f"probe: {name!r} is no input, expected one of {', '.join(inputs)}")
        if name not in floats:
            raise TypeError(f"probe: {name} is no floating-point array, its gradient does not exist")
    return floats if names is None else list(names)


def promoted(inputs: dict[str, Any], dtype: DTypeLike) -> dict[str, Any]:
    """Copy the inputs; floating-point arrays become at least ``dtype``, the rest keeps its own."""
    copies = {}
    for name, array in inputs.items():
        if isinstance(array, np.ndarray):
            wanted = np.result_type(array.dtype, dtype) if array.dtype.kind == "f" else array.dtype
            copies[name] = np.array(array, dtype=wanted)
        else:
            copies[name] = array
    return copies


def evaluate(loss: Callable[[dict[str, Any]], Any], inputs: dict[str, Any]) -> Any:
    """Call ``loss`` on copies, so that a loss that changes its arguments cannot spoil the next call."""
    value = loss({name: array.copy() if isinstance(array, np.ndarray) else array for name, array in inputs.items()})
    if isinstance(value, float | np.inexact):
        return value
    if np.ndim(value) != 0 or not np.issubdtype(np.asarray(value).dtype, np.number):
        raise TypeError(f"probe: the loss returned {type(value).__name__} {np.shape(value)}, expected one number")
    return value


def value(loss: Callable[[dict[str, Any]], Any], inputs: dict[str, Any]) -> float:
    """Evaluate a loss as the oracles do: on copies in float64, real part.

    Parameters
    ----------
    loss : function
        Takes a dict like ``inputs``, returns one number.
    inputs : dict of str to array

    Returns
    -------
    float
    """
    return float(np.real(evaluate(loss, promoted(inputs, np.float64))))


def project(outputs: dict[str, np.ndarray], upstream: dict[str, np.ndarray]) -> Any:
    """Turn outputs into one number whose gradient is ``backward(upstream)``: the sum of outputs * upstream.

    Parameters
    ----------
    outputs : dict of str to array
    upstream : dict of str to array
        Same shapes; outputs that it does not name count nothing.

    Returns
    -------
    number

    Raises
    ------
    ValueError
        An output is missing or of another shape.
    """
    total = 0.0
    for name, weight in upstream.items():
        if name not in outputs:
            raise ValueError(f"project: no output {name!r}, got {', '.join(outputs)}")
        if np.shape(outputs[name]) != np.shape(weight):
            got, expected = np.shape(outputs[name]), np.shape(weight)
            raise ValueError(f"project: {name} has shape {got}, expected the shape of its upstream {expected}")
        total = total + np.sum(outputs[name] * weight)
    return total
