"""Optimisers for the CPU. See reference.sgd, adam, adamw, adagrad and rmsprop.

Optimizations
-------------
- One pass over memory: a block of a parameter and its state is read, updated and written while it lies in the
  first-level cache. NumPy makes a pass, and an array, for every operation: 14 for AdamW.
- ``..._into`` writes into the parameter and the state: nothing is allocated. The others copy first, and so stay pure.
- Within a block one loop per written array, which LLVM turns into vector code, square root and division included.
- Large parameters are split over threads.
The arithmetic is the reference's, operation by operation.
"""

import numpy as np

from scratchnn import jit
from scratchnn.jit import kernel

from . import reference
from .formula import corrected_step, mean, mean_square, scaled, with_decay
from .reference import (
    AdagradState,
    AdamState,
    RMSpropState,
    SGDState,
    adagrad_start,
    adam_start,
    rmsprop_start,
    sgd_start,
)

BLOCK = 1024  # numbers of each array at a time: five float32 arrays of it are 20 KB
COST = 20.0  # operations that one number costs, to judge whether threads pay
SMALL = 2**16  # numbers that one thread does at once


@kernel
def sgd_kernel(p, grad, velocity, lr, momentum, nesterov, weight_decay, begin, end):
    """Take one step of gradient descent in place, equations (1)-(4)."""
    number = p.dtype.type
    lr, momentum, weight_decay = number(lr), number(momentum), number(weight_decay)
    for at in range(begin, end, BLOCK):
        stop = min(at + BLOCK, end)
        p_, g_, u_ = p[at:stop], grad[at:stop], velocity[at:stop]
        for k in range(stop - at):
            u_[k] = momentum * u_[k] + with_decay(g_[k], weight_decay, p_[k])
        if nesterov:
            for k in range(stop - at):
                p_[k] = p_[k] - lr * (with_decay(g_[k], weight_decay, p_[k]) + momentum * u_[k])
        else:
            for k in range(stop - at):
                p_[k] = p_[k] - lr * u_[k]


@kernel
def adam_kernel(
    p, grad, m, v, lr, beta1, rest1, beta2, rest2, eps, weight_decay, decoupled, m_bias, v_bias, begin, end
):
    """Take one step of Adam, or of AdamW if ``decoupled``, in place, equations (1), (5)-(10)."""
    number = p.dtype.type
    beta1, rest1, beta2, rest2 = number(beta1), number(rest1), number(beta2), number(rest2)
    lr_decay = number(lr * weight_decay)
    lr, eps, m_bias, v_bias = number(lr), number(eps), number(m_bias), number(v_bias)
    weight_decay = number(0) if decoupled else number(weight_decay)
    g = np.empty(BLOCK, p.dtype)
    for at in range(begin, end, BLOCK):
        stop = min(at + BLOCK, end)
        p_, g_, m_, v_ = p[at:stop], grad[at:stop], m[at:stop], v[at:stop]
        if not decoupled:
            for k in range(stop - at):
                g[k] = with_decay(g_[k], weight_decay, p_[k])
            g_ = g[: stop - at]
        for k in range(stop - at):
            m_[k] = mean(m_[k], g_[k], beta1, rest1)
        for k in range(stop - at):
            v_[k] = mean_square(v_[k], g_[k], beta2, rest2)
        if decoupled:
            for k in range(stop - at):
                p_[k] = p_[k] - lr_decay * p_[k] - corrected_step(m_[k], v_[k], lr, eps, m_bias, v_bias)
        else:
            for k in range(stop - at):
                p_[k] = p_[k] - corrected_step(m_[k], v_[k], lr, eps, m_bias, v_bias)


@kernel
def adagrad_kernel(p, grad, total, rate, eps, weight_decay, begin, end):
    """Take one step of Adagrad in place, equations (1), (11)-(13)."""
    number = p.dtype.type
    rate, eps, weight_decay = number(rate), number(eps), number(weight_decay)
    one = number(1)
    g = np.empty(BLOCK, p.dtype)
    for at in range(begin, end, BLOCK):
        stop = min(at + BLOCK, end)
        p_, g_, total_ = p[at:stop], grad[at:stop], total[at:stop]
        for k in range(stop - at):
            g[k] = with_decay(g_[k], weight_decay, p_[k])
        for k in range(stop - at):
            total_[k] = mean_square(total_[k], g[k], one, one)
        for k in range(stop - at):
            p_[k] = p_[k] - scaled(rate * g[k], total_[k], eps)


@kernel
def rmsprop_kernel(p, grad, v, m, velocity, lr, alpha, rest, eps, weight_decay, momentum, centered, begin, end):
    """Take one step of RMSprop in place, equations (1), (14)-(18)."""
    number = p.dtype.type
    lr, alpha, rest, eps = number(lr), number(alpha), number(rest), number(eps)
    weight_decay, momentum, zero = number(weight_decay), number(momentum), number(0)
    g, spread = np.empty(BLOCK, p.dtype), np.empty(BLOCK, p.dtype)
    for at in range(begin, end, BLOCK):
        stop = min(at + BLOCK, end)
        p_, g_, v_, m_, u_ = p[at:stop], grad[at:stop], v[at:stop], m[at:stop], velocity[at:stop]
        for k in range(stop - at):
            g[k] = with_decay(g_[k], weight_decay, p_[k])
        for k in range(stop - at):
            v_[k] = mean_square(v_[k], g[k], alpha, rest)
        for k in range(stop - at):
            m_[k] = mean(m_[k], g[k], alpha, rest)
        if centered:
            for k in range(stop - at):
                variance = v_[k] - m_[k] * m_[k]
                spread[k] = zero if variance < zero else variance  # NaN stays NaN
        else:
            for k in range(stop - at):
                spread[k] = v_[k]
        for k in range(stop - at):
            u_[k] = momentum * u_[k] + scaled(g[k], spread[k], eps)
        for k in range(stop - at):
            p_[k] = p_[k] - lr * u_[k]


