"""Linear map in NumPy: the readable truth. Each numbered line is one equation of equations.py."""

from typing import NamedTuple

import numpy as np

from scratchnn import shapes


class Params(NamedTuple):
    """Weights; ``b`` is None for a map without bias."""

    W: np.ndarray  # (D, N)
    b: np.ndarray | None = None  # (N,)


class Cache(NamedTuple):
    """Input and output."""

    x: np.ndarray  # (..., D)
    y: np.ndarray  # (..., N)


class Grads(NamedTuple):
    """Gradients, each the shape of the input whose name it bears."""

    x: np.ndarray  # (..., D)
    W: np.ndarray  # (D, N)
    b: np.ndarray | None  # (N,), None without a bias


def forward(x: np.ndarray, params: Params) -> Cache:
    """Map the last axis of ``x`` linearly.

    Parameters
    ----------
    x : (..., D)
        Any axes before the last; each row is mapped on its own.
    params : Params

    Returns
    -------
    Cache
        ``y`` (..., N) is the output.

    Raises
    ------
    ValueError
        A shape disagrees; the message names array, got, expected.
    TypeError
        An array is not floating-point.

    Notes
    -----
    Source: equation (1).  Checked by: tests/ops/test_linear.py
    """
    _check_inputs(x, params)
    W = params.W
    b = 0 if params.b is None else params.b
    y = x @ W + b  # (1)
    return Cache(x, y)


def backward(dy: np.ndarray, cache: Cache, params: Params) -> Grads:
    """Undo ``forward``.

    Parameters
    ----------
    dy : (..., N)
        dLoss/dy, the shape of ``cache.y``.
    cache : Cache
        What ``forward`` returned.
    params : Params

    Returns
    -------
    Grads

    Raises
    ------
    ValueError
        ``dy`` has not the shape of ``cache.y``.
    TypeError
        ``dy`` is not floating-point.

    Notes
    -----
    forward  was   y = x @ W + b, for every row with the same W and b
    so now         dx = dy @ W.T,  and dW and db are sums over the rows
    Source: equations (2)-(4).  Checked by: tests/ops/test_linear.py::test_backward
    """
    shapes.expect_float("linear.backward", "dy", dy)
    if dy.shape != cache.y.shape:
        raise ValueError(f"linear.backward: dy has shape {dy.shape}, expected the shape of y {cache.y.shape}")
    W = params.W
    D, N = W.shape
    x_rows = cache.x.reshape(-1, D)
    dy_rows = dy.reshape(-1, N)
    dx = dy @ W.T  # (2)
    dW = x_rows.T @ dy_rows  # (3)
    db = dy_rows.sum(axis=0)  # (4)
    return Grads(x=dx, W=dW, b=None if params.b is None else db)


def _check_inputs(x, params):
    sizes = shapes.sizes_of("linear.forward", "W", params.W, "D N")
    shapes.expect_float("linear.forward", "x", x)
    if x.ndim == 0 or x.shape[-1] != sizes["D"]:
        raise ValueError(f"linear.forward: x has shape {x.shape}, expected (..., D) with D = {sizes['D']}")
    if params.b is not None:
        shapes.expect_shape("linear.forward", "b", params.b, "N", sizes)
