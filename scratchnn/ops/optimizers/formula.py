"""The optimisers' equations for one number, compiled into loops over rows. Numbers are those of equations.py.

``..._number`` takes a number of the parameter, of the state and of the gradient, then the settings, and gives the new
parameter and state.
``rest`` is 1 - decay, handed over ready: taken in float32, 1 - 0.999 would be wrong in the fifth digit.
"""

import math

from scratchnn.jit.symbols import at_least_zero


def with_decay(grad, weight_decay, p):
    """The gradient with weight decay (1)."""
    return grad + weight_decay * p


def mean(prev, g, decay, rest):
    """A decaying mean of the gradient (5), (15)."""
    return decay * prev + rest * g


def mean_square(prev, g, decay, rest):
    """A decaying mean of its square (6), (14)."""
    return decay * prev + rest * (g * g)


def corrected_step(m, v, lr, eps, m_bias, v_bias):
    """What Adam subtracts (7)-(9); ``m_bias`` is 1 - beta1**count."""
    return lr * (m / m_bias) / (math.sqrt(v / v_bias) + eps)


def scaled(g, square, eps):
    """The gradient over a root (13), (17)."""
    return g / (math.sqrt(square) + eps)


def sgd_number(p, velocity, grad, lr, momentum, weight_decay):
    """Gradient descent, (1), (2), (4)."""
    velocity = momentum * velocity + with_decay(grad, weight_decay, p)
    return p - lr * velocity, velocity


def nesterov_number(p, velocity, grad, lr, momentum, weight_decay):
    """Gradient descent that looks ahead, (1)-(4)."""
    g = with_decay(grad, weight_decay, p)
    velocity = momentum * velocity + g
    return p - lr * (g + momentum * velocity), velocity


def adam_number(p, m, v, grad, lr, beta1, rest1, beta2, rest2, m_bias, v_bias, eps, weight_decay):
    """Adam, (1), (5)-(9)."""
    g = with_decay(grad, weight_decay, p)
    m, v = mean(m, g, beta1, rest1), mean_square(v, g, beta2, rest2)
    return p - corrected_step(m, v, lr, eps, m_bias, v_bias), m, v


def adamw_number(p, m, v, grad, lr, beta1, rest1, beta2, rest2, m_bias, v_bias, eps, lr_decay):
    """AdamW, (5)-(8), (10); ``lr_decay`` is lr * weight_decay."""
    m, v = mean(m, grad, beta1, rest1), mean_square(v, grad, beta2, rest2)
    return p - lr_decay * p - corrected_step(m, v, lr, eps, m_bias, v_bias), m, v


def adagrad_number(p, total, grad, rate, eps, weight_decay):
    """Adagrad, (1), (11), (13)."""
    g = with_decay(grad, weight_decay, p)
    total = total + g * g
    return p - scaled(rate * g, total, eps), total


def rmsprop_number(p, v, m, velocity, grad, lr, alpha, rest, eps, weight_decay, momentum):
    """RMSprop, (1), (14), (15), (17), (18)."""
    g = with_decay(grad, weight_decay, p)
    v, m = mean_square(v, g, alpha, rest), mean(m, g, alpha, rest)
    velocity = momentum * velocity + scaled(g, v, eps)
    return p - lr * velocity, v, m, velocity


def centered_number(p, v, m, velocity, grad, lr, alpha, rest, eps, weight_decay, momentum):
    """RMSprop with the standard deviation, (1), (14)-(18)."""
    g = with_decay(grad, weight_decay, p)
    v, m = mean_square(v, g, alpha, rest), mean(m, g, alpha, rest)
    velocity = momentum * velocity + scaled(g, at_least_zero(v - m * m), eps)
    return p - lr * velocity, v, m, velocity
