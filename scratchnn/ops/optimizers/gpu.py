"""Optimisers for the GPU. See reference.sgd, adam, adamw, adagrad and rmsprop.

Optimizations
-------------
- One kernel for one parameter, whichever the optimiser: each number and its state are read, updated and written once,
  where NumPy makes a pass for every operation (14 for AdamW).
- ``..._into`` writes into the parameter and the state on the device: nothing is allocated, nothing is copied. The
  others copy first, and so stay pure.
Bound by memory: Adam reads four arrays and writes three. The many small parameters of a small model are bound by the
launches instead, one each.
"""

import numpy as np

from scratchnn import arrays, device, shapes
from scratchnn.arrays import launch
from scratchnn.device import cuda, function, kernel

from . import formula
from .reference import AdagradState, AdamState, RMSpropState, SGDState

corrected_step, mean, mean_square = map(function, (formula.corrected_step, formula.mean, formula.mean_square))
scaled, with_decay = map(function, (formula.scaled, formula.with_decay))


@kernel("f1 f1 f1 f f b f", registers=32)
def optimizers_kernel_sgd(p, grad, velocity, lr, momentum, nesterov, weight_decay):
    """Take one step of gradient descent in place, equations (1)-(4)."""
    for k in range(cuda.grid(1), p.size, cuda.gridsize(1)):
        g = with_decay(grad[k], weight_decay, p[k])
        velocity[k] = momentum * velocity[k] + g
        direction = g + momentum * velocity[k] if nesterov else velocity[k]
        p[k] = p[k] - lr * direction


@kernel("f1 f1 f1 f1 f f f f f f f f b f f", registers=40)
def optimizers_kernel_adam(
    p, grad, m, v, lr, beta1, rest1, beta2, rest2, eps, weight_decay, lr_decay, decoupled, m_bias, v_bias
):
    """Take one step of Adam, or of AdamW if ``decoupled``, in place, equations (1), (5)-(10)."""
    for k in range(cuda.grid(1), p.size, cuda.gridsize(1)):
        g = grad[k] if decoupled else with_decay(grad[k], weight_decay, p[k])
        m[k] = mean(m[k], g, beta1, rest1)
        v[k] = mean_square(v[k], g, beta2, rest2)
        step = corrected_step(m[k], v[k], lr, eps, m_bias, v_bias)
        p[k] = p[k] - lr_decay * p[k] - step if decoupled else p[k] - step


@kernel("f1 f1 f1 f f f", registers=40)
def optimizers_kernel_adagrad(p, grad, total, rate, eps, weight_decay):
    """Take one step of Adagrad in place, equations (1), (11)-(13)."""
    one = p.dtype.type(1)
    for k in range(cuda.grid(1), p.size, cuda.gridsize(1)):
        g = with_decay(grad[k], weight_decay, p[k])
        total[k] = mean_square(total[k], g, one, one)
        p[k] = p[k] - scaled(rate * g, total[k], eps)


@kernel("f1 f1 f1 f1 f1 f f f f f f b", registers=40)
def optimizers_kernel_rmsprop(p, grad, v, m, velocity, lr, alpha, rest, eps, weight_decay, momentum, centered):
    """Take one step of RMSprop in place, equations (1), (14)-(18)."""
    zero = p.dtype.type(0)
    for k in range(cuda.grid(1), p.size, cuda.gridsize(1)):
        g = with_decay(grad[k], weight_decay, p[k])
        v[k] = mean_square(v[k], g, alpha, rest)
        m[k] = mean(m[k], g, alpha, rest)
        spread = v[k]
        if centered:
            spread = v[k] - m[k] * m[k]
            if spread < zero:  # NaN stays NaN
                spread = zero
        velocity[k] = momentum * velocity[k] + scaled(g, spread, eps)
        p[k] = p[k] - lr * velocity[k]


def sgd_start(p: np.ndarray) -> SGDState:
    """Give the state before the first step of ``sgd``. See reference.sgd_start."""
    return SGDState(arrays.zeros_like(p))


def adam_start(p: np.ndarray) -> AdamState:
    """Give the state before the first step of ``adam`` and ``adamw``. See reference.adam_start."""
    return AdamState(arrays.zeros_like(p), arrays.zeros_like(p), 0)


def adagrad_start(p: np.ndarray, value: float = 0.0) -> AdagradState:
    """Give the state before the first step of ``adagrad``. See reference.adagrad_start."""
    return AdagradState(arrays.like(p, value), 0)


def rmsprop_start(p: np.ndarray) -> RMSpropState:
    """Give the state before the first step of ``rmsprop``. See reference.rmsprop_start."""
    return RMSpropState(arrays.zeros_like(p), arrays.zeros_like(p), arrays.zeros_like(p))


def fits(p: np.ndarray, grad: np.ndarray, state: tuple) -> bool:
    """Say whether the ``..._into`` functions can take these arrays.

    Parameters
    ----------
    p, grad : array
    state : tuple
        Of the parameter.

    Returns
    -------
    bool
        All are on the device, of one precision and of one shape.
    """
    found = [p, grad, *(array for array in state if hasattr(array, "dtype"))]
    return all(
        device.on_device(array) and array.dtype == p.dtype and tuple(array.shape) == tuple(p.shape) for array in found
    )


