"""What all optimisers share: parameters updated in place, their groups, their state. Kinds: optimizers.py."""

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from scratchnn import arrays, ops

from .groups import Group, settings_by_name


class Optimizer:
    """Settings, parameters and the state of each parameter; ``step`` is the same for all.

    Parameters
    ----------
    params : dict of str to array
        The arrays themselves, e.g. ``model.params``: ``step`` writes into them. Leave some out to freeze them.
    lr : float
        Learning rate; may be set anew at any time (``optimizer.lr = 0.01``), and moves every group's with it.
    weight_decay : float
    groups : iterable of Group
        Parameters with another weight decay or a scaled learning rate; in no group: as the optimiser says.
    start : function
        Gives the state of a parameter before the first step.
    backend : str or module
        Who computes: "cpu", "reference", "gpu", or anything with the functions of ``scratchnn.ops.optimizers``.
    """

    rule: str  # the function of the op that takes the step

    def __init__(
        self,
        params: dict[str, np.ndarray],
        lr: float,
        weight_decay: float,
        groups: Iterable[Group],
        start: Callable[[np.ndarray], Any],
        backend: str | Any,
    ) -> None:
        self.where = type(self).__name__
        self.params = _checked_params(self.where, params)
        self.lr = lr
        self.weight_decay = number(self.where, "weight_decay", weight_decay)
        self.lr_scales, self.weight_decays = settings_by_name(self.where, self.params, groups, self.weight_decay)
        self._op = ops.backend(ops.optimizers, backend)
        self._ready: Any = None  # what the backend found out about the arrays at the step before
        self.states = {name: _started(start, p) for name, p in self.params.items()}

    @property
    def lr(self) -> float:
        """Learning rate."""
        return self._lr

    @lr.setter
    def lr(self, value: float) -> None:
        self._lr = number(self.where, "lr", value)

    def step(self, grads: dict[str, np.ndarray]) -> None:
        """Update every parameter in place.

        All is checked, or all new values are computed, before the first is written, so an error changes nothing.

        Parameters
        ----------
        grads : dict of str to array
            One gradient for every parameter; other entries are not looked at.

        Raises
        ------
        ValueError
            A gradient is missing or has another shape.
        """
        given = [(p, grads.get(name), self.states[name]) for name, p in self.params.items()]
        known = self._ready is not None and self._op.same(given, self._ready)
        if not known:
            self._ready = None
            self._check(grads)
        common = self._settings()
        settings = [self.settings_of(name) | common for name in self.params]
        if known or (hasattr(self._op, "all_into") and self._fit(given)):
            states, self._ready = self._op.all_into(self.rule, given, settings, self._ready)
            self.states = dict(zip(self.params, states, strict=True))
            return
        update = getattr(self._op, self.rule)
        done = [update(*each, **its) for each, its in zip(given, settings, strict=True)]
        for name, (p_new, state) in zip(self.params, done, strict=True):
            arrays.write_into(self.params[name], p_new)
            self.states[name] = state

    def _check(self, grads):
        missing = [name for name in self.params if name not in grads]
        if missing:
            raise ValueError(f"{self.where}.step: no gradient for {', '.join(map(repr, missing))}")
        for name, p in self.params.items():
            if np.shape(grads[name]) != p.shape:
                raise ValueError(
                    f"{self.where}.step: the gradient of {name} has shape {np.shape(grads[name])}, expected {p.shape}"
                )

    def _fit(self, given):
        """Say whether the backend can take all parameters in one step, in place."""
        return all(p.dtype == given[0][0].dtype for p, _, _ in given) and all(self._op.fits(*its) for its in given)

    def settings_of(self, name: str) -> dict[str, float]:
        """Give the learning rate and the weight decay of one parameter.

        Parameters
        ----------
        name : str

        Returns
        -------
        dict of str to float
            "lr" and "weight_decay", as its group says.
        """
        return {
            "lr": self.lr * self.lr_scales.get(name, 1.0),
            "weight_decay": self.weight_decays.get(name, self.weight_decay),
        }

    def state_dict(self) -> dict[str, np.ndarray]:
        """Copy the state.

        Returns
        -------
        dict of str to array
            "lr", "parameter.field" for every field of every parameter's state, and "parameter.lr_scale" and
            "parameter.weight_decay" for those in a group.
        """
        state = {"lr": np.array(self.lr)}
        for name, fields in self.states.items():
            for field, value in fields._asdict().items():
                state[f"{name}.{field}"] = np.array(arrays.as_numpy(value))
        for name in self.lr_scales:
            state[f"{name}.lr_scale"] = np.array(self.lr_scales[name])
            state[f"{name}.weight_decay"] = np.array(self.weight_decays[name])
        return state

    def load_state_dict(self, state: dict[str, np.ndarray]) -> None:
        """Copy a state in; training then goes on as if it had never stopped.

        Parameters
        ----------
        state : dict of str to array
            Exactly the keys of ``state_dict()``: the same parameters must be in a group.

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
        for name in self.lr_scales:
            self.lr_scales[name] = float(state[f"{name}.lr_scale"])
            self.weight_decays[name] = float(state[f"{name}.weight_decay"])

    def _settings(self):
        """Give the settings of this kind of optimiser, the same for all parameters."""
        raise NotImplementedError


def number(where: str, name: str, value: float, below: float = math.inf) -> float:
    """Give a Python float (a NumPy number would turn float32 arithmetic into float64), 0 or more.

    Parameters
    ----------
    where, name : str
        Named in the error.
    value : float
    below : float
        What it must not reach.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        It is negative, too large or not a number.
    """
    value = float(value)
    if not 0 <= value < below:
        limit = "0 or more, and finite" if below == math.inf else f"0 <= {name} < {below}"
        raise ValueError(f"{where}: {name} is {value}, expected {limit}")
    return value


def _checked_params(where, params):
    params = dict(params)
    if not params:
        raise ValueError(f"{where}: no parameters given")
    for name, p in params.items():
        if not (isinstance(p, np.ndarray) or arrays.on_device(p)) or p.dtype.kind != "f":
            raise TypeError(f"{where}: parameter {name} is not a NumPy array of floats")
    return params


def _started(start, p):
    """Give a parameter's state before the first step, where the parameter is."""
    if not arrays.on_device(p):
        return start(p)
    state = start(np.zeros(p.shape, p.dtype))
    return type(state)(*(arrays.put(value, p) if isinstance(value, np.ndarray) else value for value in state))


def _as(like, value):
    """Copy ``value`` in the kind of ``like``: an array of its dtype and place, or an int."""
    if not hasattr(like, "dtype"):
        return int(value)
    return arrays.put(np.array(value, like.dtype), like)
