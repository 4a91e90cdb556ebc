"""Judge the events of a trace: every gradient against a complex step through the forward pass."""

import copy
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from ..events import Check, Event
from ..model import Trace
from .nodes import Nodes
from .parameters import Parameters

BOUND = 1e-10
WORST = 1e300  # stands for an error that is no number
DOUBT = 1e-6  # a smaller error may be rounding
SHAKEN, ROOM = 3, 30  # that many changes of the last digits, and how much more rounding may be than they do
EPS = float(np.finfo(float).eps)


class Found(NamedTuple):
    """A true value: all of it, or some entries of the flattened array."""

    true: np.ndarray
    entries: np.ndarray | None
    method: str
    meaning: str


class Judge:
    """Knows a run's forward pass, and finds true gradients with it. No line of a backward pass runs here.

    Parameters
    ----------
    problem : Problem
    tape : Tape
    clock : Clock
    shelf : Shelf
        Of the trace; receives the true arrays.
    records : list of Record
        One per event.
    """

    def __init__(self, problem: Any, tape: Any, clock: Any, shelf: Any, records: list[Any]) -> None:
        self.problem, self.shelf, self.records = problem, shelf, records
        self._given = tape, clock
        self.nodes = Nodes(problem, tape, clock)
        self.parameters = Parameters(problem, self.nodes)
        self.lost = not problem.complex_safe()

    def check(self, trace: Trace, events: list[Event]) -> None:
        """Judge events, as far as a true value can be found.

        Parameters
        ----------
        trace : Trace
            Its events get their ``check``.
        events : list of Event
        """
        if self.lost:
            return
        ready = [event for event in events if event.check is None and self._can_be(trace, event)]
        self.nodes.prepare([one for event in ready for one in self._needed(event)])
        for event in ready:
            found = self._found(event)
            if found is not None:
                event.check = self._judged(self.records[event.n].value, found, event.value is not None)
                if BOUND < event.check.error < DOUBT:
                    event.check = self._rounding(event.check, found, [judge._found(event) for judge in self._shaken])
            if self._free(event) and not self._parameter(event) and (found is None or not event.check.passed):
                event.check = self._another(trace, event)

    def check_gradients(self, trace: Trace) -> None:
        """Judge what the backward pass returned.

        Parameters
        ----------
        trace : Trace
            Its gradients get their ``check``.
        """
        if self.lost:
            return
        for gradient in trace.gradients:
            name, value = gradient["name"], trace.arrays[gradient["array"]]
            if gradient["check"] is None and name in {**self.problem.params, **self.problem.inputs}:
                found = self._found_gradient(name)
                check = self._judged(value, found, True)
                if BOUND < check.error < DOUBT:
                    check = self._rounding(check, found, [judge._found_gradient(name) for judge in self._shaken])
                gradient["check"] = check

    # true values

    def _needed(self, event):
        if self._parameter(event):
            return self.parameters.weights(event.op)
        return self.nodes.source(event.op, event.of, event.t)

    def _found(self, event):
        if self._parameter(event):
            name = self._parameter(event)
            if event.t is not None and self.parameters.by_steps(event.op):
                return Found(
                    *self.parameters.true(event.op, name, event.t), "total" if event.t == 0 else "sum so far"
                )
            return None if event.value is None else Found(*self.parameters.true(event.op, name, None), "total")
        true = self.nodes.true(event.op, event.of, event.t)
        value = self.records[event.n].value
        if true is None or (self._free(event) and np.squeeze(true).shape != np.squeeze(value).shape):
            return None
        if true.size == value.size and np.squeeze(true).shape == np.squeeze(value).shape:
            true = true.reshape(value.shape)  # a term may have axes of length 1 more
        return Found(true, None, _method(event.of, event.t), "carried" if _is_edge(event.of) else "total")

    def _found_gradient(self, name):
        if name in self.problem.inputs:
            return Found(self.nodes.of_input(name), None, _method(name, None), "total")
        op = name.partition(".")[0] if "." in name else self.problem.op
        return Found(*self.parameters.true(op, name, None), "total")

    def _parameter(self, event):
        """Give the name of the parameter whose gradient an event is, "" for another event."""
        prefixed = f"{event.op}.{event.of}"
        return next((name for name in (prefixed, event.of) if name in self.problem.params), "")

    # users' names

    def _free(self, event):
        site = self.records[event.n].key[0]
        return any(part.free and part.first_site <= site < part.end_site for part in self.problem.parts)

    def _can_be(self, trace, event):
        """Whether an event claims to be a gradient; of a user's several writes of a name only the last does."""
        if event.phase != "backward" or not event.of:
            return False
        if not self._free(event):
            return True
        if self._parameter(event):
            return (event.kind == "add" and not self.problem.bent) or self._is_last(trace, event)
        return self._is_last(trace, event)

    def _is_last(self, trace, event):
        if self._parameter(event) and self.problem.bent:
            return False
        later = trace.events[event.n + 1 :]
        return not any((one.node, one.t, one.phase) == (event.node, event.t, "backward") for one in later)

    def _another(self, trace, event):
        """A user's name may hold another node's gradient: find it, and doubt the name rather than the numbers.

        A red badge stays only if what the backward returned is wrong, too.
        """
        self.check_gradients(trace)
        value, op = self.records[event.n].value, event.op
        names = sorted({name for of, name, t in self.nodes.seen if of == op and t == event.t})
        self.nodes.prepare([one for name in names for one in self.nodes.source(op, name, event.t)])
        for name in names:
            true = self.nodes.true(op, name, event.t)
            for block in () if true is None else _blocks(true, value.shape):
                if _error(value, block) <= BOUND:
                    return self._judged(value, Found(block, None, _method(name, event.t), "total"), True)
        wrong = any(one["check"] is not None and not one["check"].passed for one in trace.gradients)
        return event.check if wrong else None

    # the judgement

    def _judged(self, value, found, kept):
        true, entries, method, meaning = found
        compared, whole = value, True
        if entries is not None:
            whole = len(entries) == value.size
            compared = value.reshape(-1)[entries]
            if whole:
                true, compared = true.reshape(value.shape), value
            else:
                method += f", {len(entries)} of its {value.size} entries"
        error = _error(compared, true)
        index = self.shelf.put(_short(true)) if whole and kept else None
        return Check(method, index, error, BOUND, bool(error <= BOUND), meaning)

    @cached_property
    def _shaken(self):
        """Judges of the same run with inputs and parameters changed by a few units of their last digit."""
        judges = []
        for seed in range(SHAKEN):
            problem, rng = copy.copy(self.problem), np.random.default_rng(seed)
            for name in ("inputs", "params"):
                setattr(problem, name, {key: _shaken(array, rng) for key, array in getattr(problem, name).items()})
            judges.append(Judge(problem, *self._given, self.shelf, self.records))
        return judges

    def _rounding(self, check, found, shaken):
        """Widen the bound of a number that cancels: where the last digits of the inputs move the truth itself."""
        if None in shaken:
            return check
        moved = max(_error(one.true, found.true) for one in shaken)
        if check.error > ROOM * moved:
            return check
        check.bound, check.passed = ROOM * moved, True
        check.method += f"; the last digit of the inputs alone moves it by {moved:.0e}"
        return check


def _method(name, t):
    return f"complex step through the forward, perturbing {name}{'' if t is None else f' at t={t}'}"


def _is_edge(name):
    return name.endswith(("_prev", "_next"))


def _shaken(array, rng):
    return array * (1 + 4 * EPS * rng.choice([-1, 1], array.shape)) if array.dtype.kind == "f" else array


def _blocks(true, shape):
    """The array, or those of its equal blocks of columns that have the shape."""
    if true.shape == shape:
        return [true]
    if true.ndim == len(shape) and true.shape[:-1] == shape[:-1] and true.shape[-1] % shape[-1] == 0:
        return np.split(true, true.shape[-1] // shape[-1], axis=-1)
    return []


def _short(array):
    """Twelve digits are shown and kept; the error is that of all digits."""
    return np.array([float(f"{one:.12g}") for one in np.ravel(array)]).reshape(array.shape)


def _error(value, true):
    """The largest absolute difference over the largest true entry."""
    if np.shape(value) != np.shape(true):
        return WORST
    size = float(np.max(np.abs(true), initial=0)) or 1.0
    error = float(np.max(np.abs(value - true), initial=0)) / size
    return error if error < WORST else WORST
