"""Judge the events of a trace: every gradient against a complex step through the forward pass."""

from typing import Any

import numpy as np

from scratchnn.probe.tape.nudge import Nudge

from .checking_copies import Unmoved, Wanted, derivatives, of_input, of_parameter
from .checking_steps import shares
from .model import Check, Event, Trace

BOUND = 1e-10
WORST = 1e300  # stands for an error that is no number
ENTRIES = 4096  # of a parameter that are all looked at; of a larger one a sample
SAMPLE = 64
TERMS = {("attention", "a_q"): ("a", 0), ("attention", "a_k"): ("a", 1)}  # nodes that are terms of a sum
OTHER_NAMES = {("embedding", "y_real"): "y"}
INPUT_OF = {"x_t": "x", "h_prev": "h0", "c_prev": "c0"}


class Judge:
    """Knows a run's forward pass, and finds true gradients with it. No line of a backward pass runs here.

    Parameters
    ----------
    problem : Problem
    tape : Tape
    turn : int
        The first record of the backward pass.
    shelf : Shelf
        Of the trace; receives the true arrays.
    records : list of Record
        One per event.
    """

    def __init__(self, problem: Any, tape: Any, turn: int, shelf: Any, records: list[Any]) -> None:
        self.problem, self.shelf, self.records = problem, shelf, records
        self.known: dict[Any, np.ndarray] = {}  # true derivatives by key
        self.shares: dict[Any, tuple[np.ndarray, np.ndarray]] = {}  # of parameters: entries, (T, N)
        self.seen: dict[tuple, list[Any]] = {}  # forward records by op, name, t
        for record in tape.records[:turn]:
            if record.site is not None and record.kind in ("set", "argument"):
                op = next(part.op for part in problem.parts if part.first_site <= record.key[0] < part.end_site)
                self.seen.setdefault((op, record.name, record.counters.get("t")), []).append(record)

    def check(self, trace: Trace, events: list[Event]) -> None:
        """Judge events, as far as a true value can be found.

        Parameters
        ----------
        trace : Trace
            Its events get their ``check``.
        events : list of Event
        """
        ready = [event for event in events if event.phase == "backward" and event.of and event.check is None]
        self._prepare([record for event in ready for record in self._needed(event)])
        for event in ready:
            event.check = self._parameter(event) if self._is_parameter(event) else self._node(event)

    def check_gradients(self, trace: Trace) -> None:
        """Judge what the backward pass returned.

        Parameters
        ----------
        trace : Trace
            Its gradients get their ``check``.
        """
        for gradient in trace.gradients:
            name, value = gradient["name"], trace.arrays[gradient["array"]]
            if name in self.problem.params:
                entries = self._entries(name)
                op = name.partition(".")[0] if "." in name else self.problem.op
                if self._by_steps(op):
                    true = self._shares(op, name, entries).sum(axis=0)
                    method = f"complex step through each step t>=0, perturbing {name} there"
                else:
                    true = self._whole(name, entries)
                    method = f"complex step through the forward, perturbing {name}"
                gradient["check"] = self._judged(value, true, entries, method, "total")
            elif name in self.problem.inputs:
                true = of_input(self.problem, name)
                method = f"complex step through the forward, perturbing {name}"
                gradient["check"] = self._judged(value, true, None, method, "total")

    # nodes

    def _node(self, event):
        n = event.n
        true = self._true(event.op, event.of, event.t)
        if true is None:
            return None
        carried = event.of.endswith("_prev")
        where = "" if event.t is None else f" at t={event.t}"
        method = f"complex step through the forward, perturbing {event.of}{where}"
        meaning = "carried" if carried else "total"
        return self._judged(self.records[n].value, true, None, method, meaning)

    def _source(self, op, name, t):
        """Find where the forward computes a node: one record, or several that are stacked."""
        name = OTHER_NAMES.get((op, name), name)
        if (op, name) in TERMS:
            base, k = TERMS[op, name]
            found = [record for record in self.seen.get((op, base, t), ()) if len(record.terms) > k]
            return [Wanted((*found[0].key[:2], ("term", k)), found[0].terms[k])] if found else None
        found = self.seen.get((op, name, t), [])
        made = [record for record in found if record.kind == "set"]
        if not name.endswith(("_prev", "x_t")) and made:
            record = made[0]
            parts = self._stacked(op, record, t)
            return parts or [Wanted(record.key, record.value)]
        taken = [record for record in found if record.kind == "argument"] or made
        return [Wanted(taken[0].key, taken[0].value)] if taken else None

    def _stacked(self, op, record, t):
        """Name the parts of ``a_t = [a_r, a_z, a_n]``, which nothing reads again."""
        reads = record.reads
        if len(reads) < 2 or "concatenate" not in record.site.text and "stack" not in record.site.text:
            return None
        width = [read.value for read in reads]
        if not np.array_equal(np.concatenate(width, axis=-1), record.value):
            return None
        parts = [self._source(op, read.name, t) for read in reads]
        return None if None in parts else [one for part in parts for one in part]

    def _true(self, op, name, t):
        source = self._source(op, name, t)
        if source is not None and all(one.key in self.known for one in source):
            return np.concatenate([self.known[one.key] for one in source], axis=-1) if len(source) > 1 else (
                self.known[source[0].key])  # fmt: skip
        return None

    def _needed(self, event):
        if self._is_parameter(event):
            return self._weights(event.op) if self._by_steps(event.op) else []
        return self._source(event.op, event.of, event.t) or []

    def _prepare(self, wanted):
        """Find the derivatives by all these nodes in as few runs as can be."""
        missing = list({one.key: one for one in wanted if one.key not in self.known}.values())
        if not missing:
            return
        try:
            self.known |= derivatives(self.problem, missing)
        except Unmoved:
            for one in missing:
                try:
                    self.known |= derivatives(self.problem, [one])
                except Unmoved:
                    continue

    # parameters

    def _is_parameter(self, event):
        return self._full_name(event) in self.problem.params

    def _full_name(self, event):
        prefixed = f"{event.op}.{event.of}"
        return prefixed if prefixed in self.problem.params else event.of

    def _parameter(self, event):
        name, record = self._full_name(event), self.records[event.n]
        entries = self._entries(name)
        if event.kind == "add" and self._by_steps(event.op):
            found = self._shares(event.op, name, entries)
            true = found[event.t :].sum(axis=0)
            method = f"complex step through each step t>={event.t}, perturbing {name} there"
            meaning = "total" if event.value is not None else "sum so far"
        elif event.value is None:
            return None
        else:
            true, meaning = self._whole(name, entries), "total"
            method = f"complex step through the forward, perturbing {name}"
        return self._judged(record.value, true, entries, method, meaning, event.value is not None)

    def _entries(self, name):
        size = self.problem.params[name].size
        if size <= ENTRIES:
            return np.arange(size)
        return np.sort(np.random.default_rng(0).choice(size, SAMPLE, replace=False))

    def _whole(self, name, entries):
        if name not in self.known:
            self.known[name] = of_parameter(self.problem, name, entries)
        return self.known[name]

    def _by_steps(self, op):
        return self.problem.steps and bool(self._weights(op))

    def _weights(self, op):
        """The nodes whose derivatives weigh what a step makes: h_t, and c_t as step t+1 reads it."""
        T = self.problem.sizes["T"]
        wanted = [self._source(op, "h_t", t) for t in range(T)]
        if op == "lstm":
            wanted += [self._source(op, "c_prev", t) for t in range(1, T)]
        return [] if None in wanted else [one for some in wanted for one in some]

    def _shares(self, op, name, entries):
        if name not in self.shares:
            problem, T = self.problem, self.problem.sizes["T"]
            read = {"lstm": ("x_t", "h_prev", "c_prev")}.get(op, ("x_t", "h_prev"))
            rows = tuple(np.stack([self._source(op, one, t)[0].value for t in range(T)]) for one in read)
            self._prepare(self._weights(op))
            weights = [np.stack([self._true(op, "h_t", t) for t in range(T)])]
            if op == "lstm":
                on = [self._true(op, "c_prev", t) for t in range(1, T)]
                weights.append(np.stack([*on, problem.upstream.get("c_last", np.zeros(weights[0].shape[1:]))]))
            prefix = f"{op}." if f"{op}." in name else ""
            params = {key.removeprefix(prefix): one for key, one in problem.params.items() if key.startswith(prefix)}
            step = problem.build(Nudge({}))[op]["step"]
            bare = name.removeprefix(prefix)
            self.shares[name] = shares(
                step, rows, tuple(weights), params, bare, entries, lambda some: problem.bundle(some, op)
            )
        return self.shares[name]

    # the judgement

    def _judged(self, value, true, entries, method, meaning, kept=True):
        whole = entries is None or len(entries) == value.size
        if entries is None and true.size == value.size and np.squeeze(true).shape == np.squeeze(value).shape:
            true = true.reshape(value.shape)  # a term may have axes of length 1 more
        compared = value.reshape(-1) if entries is not None else value
        compared = compared if entries is None else compared[entries]
        if not whole:
            method += f", {len(entries)} of its {value.size} entries"
        index = self.shelf.put(_short(true.reshape(value.shape))) if whole and kept else None
        error = _error(compared, true)
        return Check(method, index, error, BOUND, bool(error <= BOUND), meaning)


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
