"""Activations for the CPU: one pass over the memory. See reference.forward and reference.backward.

Optimizations
-------------
- float32 tanh and sigmoid as arithmetic that becomes vectors (formula.py): about 0.5 ns an element, where a library
  call takes 15.
- Each result is computed in one pass: no array between the factors of ``dy * slope(y)``.
- Large arrays are split over the threads.
"""

from typing import Any

import numpy as np

from scratchnn import jit

from . import reference
from .formula import relu, relu_slope, sigmoid, sigmoid_slope, tanh, tanh_slope
from .reference import Cache, Grads

NAMES = {"tanh": 0, "sigmoid": 1, "relu": 2}
COST = 60.0  # multiply-adds that take as long as one element


def forward(x: np.ndarray, *, nonlinearity: str = "tanh") -> Cache:
    """Apply one nonlinearity elementwise. See reference.forward."""
    dtype = jit.working_dtype(x)
    if dtype is None or nonlinearity not in NAMES:
        return reference.forward(x, nonlinearity=nonlinearity)
    y = np.empty(x.shape, dtype)
    _over_elements(forward_into, NAMES[nonlinearity], jit.plain(x, dtype).reshape(-1), y.reshape(-1))
    return Cache(x=x, y=y, nonlinearity=nonlinearity)


def backward(dy: np.ndarray, cache: Cache) -> Grads:
    """Undo ``forward``. See reference.backward."""
    y = cache.y
    dtype = jit.working_dtype(dy, y)
    if dtype is None or dy.shape != y.shape:
        return reference.backward(dy, cache)
    dx = np.empty(y.shape, dtype)
    dy, y = jit.plain(dy, dtype).reshape(-1), jit.plain(y, dtype).reshape(-1)
    _over_elements(backward_into, NAMES[cache.nonlinearity], dy, y, dx.reshape(-1))
    return Grads(x=dx)


def _over_elements(kernel: Any, *arguments: Any) -> None:
    size = arguments[-1].size
    jit.split(lambda begin, end: kernel(*arguments, begin, end), size, COST * size)


@jit.kernel
def forward_into(which, x, y, begin, end):
    """Elements begin..end of y = f(x), f by its number in NAMES."""
    jit.wide_vectors()
    x, y = x[begin:end], y[begin:end]
    if which == 0:
        for j in range(x.size):
            y[j] = tanh(x[j])
    elif which == 1:
        for j in range(x.size):
            y[j] = sigmoid(x[j])
    else:
        for j in range(x.size):
            y[j] = relu(x[j])


@jit.kernel
def backward_into(which, dy, y, dx, begin, end):
    """Elements begin..end of dx = dy * slope(y), f by its number in NAMES."""
    jit.wide_vectors()
    dy, y, dx = dy[begin:end], y[begin:end], dx[begin:end]
    if which == 0:
        for j in range(y.size):
            dx[j] = dy[j] * tanh_slope(y[j])
    elif which == 1:
        for j in range(y.size):
            dx[j] = dy[j] * sigmoid_slope(y[j])
    else:
        for j in range(y.size):
            dx[j] = dy[j] * relu_slope(y[j])
