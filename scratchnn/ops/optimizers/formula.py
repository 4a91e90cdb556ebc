"""The optimisers' equations as small scalar functions, compiled into the kernels. Numbers are those of equations.py.

``rest`` is 1 - decay, handed over ready: taken in float32, 1 - 0.999 would be wrong in the fifth digit.
"""

import math

from scratchnn import jit


@jit.scalar
def with_decay(grad, weight_decay, p):
    """The gradient with weight decay (1)."""
    return grad + weight_decay * p


@jit.scalar
def mean(prev, g, decay, rest):
    """A decaying mean of the gradient (5), (15)."""
    return decay * prev + rest * g


@jit.scalar
def mean_square(prev, g, decay, rest):
    """A decaying mean of its square (6), (14)."""
    return decay * prev + rest * (g * g)


@jit.scalar
def corrected_step(m, v, lr, eps, m_bias, v_bias):
    """What Adam subtracts (7)-(9); ``m_bias`` is 1 - beta1**count."""
    return lr * (m / m_bias) / (math.sqrt(v / v_bias) + eps)


@jit.scalar
def scaled(g, square, eps):
    """The gradient over a root (13), (17)."""
    return g / (math.sqrt(square) + eps)