def sgd_into(p, grad, state, *, lr, momentum=0.0, nesterov=False, weight_decay=0.0):
    """Do what ``sgd`` does in place, for arrays that pass ``fits``; returns the new state."""
    lr, momentum, weight_decay = _numbers(p, lr, momentum, weight_decay)
    _run(optimizers_kernel_sgd, p, grad, state[:1], lr, momentum, bool(nesterov), weight_decay)
    return state


def adam_into(p, grad, state, *, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, decoupled=False):
    """Do what ``adam`` does in place, for arrays that pass ``fits``; returns the new state."""
    (beta1, beta2), count = betas, state.count + 1
    numbers = _numbers(p, lr, beta1, 1 - beta1, beta2, 1 - beta2, eps, weight_decay, lr * weight_decay)
    biases = _numbers(p, 1 - beta1**count, 1 - beta2**count)
    _run(optimizers_kernel_adam, p, grad, state[:2], *numbers, bool(decoupled), *biases)
    return AdamState(state.m, state.v, count)


def adamw_into(p, grad, state, *, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
    """Do what ``adamw`` does in place, for arrays that pass ``fits``; returns the new state."""
    return adam_into(p, grad, state, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, decoupled=True)


def adagrad_into(p, grad, state, *, lr, lr_decay=0.0, eps=1e-10, weight_decay=0.0):
    """Do what ``adagrad`` does in place, for arrays that pass ``fits``; returns the new state."""
    rate = lr / (1 + state.count * lr_decay)  # (12)
    _run(optimizers_kernel_adagrad, p, grad, state[:1], *_numbers(p, rate, eps, weight_decay))
    return AdagradState(state.total, state.count + 1)


def rmsprop_into(p, grad, state, *, lr, alpha=0.99, eps=1e-8, weight_decay=0.0, momentum=0.0, centered=False):
    """Do what ``rmsprop`` does in place, for arrays that pass ``fits``; returns the new state."""
    numbers = _numbers(p, lr, alpha, 1 - alpha, eps, weight_decay, momentum)
    _run(optimizers_kernel_rmsprop, p, grad, state, *numbers, bool(centered))
    return state


def all_into(rule: str, given: list[tuple], settings: list[dict], ready: None = None) -> tuple[list[tuple], None]:
    """Take a step of ``rule`` with several parameters in place, a launch for each.

    Parameters
    ----------
    rule : str
        "sgd", "adam", "adamw", "adagrad" or "rmsprop".
    given : list of (p, grad, state)
        Each passes ``fits``.
    settings : list of dict
        Those of each parameter.
    ready : None
        Not used.

    Returns
    -------
    states : list of tuple
        The new ones.
    ready : None
    """
    into = {"sgd": sgd_into, "adam": adam_into, "adamw": adamw_into, "adagrad": adagrad_into, "rmsprop": rmsprop_into}
    return [into[rule](*each, **its) for each, its in zip(given, settings, strict=True)], None


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
    return _pure(sgd_into, sgd_start, p, grad, state, settings)


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
    return _pure(adam_into, adam_start, p, grad, state, settings)


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
    return _pure(adamw_into, adam_start, p, grad, state, settings)


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
    return _pure(adagrad_into, adagrad_start, p, grad, state, settings)


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
    return _pure(rmsprop_into, rmsprop_start, p, grad, state, settings)


def kernels() -> list:
    """List the kernels of this file, for the tests that compile them."""
    return [
        optimizers_kernel_sgd,
        optimizers_kernel_adam,
        optimizers_kernel_adagrad,
        optimizers_kernel_rmsprop,
    ]


def _pure(into, start, p, grad, state, settings):
    """Let ``into`` write into copies."""
    where = f"optimizers.{into.__name__.removesuffix('_into')}"
    for name, array in (("p", p), ("grad", grad)):
        shapes.expect_float(where, name, array)
    if tuple(grad.shape) != tuple(p.shape):
        raise ValueError(f"{where}: grad has shape {tuple(grad.shape)}, expected the shape of p {tuple(p.shape)}")
    (p_there, grad_there), home = device.bring(where, p, grad)
    p_new = arrays.copy(p_there) if p_there is p else p_there
    if state is None:
        begun = start(p_new)
    else:
        dtype = p_new.dtype
        begun = type(state)(*(
            arrays.copy(value) if device.on_device(value) else
            device.to_device(value, dtype) if isinstance(value, np.ndarray) else value
            for value in state
        ))  # fmt: skip
    if p_new.size:
        begun = into(p_new, grad_there, begun, **settings)
    return device.back((p_new, begun), home)


def _numbers(p, *values):
    """Give numbers in the parameter's precision: float32 kernels then compute in float32 alone."""
    return [p.dtype.type(value) for value in values]


def _run(step, p, grad, state, *numbers):
    step[launch.over(p.size)](*(array.reshape(array.size) for array in (p, grad, *state)), *numbers)
