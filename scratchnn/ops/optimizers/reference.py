"""Optimisers in NumPy: one step of one parameter, pure. Each numbered line is one equation of equations.py.

``state=None`` is the state before the first step. Arguments are never changed; the new parameter and the new
state are returned. float32 in, float32 out, as long as the settings are Python numbers.
"""

from typing import NamedTuple

import numpy as np

from scratchnn import shapes


class SGDState(NamedTuple):
    """What gradient descent remembers of one parameter."""

    velocity: np.ndarray  # the shape of p


class AdamState(NamedTuple):
    """What Adam and AdamW remember of one parameter."""

    m: np.ndarray  # the shape of p, decaying mean of the gradient
    v: np.ndarray  # the shape of p, decaying mean of its square
    count: int  # type: ignore[assignment]  # steps taken


class AdagradState(NamedTuple):
    """What Adagrad remembers of one parameter."""

    total: np.ndarray  # the shape of p, sum of the squared gradients
    count: int  # type: ignore[assignment]  # steps taken


class RMSpropState(NamedTuple):
    """What RMSprop remembers of one parameter."""

    v: np.ndarray  # the shape of p, decaying mean of the gradient's square
    m: np.ndarray  # the shape of p, decaying mean of the gradient
    velocity: np.ndarray  # the shape of p


def sgd_start(p: np.ndarray) -> SGDState:
    """Give the state before the first step of ``sgd``: zero velocity."""
    return SGDState(np.zeros_like(p))


def adam_start(p: np.ndarray) -> AdamState:
    """Give the state before the first step of ``adam`` and ``adamw``: zero means, no steps."""
    return AdamState(np.zeros_like(p), np.zeros_like(p), 0)


def adagrad_start(p: np.ndarray, value: float = 0.0) -> AdagradState:
    """Give the state before the first step of ``adagrad``: every sum begins with ``value``."""
    return AdagradState(np.full_like(p, value), 0)


def rmsprop_start(p: np.ndarray) -> RMSpropState:
    """Give the state before the first step of ``rmsprop``: zero means, zero velocity."""
    return RMSpropState(np.zeros_like(p), np.zeros_like(p), np.zeros_like(p))


def sgd(
    p: np.ndarray,
    grad: np.ndarray,
    state: SGDState | None = None,
    *,
    lr: float,
    momentum: float = 0.0,
    nesterov: bool = False,
    weight_decay: float = 0.0,
) -> tuple[np.ndarray, SGDState]:
    """Take one step of gradient descent.

    Parameters
    ----------
    p : array
        The parameter.
    grad : array, the shape of p
        dLoss/dp.
    state : SGDState, optional
        What the step before returned.
    lr : float
        Learning rate.
    momentum : float
        0: plain gradient descent.
    nesterov : bool
        Nesterov's form of momentum.
    weight_decay : float
        Adds ``weight_decay * p`` to the gradient.

    Returns
    -------
    p_new : array, the shape of p
    state : SGDState

    Raises
    ------
    ValueError
        The shapes disagree.
    TypeError
        An array is not floating-point.

    Notes
    -----
    Source: equations (1)-(4).  Checked by: tests/ops/test_optimizers.py
    """
    _check("sgd", p, grad)
    velocity_prev = (sgd_start(p) if state is None else state).velocity
    g = grad + weight_decay * p  # (1)
    velocity = momentum * velocity_prev + g  # (2)
    direction = g + momentum * velocity if nesterov else velocity  # (3)
    p_new = p - lr * direction  # (4)
    return p_new, SGDState(velocity)


def adam(
    p: np.ndarray,
    grad: np.ndarray,
    state: AdamState | None = None,
    *,
    lr: float,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.0,
) -> tuple[np.ndarray, AdamState]:
    """Take one step of Adam.

    Parameters
    ----------
    p : array
        The parameter.
    grad : array, the shape of p
        dLoss/dp.
    state : AdamState, optional
        What the step before returned.
    lr : float
        Learning rate.
    betas : (float, float)
        Decay of the mean of the gradient and of the mean of its square.
    eps : float
        Keeps the division finite.
    weight_decay : float
        Adds ``weight_decay * p`` to the gradient (so Adam rescales it, which AdamW avoids).

    Returns
    -------
    p_new : array, the shape of p
    state : AdamState

    Raises
    ------
    ValueError
        The shapes disagree.
    TypeError
        An array is not floating-point.

    Notes
    -----
    Source: equations (1), (5)-(9).  Checked by: tests/ops/test_optimizers.py
    """
    _check("adam", p, grad)
    g = grad + weight_decay * p  # (1)
    m_hat, v_hat, state = moments(g, adam_start(p) if state is None else state, betas)
    p_new = p - lr * m_hat / (np.sqrt(v_hat) + eps)  # (9)
    return p_new, state


