"""A true gradient taken apart, from outside: by output, by step and batch row of the loss, by step of use.

Outputs come back whole from one forward pass, so one moved entry shows what each output, each step and each row of
the batch feels of it. A recurrent forward is also cut into one-step sequences, each handing its states to the next:
then every step can be given its own copy of the parameters, and what one copy does is that step's share of dW.
Nothing is known of the code but its outputs; the pieces are only used where they add up to the measured gradient.
"""

import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.exceptions import ComplexWarning

from ..layout import Layout, sliced

H_COMPLEX = 1e-30
H_REAL = float(np.finfo(float).eps ** (1 / 3))  # of a central difference: there eps/h meets h**2
MOST = 4000  # entries, times steps of use, that are moved for one array
SECONDS = 20.0  # for all arrays: code that slow gets fewer hints


class Pieces:
    """Takes the gradients of one problem apart.

    Parameters
    ----------
    forward, backward : function
        As for ``check_gradients``.
    upstream : dict of str to array
    inputs : dict of str to array
    layout : Layout
    """

    def __init__(
        self, forward: Callable, backward: Callable, upstream: dict[str, np.ndarray], inputs: dict, layout: Layout
    ):
        self.forward, self.backward, self.upstream, self.layout = forward, backward, upstream, layout
        self.inputs = {name: _as_double(array) for name, array in inputs.items()}
        self.outputs = list(upstream)
        self.noun = "time" if any(self._axis(name, "time") is not None for name in upstream) else "query"
        self.T = max((self._size(name, self.noun) for name in self.outputs), default=1)
        self.B = max((self._size(name, "batch") for name in self.outputs), default=1)
        self.states = self._run_in_steps()
        self.until = time.monotonic() + SECONDS

    def of(self, name: str) -> np.ndarray | None:
        """Take the gradient of one input apart.

        Parameters
        ----------
        name : str

        Returns
        -------
        (U, O, T, B, *shape) or None
            Shares by step of use (U = T for a parameter of recurrent code, else 1), output, step of the loss, row of
            the batch; their sum over the first four axes is the gradient. What has no time counts for the last step,
            what has no batch for row 0. None where it would cost too much or the code cannot be run that way.
        """
        shared = self.states is not None and self.axis_of_time(name) is None and name not in self.layout.carry
        array = self.inputs[name]
        if array.size * (self.T if shared else 1) > MOST:
            return None
        shares = np.zeros((self.T if shared else 1, len(self.outputs), self.T, self.B, *array.shape))
        try:
            for used in range(len(shares)):
                run = (lambda moved, t=used: self._from_step(t, moved)) if shared else self._whole
                for index in np.ndindex(array.shape):
                    if time.monotonic() > self.until:
                        return None
                    shares[(used, ..., *index)] = _slope(run, name, array, index)
        except Exception:  # whatever the code does not let itself be asked
            return None
        return shares

    def axis_of_time(self, name: str) -> int | None:
        """Give the time axis of an input.

        Parameters
        ----------
        name : str

        Returns
        -------
        int or None
        """
        return self.layout.axis(name, np.shape(self.inputs[name]), "time")

    def from_step(self, start: int) -> tuple[dict, dict]:
        """Give the problem that begins at a step, in the state that step has.

        Parameters
        ----------
        start : int

        Returns
        -------
        inputs, upstream : dict
        """
        upstream = {name: sliced(each, self.time(name), slice(start, None)) for name, each in self.upstream.items()}
        return _copies(self._cut(slice(start, None)) | self.states[start]), _copies(upstream)

    def _size(self, output, meaning):
        axis = self._axis(output, meaning)
        return 1 if axis is None else self.upstream[output].shape[axis]

    def _axis(self, output, meaning):
        return self.layout.axis(output, self.upstream[output].shape, meaning)

    def time(self, output: str) -> int | None:
        """Give the axis of an output along which its losses are told apart: time, or the queries of attention.

        Parameters
        ----------
        output : str

        Returns
        -------
        int or None
        """
        return self._axis(output, self.noun)

    def _run_in_steps(self):
        """Give the states before each step, or None if steps in a chain do not give what the whole run gives."""
        if not self.layout.carry or self.T < 2 or not any(name in self.inputs for name in self.layout.carry):
            return None
        try:
            outputs, _ = self.forward(_copies(self.inputs))
            states, chained = [self._state({})], []
            for t in range(self.T):
                given = self._cut(slice(t, t + 1)) | states[t]
                chained.append(self.forward(_copies(given))[0])
                states.append(self._state(chained[-1]))
            for name in self.outputs:
                axis = self.time(name)
                last = chained[-1][name]
                again = last if axis is None else np.concatenate([each[name] for each in chained], axis)
                if np.max(np.abs(again - outputs[name]), initial=0) > 1e-9 * np.max(np.abs(again), initial=0):
                    return None
        except Exception:
            return None
        return states

    def _state(self, outputs):
        """Read the initial states off the outputs of the step before; without outputs, the given ones."""
        states = {}
        for name, output in self.layout.carry.items():
            if name in self.inputs:
                shape = self.inputs[name].shape
                value = outputs.get(output, self.inputs[name])
                states[name] = value if np.shape(value) == shape else value[-1]
        return states

    def _cut(self, steps):
        return {name: sliced(array, self.axis_of_time(name), steps) for name, array in self.inputs.items()}

    def _whole(self, moved):
        outputs, _ = self.forward(_copies(self.inputs | moved))
        return self._losses(outputs, slice(0, self.T))

    def _from_step(self, start, moved):
        """Run from a step on; only that step gets what was moved."""
        total, state = 0, self.states[start]
        for t in range(start, self.T):
            given = self._cut(slice(t, t + 1)) | state | (moved if t == start else {})
            outputs, _ = self.forward(_copies(given, any(map(np.iscomplexobj, [*moved.values(), *state.values()]))))
            state = self._state(outputs)
            total = total + self._losses(outputs, slice(t, t + 1))
        return total

    def _losses(self, outputs, steps):
        """Give the loss as (O, T, B): what each output adds at each step for each row."""
        losses = np.zeros((len(self.outputs), self.T, self.B), np.result_type(float, *outputs.values()))
        for k, name in enumerate(self.outputs):
            axis, upstream = self.time(name), self.upstream[name]
            if axis is None and steps.stop < self.T:
                continue
            term = np.asarray(outputs[name] * sliced(upstream, axis, steps))
            batch = self._axis(name, "batch")
            kept = [a for a in (axis, batch) if a is not None]
            term = np.moveaxis(term, kept, range(len(kept)))
            term = term.reshape(*term.shape[: len(kept)], -1).sum(axis=-1)
            rows = 1 if axis is None else steps.stop - steps.start
            where = slice(self.T - 1, self.T) if axis is None else steps
            losses[k, where, slice(0, 1 if batch is None else None)] += term.reshape(rows, -1)
        return losses


def _slope(run, name, array, index):
    moved = array.astype(complex)
    moved[index] += complex(0, H_COMPLEX)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ComplexWarning)
        try:
            value = run({name: moved})
            if np.iscomplexobj(value):
                return np.imag(value) / H_COMPLEX
        except (ComplexWarning, TypeError):
            pass
    h = H_REAL * max(1.0, abs(array[index]))
    above, below = array.copy(), array.copy()
    above[index] += h
    below[index] -= h
    return (run({name: above}) - run({name: below})) / (above[index] - below[index])


def _as_double(array: Any) -> Any:
    is_float = isinstance(array, np.ndarray) and array.dtype.kind == "f"
    return array.astype(np.result_type(array, np.float64)) if is_float else array


def _copies(inputs, as_complex=True):
    """Give everything anew; floating-point arrays all complex if one is, as code that mixes them expects."""
    mixed = as_complex and any(map(np.iscomplexobj, inputs.values()))
    return {name: _copy(array, mixed) for name, array in inputs.items()}


def _copy(array, mixed):
    if not isinstance(array, np.ndarray):
        return array
    return array.astype(complex) if mixed and array.dtype.kind == "f" else array.copy()
