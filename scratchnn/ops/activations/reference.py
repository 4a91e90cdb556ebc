"""Elementwise nonlinearities in NumPy, complex-safe: comparisons look at the real part."""

from typing import NamedTuple

import numpy as np

from scratchnn import shapes


class Cache(NamedTuple):
    """What backward needs; ``x`` and ``y`` have the shape of the input."""

    x: np.ndarray
    y: np.ndarray
    nonlinearity: str


class Grads(NamedTuple):
    """Gradient of the input, the shape of ``x``."""

    x: np.ndarray


def sigmoid(x: np.ndarray) -> np.ndarray:
    """Compute 1 / (1 + exp(-x)) = (1 + tanh(x/2)) / 2, the form that no input overflows. (1)

    The absolute error is below one rounding; below about x = -38 (float32: -18) the result is 0, so use
    ``log_softmax``, not log(sigmoid), for log-probabilities.
    """
    return 0.5 * (1 + np.tanh(0.5 * x))


def tanh(x: np.ndarray) -> np.ndarray:
    """Compute the hyperbolic tangent. (2)"""
    return np.tanh(x)


def relu(x: np.ndarray) -> np.ndarray:
    """Compute max(x, 0); a NaN stays NaN. (3)"""
    return np.where(np.real(x) <= 0, np.zeros_like(x), x)


def sigmoid_slope(y: np.ndarray) -> np.ndarray:
    """Give d sigmoid/dx from the OUTPUT y = sigmoid(x). (4)"""
    return y * (1 - y)


def tanh_slope(y: np.ndarray) -> np.ndarray:
    """Give d tanh/dx from the OUTPUT y = tanh(x). (5)"""
    return 1 - y * y


def relu_slope(y: np.ndarray) -> np.ndarray:
    """Give d relu/dx from the OUTPUT y = relu(x); 0 at the kink, as in PyTorch. (6)"""
    return np.where(np.real(y) > 0, np.ones_like(y), np.zeros_like(y))


FUNCTIONS = {"sigmoid": (sigmoid, sigmoid_slope), "tanh": (tanh, tanh_slope), "relu": (relu, relu_slope)}


def forward(x: np.ndarray, *, nonlinearity: str = "tanh") -> Cache:
    """Apply one nonlinearity elementwise.

    Parameters
    ----------
    x : array of any shape
    nonlinearity : {"tanh", "sigmoid", "relu"}

    Returns
    -------
    Cache
        ``y`` is the output.

    Raises
    ------
    ValueError
        Unknown nonlinearity.
    TypeError
        ``x`` is not floating-point.

    Notes
    -----
    Source: equations (1)-(3).  Checked by: tests/ops/test_activations.py
    """
    shapes.expect_float("activations.forward", "x", x)
    shapes.expect_choice("activations.forward", "nonlinearity", nonlinearity, FUNCTIONS)
    function, _ = FUNCTIONS[nonlinearity]
    return Cache(x=x, y=function(x), nonlinearity=nonlinearity)


def backward(dy: np.ndarray, cache: Cache) -> Grads:
    """Undo ``forward``.

    Parameters
    ----------
    dy : array, the shape of y
        dLoss/dy.
    cache : Cache

    Returns
    -------
    Grads

    Raises
    ------
    ValueError
        ``dy`` does not have the shape of y.
    TypeError
        ``dy`` is not floating-point.

    Notes
    -----
    forward  was   y = f(x)
    so now         dx = dy * f'(x), the slope written with y
    Source: equations (4)-(7).  Checked by: tests/ops/test_activations.py
    """
    shapes.expect_float("activations.backward", "dy", dy)
    if dy.shape != cache.y.shape:
        raise ValueError(f"activations.backward: dy has shape {dy.shape}, expected the shape of y {cache.y.shape}")
    _, slope = FUNCTIONS[cache.nonlinearity]
    dx = dy * slope(cache.y)  # (7)
    return Grads(x=dx)
