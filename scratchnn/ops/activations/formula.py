"""The activations as small scalar functions, compiled into every kernel that calls them.

``math.tanh`` is a library call, about 15 ns, and stops LLVM from doing several elements at once. What stands here is
arithmetic alone, so a loop over it becomes vector code: 0.4 to 0.5 ns an element in float32.

float32   a quotient of polynomials, odd over even, on [-8, 8], beyond which tanh is 1 to the last digit; the
          coefficients are those of a minimax fit (in wide use since Eigen 3.3); the error is below 4e-7.
float64   ``math.tanh``: full precision, for checking rather than for speed.
"""

import math

import numpy as np
from numba import types
from numba.extending import overload

from scratchnn import jit
from scratchnn.jit.symbols import clamped


def tanh(x):
    """Hyperbolic tangent, in the precision of ``x``. (2)"""
    return tanh32(x) if isinstance(x, np.float32) else math.tanh(x)


@jit.scalar
def tanh32(x):
    """Hyperbolic tangent of a float32."""
    x = clamped(x, np.float32(7.99881172180175781))
    y = x * x
    p = np.float32(-2.76076847742355e-16)
    p = p * y + np.float32(2.00018790482477e-13)
    p = p * y + np.float32(-8.60467152213735e-11)
    p = p * y + np.float32(5.12229709037114e-08)
    p = p * y + np.float32(1.48572235717979e-05)
    p = p * y + np.float32(6.37261928875436e-04)
    p = p * y + np.float32(4.89352455891786e-03)
    q = np.float32(1.19825839466702e-06)
    q = q * y + np.float32(1.18534705686654e-04)
    q = q * y + np.float32(2.26843463243900e-03)
    q = q * y + np.float32(4.89352518554385e-03)
    return x * p / q


@overload(tanh, jit_options={"error_model": "numpy", "fastmath": {"contract"}, "forceinline": True})
def _tanh_for_kernels(x):
    if x == types.float32:
        return lambda x: tanh32(x)
    return lambda x: math.tanh(x)


@jit.scalar
def sigmoid(x):
    """1 / (1 + exp(-x)) as (1 + tanh(x/2)) / 2: right to an absolute rounding: for gates, not logarithms. (1)"""
    half = type(x)(0.5)
    return half * tanh(half * x) + half


@jit.scalar
def relu(x):
    """max(x, 0); a NaN stays NaN. (3)"""
    return type(x)(0) if x <= 0 else x


@jit.scalar
def sigmoid_slope(y):
    """Slope of the sigmoid from its output. (4)"""
    return y * (type(y)(1) - y)


@jit.scalar
def tanh_slope(y):
    """Slope of the tanh from its output. (5)"""
    return type(y)(1) - y * y


@jit.scalar
def relu_slope(y):
    """Slope of the relu from its output; 0 at the kink. (6)"""
    return type(y)(1) if y > 0 else type(y)(0)