def adamw(
    p: np.ndarray,
    grad: np.ndarray,
    state: AdamState | None = None,
    *,
    lr: float,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.01,
) -> tuple[np.ndarray, AdamState]:
    """Take one step of AdamW: Adam with the weight decay taken directly from the parameter.

    Parameters
    ----------
    p : array
        The parameter.
    grad : array, the shape of p
        dLoss/dp.
    state : AdamState, optional
        What the step before returned.
    lr : float
        Learning rate.
    betas : (float, float)
        Decay of the mean of the gradient and of the mean of its square.
    eps : float
        Keeps the division finite.
    weight_decay : float
        Shrinks the parameter by the factor ``1 - lr * weight_decay``.

    Returns
    -------
    p_new : array, the shape of p
    state : AdamState

    Raises
    ------
    ValueError
        The shapes disagree.
    TypeError
        An array is not floating-point.

    Notes
    -----
    Source: equations (5)-(8), (10).  Checked by: tests/ops/test_optimizers.py
    """
    _check("adamw", p, grad)
    m_hat, v_hat, state = moments(grad, adam_start(p) if state is None else state, betas)
    p_new = p - lr * weight_decay * p - lr * m_hat / (np.sqrt(v_hat) + eps)  # (10)
    return p_new, state


def moments(g: np.ndarray, state: AdamState, betas: tuple[float, float]) -> tuple[np.ndarray, np.ndarray, AdamState]:
    """Advance Adam's two means by one gradient.

    Parameters
    ----------
    g : array
        Gradient, the weight decay of Adam included.
    state : AdamState
        Before the step.
    betas : (float, float)

    Returns
    -------
    m_hat, v_hat : array, the shape of g
        Means without the bias towards 0.
    state : AdamState
        After the step.
    """
    beta1, beta2 = betas
    m_prev, v_prev, count = state.m, state.v, state.count + 1
    m = beta1 * m_prev + (1 - beta1) * g  # (5)
    v = beta2 * v_prev + (1 - beta2) * g**2  # (6)
    m_hat = m / (1 - beta1**count)  # (7)
    v_hat = v / (1 - beta2**count)  # (8)
    return m_hat, v_hat, AdamState(m, v, count)


def adagrad(
    p: np.ndarray,
    grad: np.ndarray,
    state: AdagradState | None = None,
    *,
    lr: float,
    lr_decay: float = 0.0,
    eps: float = 1e-10,
    weight_decay: float = 0.0,
) -> tuple[np.ndarray, AdagradState]:
    """Take one step of Adagrad: every entry has a learning rate that falls with the gradients it has seen.

    Parameters
    ----------
    p : array
        The parameter.
    grad : array, the shape of p
        dLoss/dp.
    state : AdagradState, optional
        What the step before returned.
    lr : float
        Learning rate.
    lr_decay : float
        Step k goes with ``lr / (1 + (k - 1) * lr_decay)``.
    eps : float
        Keeps the division finite.
    weight_decay : float
        Adds ``weight_decay * p`` to the gradient.

    Returns
    -------
    p_new : array, the shape of p
    state : AdagradState

    Raises
    ------
    ValueError
        The shapes disagree.
    TypeError
        An array is not floating-point.

    Notes
    -----
    Source: equations (1), (11)-(13).  Checked by: tests/ops/test_optimizers.py
    """
    _check("adagrad", p, grad)
    total_prev, count = adagrad_start(p) if state is None else state
    count = count + 1
    g = grad + weight_decay * p  # (1)
    total = total_prev + g**2  # (11)
    rate = lr / (1 + (count - 1) * lr_decay)  # (12)
    p_new = p - rate * g / (np.sqrt(total) + eps)  # (13)
    return p_new, AdagradState(total, count)


def rmsprop(
    p: np.ndarray,
    grad: np.ndarray,
    state: RMSpropState | None = None,
    *,
    lr: float,
    alpha: float = 0.99,
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    momentum: float = 0.0,
    centered: bool = False,
) -> tuple[np.ndarray, RMSpropState]:
    """Take one step of RMSprop: the gradient divided by the root of its mean square.

    Parameters
    ----------
    p : array
        The parameter.
    grad : array, the shape of p
        dLoss/dp.
    state : RMSpropState, optional
        What the step before returned.
    lr : float
        Learning rate.
    alpha : float
        Decay of the means; they start at 0 and are not corrected for it, unlike Adam's.
    eps : float
        Keeps the division finite.
    weight_decay : float
        Adds ``weight_decay * p`` to the gradient.
    momentum : float
        0: none.
    centered : bool
        Divide by the standard deviation of the gradient instead. Rounding can make the variance of a gradient that
        stays the same negative (PyTorch then gives NaN); here it is 0 at least, and the step huge: choose eps.

    Returns
    -------
    p_new : array, the shape of p
    state : RMSpropState

    Raises
    ------
    ValueError
        The shapes disagree.
    TypeError
        An array is not floating-point.

    Notes
    -----
    Source: equations (1), (14)-(18).  Checked by: tests/ops/test_optimizers.py
    """
    _check("rmsprop", p, grad)
    v_prev, m_prev, velocity_prev = rmsprop_start(p) if state is None else state
    g = grad + weight_decay * p  # (1)
    v = alpha * v_prev + (1 - alpha) * g**2  # (14)
    m = alpha * m_prev + (1 - alpha) * g  # (15)
    spread = np.maximum(v - m**2, 0) if centered else v  # (16)
    velocity = momentum * velocity_prev + g / (np.sqrt(spread) + eps)  # (17)
    p_new = p - lr * velocity  # (18)
    return p_new, RMSpropState(v, m, velocity)


def _check(where, p, grad):
    for name, array in (("p", p), ("grad", grad)):
        shapes.expect_float(f"optimizers.{where}", name, array)
    if grad.shape != p.shape:
        raise ValueError(f"optimizers.{where}: grad has shape {grad.shape}, expected the shape of p {p.shape}")
