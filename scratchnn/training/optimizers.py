"""Optimisers: SGD, Adam, AdamW, Adagrad, RMSprop over a dict of parameters, updated in place.

The mathematics is ``scratchnn.ops.optimizers``; here live the settings. What they share is in optimizer_base.py.
Names and defaults are those of ``torch.optim``.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np

from scratchnn.ops.optimizers import reference

from .groups import Group
from .optimizer_base import Optimizer, number

__all__ = ["SGD", "Adagrad", "Adam", "AdamW", "Optimizer", "RMSprop"]


class SGD(Optimizer):
    """Stochastic gradient descent.

    Parameters
    ----------
    params : dict of str to array
        The arrays themselves, e.g. ``model.params``: ``step`` writes into them.
    lr : float
        Learning rate.
    momentum : float
    nesterov : bool
        Needs a momentum.
    weight_decay : float
        Added to the gradient, times the parameter.
    groups : iterable of Group
        Parameters with settings of their own, e.g. ``[no_decay(params)]``.
    backend : str or module
        Who computes: "cpu", "reference", "gpu", or a module with the functions of ``scratchnn.ops.optimizers``.

    Notes
    -----
    Source: equations (1)-(4) of ``scratchnn.ops.optimizers``.
    Checked by: tests/training/test_optimizer_objects.py (20 steps beside ``torch.optim.SGD``)
    """

    rule = "sgd"

    def __init__(
        self,
        params: dict[str, np.ndarray],
        lr: float = 1e-3,
        *,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
        groups: Iterable[Group] = (),
        backend: str | Any = "cpu",
    ) -> None:
        super().__init__(params, lr, weight_decay, groups, reference.sgd_start, backend)
        self.momentum = number(self.where, "momentum", momentum, below=1)
        self.nesterov = bool(nesterov)
        if self.nesterov and self.momentum == 0:
            raise ValueError("SGD: nesterov needs a momentum above 0")

    def _settings(self):
        return {"momentum": self.momentum, "nesterov": self.nesterov}


class Adam(Optimizer):
    """Adam.

    Parameters
    ----------
    params : dict of str to array
        The arrays themselves, e.g. ``model.params``: ``step`` writes into them.
    lr : float
        Learning rate.
    betas : (float, float)
        Decay of the mean of the gradient and of the mean of its square.
    eps : float
        Keeps the division finite.
    weight_decay : float
        Added to the gradient, times the parameter.
    groups : iterable of Group
        Parameters with settings of their own, e.g. ``[no_decay(params)]``.
    backend : str or module
        Who computes: "cpu", "reference", "gpu", or a module with the functions of ``scratchnn.ops.optimizers``.

    Notes
    -----
    Source: equations (1), (5)-(9) of ``scratchnn.ops.optimizers``.
    Checked by: tests/training/test_optimizer_objects.py (20 steps beside ``torch.optim.Adam``)
    """

    rule = "adam"

    def __init__(
        self,
        params: dict[str, np.ndarray],
        lr: float = 1e-3,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        groups: Iterable[Group] = (),
        backend: str | Any = "cpu",
    ) -> None:
        super().__init__(params, lr, weight_decay, groups, reference.adam_start, backend)
        beta1, beta2 = betas
        self.betas = (number(self.where, "beta1", beta1, below=1), number(self.where, "beta2", beta2, below=1))
        self.eps = number(self.where, "eps", eps)

    def _settings(self):
        return {"betas": self.betas, "eps": self.eps}


class AdamW(Adam):
    """Adam with decoupled weight decay.

    Parameters
    ----------
    params : dict of str to array
        The arrays themselves, e.g. ``model.params``: ``step`` writes into them.
    lr : float
        Learning rate.
    betas : (float, float)
        Decay of the mean of the gradient and of the mean of its square.
    eps : float
        Keeps the division finite.
    weight_decay : float
        Every step shrinks the parameter by ``1 - lr * weight_decay``.
    groups : iterable of Group
        Parameters with settings of their own, e.g. ``[no_decay(params)]``.
    backend : str or module
        Who computes: "cpu", "reference", "gpu", or a module with the functions of ``scratchnn.ops.optimizers``.

    Notes
    -----
    Source: equations (5)-(8), (10) of ``scratchnn.ops.optimizers``.
    Checked by: tests/training/test_optimizer_objects.py (20 steps beside ``torch.optim.AdamW``)
    """

    rule = "adamw"

    def __init__(
        self,
        params: dict[str, np.ndarray],
        lr: float = 1e-3,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
        groups: Iterable[Group] = (),
        backend: str | Any = "cpu",
    ) -> None:
        super().__init__(params, lr, betas=betas, eps=eps, weight_decay=weight_decay, groups=groups, backend=backend)


class Adagrad(Optimizer):
    """Adagrad.

    Parameters
    ----------
    params : dict of str to array
        The arrays themselves, e.g. ``model.params``: ``step`` writes into them.
    lr : float
        Learning rate.
    lr_decay : float
        Step k goes with ``lr / (1 + (k - 1) * lr_decay)``.
    weight_decay : float
        Added to the gradient, times the parameter.
    initial_accumulator_value : float
        What every sum of squared gradients begins with.
    eps : float
        Keeps the division finite.
    groups : iterable of Group
        Parameters with settings of their own, e.g. ``[no_decay(params)]``.
    backend : str or module
        Who computes: "cpu", "reference", "gpu", or a module with the functions of ``scratchnn.ops.optimizers``.

    Notes
    -----
    Source: equations (1), (11)-(13) of ``scratchnn.ops.optimizers``.
    Checked by: tests/training/test_optimizer_objects.py (20 steps beside ``torch.optim.Adagrad``)
    """

    rule = "adagrad"

    def __init__(
        self,
        params: dict[str, np.ndarray],
        lr: float = 1e-2,
        *,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
        groups: Iterable[Group] = (),
        backend: str | Any = "cpu",
    ) -> None:
        first = number("Adagrad", "initial_accumulator_value", initial_accumulator_value)
        super().__init__(params, lr, weight_decay, groups, lambda p: reference.adagrad_start(p, first), backend)
        self.lr_decay = number(self.where, "lr_decay", lr_decay)
        self.eps = number(self.where, "eps", eps)

    def _settings(self):
        return {"lr_decay": self.lr_decay, "eps": self.eps}


class RMSprop(Optimizer):
    """RMSprop.

    Parameters
    ----------
    params : dict of str to array
        The arrays themselves, e.g. ``model.params``: ``step`` writes into them.
    lr : float
        Learning rate.
    alpha : float
        Decay of the means.
    eps : float
        Keeps the division finite.
    weight_decay : float
        Added to the gradient, times the parameter.
    momentum : float
    centered : bool
        Divide by the gradient's standard deviation in place of its root mean square.
    groups : iterable of Group
        Parameters with settings of their own, e.g. ``[no_decay(params)]``.
    backend : str or module
        Who computes: "cpu", "reference", "gpu", or a module with the functions of ``scratchnn.ops.optimizers``.

    Notes
    -----
    Source: equations (1), (14)-(18) of ``scratchnn.ops.optimizers``.
    Checked by: tests/training/test_optimizer_objects.py (20 steps beside ``torch.optim.RMSprop``)
    """

    rule = "rmsprop"

    def __init__(
        self,
        params: dict[str, np.ndarray],
        lr: float = 1e-2,
        *,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
        groups: Iterable[Group] = (),
        backend: str | Any = "cpu",
    ) -> None:
        super().__init__(params, lr, weight_decay, groups, reference.rmsprop_start, backend)
        self.alpha = number(self.where, "alpha", alpha, below=1)
        self.eps = number(self.where, "eps", eps)
        self.momentum = number(self.where, "momentum", momentum, below=1)
        self.centered = bool(centered)

    def _settings(self):
        return {"alpha": self.alpha, "eps": self.eps, "momentum": self.momentum, "centered": self.centered}
