"""Linear map for the GPU. See reference.forward and reference.backward.

Optimizations
-------------
- All three products through the register tiles of ops/matmul; the bias is added on the way, without a launch.
- The sum of dy's rows for db rides along as one more row of the product for dW.
Bound by arithmetic where all sizes are some hundreds, by memory or the launch below.
"""

import numpy as np

from scratchnn import device, shapes
from scratchnn.ops.matmul.gpu import product

from . import reference
from .reference import Cache, Grads, Params


def forward(x: np.ndarray, params: Params) -> Cache:
    """Map the last axis of ``x`` linearly. See reference.forward."""
    reference._check_inputs(x, params)
    given = (x, params.W) if params.b is None else (x, params.W, params.b)
    (x_there, W, *b), home = device.bring("linear.forward", *given)
    (D, N), shape = W.shape, (*x.shape[:-1], W.shape[1])
    y = device.empty(shape, W.dtype)
    if y.size:
        rows = y.size // N
        product(x_there.reshape(rows, D), W, bias=b[0] if b else None, out=y.reshape(rows, N))
    return Cache(x if home else x_there, device.back(y, home))


def backward(dy: np.ndarray, cache: Cache, params: Params) -> Grads:
    """Undo ``forward``. See reference.backward."""
    shapes.expect_float("linear.backward", "dy", dy)
    if tuple(dy.shape) != tuple(cache.y.shape):
        raise ValueError(
            f"linear.backward: dy has shape {tuple(dy.shape)}, expected the shape of y {tuple(cache.y.shape)}"
        )
    (dy, x, W), home = device.bring("linear.backward", dy, cache.x, params.W)
    D, N = W.shape
    rows, biased = x.size // D, params.b is not None
    dx = device.empty(x.shape, W.dtype)
    if not rows:
        dW, db = device.zeros((D, N), W.dtype), device.zeros(N, W.dtype) if biased else None
        return device.back(Grads(dx, dW, db), home)
    dy, x = dy.reshape(rows, N), x.reshape(rows, D)
    product(dy, W, B_turned=True, out=dx.reshape(rows, D))  # (2)
    sums = product(x, dy, A_turned=True, ones=biased)  # (3), (4)
    db = sums[D] if biased else None
    return device.back(Grads(dx, sums[:D], db), home)


def kernels() -> list:
    """List the kernels of this file, for the tests that compile them: those of ops/matmul do all."""
    return []