def fits(p: np.ndarray, grad: np.ndarray, state: tuple) -> bool:
    """Say whether the ``..._into`` functions can take these arrays, beside the reference's own conditions.

    Parameters
    ----------
    p, grad : array
    state : tuple
        Of the parameter.

    Returns
    -------
    bool
        All are of one precision, float32 or float64, and of one shape; those to write lie in one piece.
    """
    dtype, shape = p.dtype, p.shape
    if dtype not in jit.DTYPES or not isinstance(grad, np.ndarray) or grad.dtype != dtype or grad.shape != shape:
        return False
    return p.flags.carray and all(
        array.dtype == dtype and array.shape == shape and array.flags.carray
        for array in state
        if isinstance(array, np.ndarray)
    )


def sgd_into(p, grad, state, *, lr, momentum=0.0, nesterov=False, weight_decay=0.0):
    """Do what ``sgd`` does in place, for arrays that pass ``fits``; returns the new state."""
    _run(sgd_kernel, p, grad, state[:1], lr, momentum, nesterov, weight_decay)
    return state


def adam_into(p, grad, state, *, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, decoupled=False):
    """Do what ``adam`` does in place, for arrays that pass ``fits``; returns the new state."""
    (beta1, beta2), count = betas, state.count + 1
    rests, biases = (1 - beta1, 1 - beta2), (1 - beta1**count, 1 - beta2**count)
    _run(
        adam_kernel, p, grad, state[:2],
        lr, beta1, rests[0], beta2, rests[1], eps, weight_decay, decoupled, *biases,
    )  # fmt: skip
    return AdamState(state.m, state.v, count)


def adamw_into(p, grad, state, *, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
    """Do what ``adamw`` does in place, for arrays that pass ``fits``; returns the new state."""
    return adam_into(p, grad, state, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, decoupled=True)


def adagrad_into(p, grad, state, *, lr, lr_decay=0.0, eps=1e-10, weight_decay=0.0):
    """Do what ``adagrad`` does in place, for arrays that pass ``fits``; returns the new state."""
    rate = lr / (1 + state.count * lr_decay)  # (12)
    _run(adagrad_kernel, p, grad, state[:1], rate, eps, weight_decay)
    return AdagradState(state.total, state.count + 1)


def rmsprop_into(p, grad, state, *, lr, alpha=0.99, eps=1e-8, weight_decay=0.0, momentum=0.0, centered=False):
    """Do what ``rmsprop`` does in place, for arrays that pass ``fits``; returns the new state."""
    _run(rmsprop_kernel, p, grad, state, lr, alpha, 1 - alpha, eps, weight_decay, momentum, centered)
    return state


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
    """Take one step of gradient descent. See reference.sgd."""
    settings = {"lr": lr, "momentum": momentum, "nesterov": nesterov, "weight_decay": weight_decay}
    return _pure(reference.sgd, sgd_into, sgd_start, p, grad, state, settings)


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
    """Take one step of Adam. See reference.adam."""
    settings = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
    return _pure(reference.adam, adam_into, adam_start, p, grad, state, settings)


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
    """Take one step of AdamW. See reference.adamw."""
    settings = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
    return _pure(reference.adamw, adamw_into, adam_start, p, grad, state, settings)


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
    """Take one step of Adagrad. See reference.adagrad."""
    settings = {"lr": lr, "lr_decay": lr_decay, "eps": eps, "weight_decay": weight_decay}
    return _pure(reference.adagrad, adagrad_into, adagrad_start, p, grad, state, settings)


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
    """Take one step of RMSprop. See reference.rmsprop."""
    settings = {"lr": lr, "alpha": alpha, "eps": eps, "weight_decay": weight_decay}
    settings |= {"momentum": momentum, "centered": centered}
    return _pure(reference.rmsprop, rmsprop_into, rmsprop_start, p, grad, state, settings)


def _pure(by_reference, into, start, p, grad, state, settings):
    """Copy what ``into`` would write; arrays that are none for kernels go to the reference."""
    numbers = isinstance(p, np.ndarray) and all(_is_python(value) for value in settings.values())
    if not numbers or p.dtype not in jit.DTYPES:
        return by_reference(p, grad, state, **settings)
    p_new = np.array(p, order="C", subok=False)
    begun = start(p_new) if state is None else state
    copied = (np.array(value, order="C") if isinstance(value, np.ndarray) else value for value in begun)
    copied = type(begun)(*copied)
    if not fits(p_new, grad, copied):
        return by_reference(p, grad, state, **settings)
    return p_new, into(p_new, grad, copied, **settings)


def _is_python(value):
    """Say whether a setting is a Python number, which leaves float32 alone; NumPy's would not."""
    return all(map(_is_python, value)) if isinstance(value, tuple) else type(value) in (float, int, bool)


def _run(step, p, grad, arrays, *settings):
    size = p.size
    flat = [array.reshape(-1) for array in (p, jit.plain(grad, p.dtype), *arrays)]
    settings = [float(value) if type(value) is int else value for value in settings]
    if size < SMALL:
        step(*flat, *settings, 0, size)
    else:
        jit.split(lambda begin, end: step(*flat, *settings, begin, end), size, COST * size)
