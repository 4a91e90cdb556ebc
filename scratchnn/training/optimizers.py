"""Optimisers: SGD, Adam, AdamW over a dict of parameters, updated in place.

The mathematics is ``scratchnn.ops.optimizers``; here live the settings, the state and the checks.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from scratchnn.ops.optimizers import reference


class Optimizer:
    """Settings, parameters and the state of each parameter; ``step`` is the same for all.

    Parameters
    ----------
    params : dict of str to array
        The arrays themselves, e.g. ``model.params``: ``step`` writes into them. Leave some out to freeze them.
    lr : float
        Learning rate; may be set anew at any time (``optimizer.lr = 0.01``).
    weight_decay : float
    start : function
        Gives the state of a parameter before the first step.
    """

    def __init__(
        self, params: dict[str, np.ndarray], lr: float, weight_decay: float, start: Callable[[np.ndarray], Any]
    ) -> None:
        self.where = type(self).__name__
        self.params = _checked_params(self.where, params)
        self.lr = lr
        self.weight_decay = _number(self.where, "weight_decay", weight_decay)
        self.states = {name: start(p) for name, p in self.params.items()}

    @property
    def lr(self) -> float:
        """Learning rate."""
        return self._lr

    @lr.setter
    def lr(self, value: float) -> None:
        self._lr = _number(self.where, "lr", value)

    def step(self, grads: dict[str, np.ndarray]) -> None:
        """Update every parameter in place.

        All new values are computed before the first is written, so an error changes nothing.

        Parameters
        ----------
        grads : dict of str to array
            One gradient for every parameter; other entries are not looked at.

        Raises
        ------
        ValueError
            A gradient is missing or has another shape.
        """
        missing = [name for name in self.params if name not in grads]
        if missing:
            raise ValueError(f"{self.where}.step: no gradient for {', '.join(map(repr, missing))}")
        for name, p in self.params.items():
            if np.shape(grads[name]) != p.shape:
                raise ValueError(
                    f"{self.where}.step: the gradient of {name} has shape {np.shape(grads[name])}, expected {p.shape}"
                )
        done = {name: self._update(p, grads[name], self.states[name]) for name, p in self.params.items()}
        for name, (p_new, state) in done.items():
            self.params[name][...] = p_new
            self.states[name] = state

    def state_dict(self) -> dict[str, np.ndarray]:
        """Copy the state.

        Returns
        -------
        dict of str to array
            "lr", and "parameter.field" for every field of every parameter's state.
        """
        state = {"lr": np.array(self.lr)}
        for name, fields in self.states.items():
            for field, value in fields._asdict().items():
                state[f"{name}.{field}"] = np.array(value)
        return state

    def load_state_dict(self, state: dict[str, np.ndarray]) -> None:
        """Copy a state in; training then goes on as if it had never stopped.

        Parameters
        ----------
        state : dict of str to array
            Exactly the keys of ``state_dict()``.

        Raises
        ------
        ValueError
            A key is missing or unknown, or a shape disagrees.
        """
        where = f"{self.where}.load_state_dict"
        own = self.state_dict()
        for word, keys in (("missing", own.keys() - state.keys()), ("unknown", state.keys() - own.keys())):
            if keys:
                raise ValueError(f"{where}: {word} {', '.join(map(repr, sorted(keys)))}")
        for key, value in own.items():
            if np.shape(state[key]) != value.shape:
                raise ValueError(f"{where}: {key} has shape {np.shape(state[key])}, expected {value.shape}")
        self.lr = float(state["lr"])
        for name, fields in self.states.items():
            self.states[name] = type(fields)(
                *(_as(value, state[f"{name}.{field}"]) for field, value in fields._asdict().items())
            )

    def _update(self, p, grad, state):
        raise NotImplementedError


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

    Notes
    -----
    Source: equations (1)-(4) of ``scratchnn.ops.optimizers``.
    Checked by: tests/training/test_optimizer_objects.py (20 steps beside ``torch.optim.SGD``)
    """

    def __init__(
        self,
        params: dict[str, np.ndarray],
        lr: float = 1e-3,
        *,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, lr, weight_decay, reference.sgd_start)
        self.momentum = _number(self.where, "momentum", momentum, below=1)
        self.nesterov = bool(nesterov)
        if self.nesterov and self.momentum == 0:
            raise ValueError("SGD: nesterov needs a momentum above 0")

    def _update(self, p, grad, state):
        return reference.sgd(
            p, grad, state, lr=self.lr, momentum=self.momentum, nesterov=self.nesterov, weight_decay=self.weight_decay
        )


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

    Notes
    -----
    Source: equations (1), (5)-(9) of ``scratchnn.ops.optimizers``.
    Checked by: tests/training/test_optimizer_objects.py (20 steps beside ``torch.optim.Adam``)
    """

    _kernel = staticmethod(reference.adam)

    def __init__(
        self,
        params: dict[str, np.ndarray],
        lr: float = 1e-3,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, lr, weight_decay, reference.adam_start)
        beta1, beta2 = betas
        self.betas = (_number(self.where, "beta1", beta1, below=1), _number(self.where, "beta2", beta2, below=1))
        self.eps = _number(self.where, "eps", eps)

    def _update(self, p, grad, state):
        return self._kernel(
            p, grad, state, lr=self.lr, betas=self.betas, eps=self.eps, weight_decay=self.weight_decay
        )


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

    Notes
    -----
    Source: equations (5)-(8), (10) of ``scratchnn.ops.optimizers``.
    Checked by: tests/training/test_optimizer_objects.py (20 steps beside ``torch.optim.AdamW``)
    """

    _kernel = staticmethod(reference.adamw)

    def __init__(
        self,
        params: dict[str, np.ndarray],
        lr: float = 1e-3,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
    ) -> None:
        super().__init__(params, lr, betas=betas, eps=eps, weight_decay=weight_decay)


def _checked_params(where, params):
    params = dict(params)
    if not params:
        raise ValueError(f"{where}: no parameters given")
    for name, p in params.items():
        if not isinstance(p, np.ndarray) or p.dtype.kind != "f":
            raise TypeError(f"{where}: parameter {name} is not a NumPy array of floats")
    return params


def _number(where, name, value, below=math.inf):
    """Give a Python float (a NumPy number would turn float32 arithmetic into float64), 0 or more."""
    value = float(value)
    if not 0 <= value < below:
        limit = "0 or more, and finite" if below == math.inf else f"0 <= {name} < {below}"
        raise ValueError(f"{where}: {name} is {value}, expected {limit}")
    return value


def _as(like, value):
    """Copy ``value`` in the kind of ``like``: an array of its dtype, or an int."""
    return np.array(value, like.dtype) if isinstance(like, np.ndarray) else int(value)
