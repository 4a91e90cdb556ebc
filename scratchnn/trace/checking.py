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
SAMPLE = 16
WEIGHTS = 1024  # numbers in all hidden states
TERMS = {("attention", "a_q"): ("a", 0), ("attention", "a_k"): ("a", 1)}  # nodes that are terms of a sum
OTHER_NAMES = {("embedding", "y_real"): "y"}
INPUT_OF = {"h_prev": "h0", "c_prev": "c0"}


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
        self.known: dict[Any, np.ndarray] = {}  # true derivatives by key
        self.shares: dict[Any, tuple[np.ndarray, np.ndarray]] = {}  # of parameters: entries, (T, N)
        self.inputs: dict[str, np.ndarray] = {}  # true gradients of inputs
        self.unmoved: set[Any] = set()
        self.lost = not problem.complex_safe()
        self.seen: dict[tuple, list[Any]] = {}  # forward records by op, name, t
        for record in tape.records[: clock.turn]:
            if record.site is not None and record.kind in ("set", "argument", "store"):
                op = next(part.op for part in problem.parts if part.first_site <= record.key[0] < part.end_site)
                self.seen.setdefault((op, record.name, clock.step(record)), []).append(record)

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
        self._prepare([one for event in ready for one in self._needed(event)])
        for event in ready:
            event.check = self._parameter(event) if self._is_parameter(event) else self._node(event)
            if (
                self._free(event)
                and not self._is_parameter(event)
                and (event.check is None or not event.check.passed)
            ):
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
            if gradient["check"] is not None or name not in {**self.problem.params, **self.problem.inputs}:
                continue
            method, entries = f"complex step through the forward, perturbing {name}", None
            if name in self.problem.inputs:
                true = self._of_input(name)
            else:
                op = name.partition(".")[0] if "." in name else self.problem.op
                entries = self._entries(op, name)
                if self._by_steps(op) and not self._large():
                    true = self._shares(op, name, entries).sum(axis=0)
                    method = f"complex step through each step t>=0, perturbing {name} there"
                else:
                    true = self._whole(name, entries)
            gradient["check"] = self._judged(value, true, entries, method, "total")

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
        if self._is_parameter(event) and self.problem.bent:
            return False
        later = trace.events[event.n + 1 :]
        return (event.kind == "add" and self._is_parameter(event)) or not any(
            (one.node, one.t, one.phase) == (event.node, event.t, "backward") for one in later
        )  # fmt: skip

    def _another(self, trace, event):
        """A user's name may hold another node's gradient: find it, and doubt the name rather than the numbers.

        A red badge stays only if what the backward returned is wrong, too.
        """
        self.check_gradients(trace)
        record, op = self.records[event.n], event.op
        names = {name for of, name, t in self.seen if of == op and t == event.t}
        for name in sorted(names):
            source = self._source(op, name, event.t)
            self._prepare(source or [])
            true = self._true(op, name, event.t)
            for block in () if true is None else _blocks(true, record.value.shape):
                if _error(record.value, block) <= BOUND:
                    method = f"complex step through the forward, perturbing {name} at t={event.t}"
                    return self._judged(record.value, block, None, method, "total")
        if event.check is None:
            return None
        wrong = any(one["check"] is not None and not one["check"].passed for one in trace.gradients)
        return event.check if wrong else None

    # nodes

    def _node(self, event):
        n = event.n
        true = self._true(event.op, event.of, event.t)
        if true is None:
            return None
        if self._free(event) and np.squeeze(true).shape != np.squeeze(self.records[n].value).shape:
            return None
        carried = event.of.endswith(("_prev", "_next"))
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
        if name.endswith("_next"):
            name = name.removesuffix("_next") + "_prev"  # what goes to the step before is what the next one gets
        names = (name, f"{name}_t", name.removesuffix("_t"))
        found = next((self.seen[op, one, t] for one in names if (op, one, t) in self.seen), [])
        kinds = ("argument", "set") if name.endswith(("_prev", "x_t")) else ("set", "argument")
        for kind in (*kinds, "store"):
            for record in found:
                if record.kind == kind:
                    parts = self._stacked(op, record, t) if kind == "set" else None
                    return parts or [Wanted(record.key, record.value)]
        return None

    def _stacked(self, op, record, t):
        """Name the parts of ``a_t = [a_r, a_z, a_n]``, which nothing reads again."""
        reads = record.reads
        if len(reads) < 2 or ("concatenate" not in record.site.text and "stack" not in record.site.text):
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
        if name in ("x", "x_t") and t is not None and "x" in self.problem.inputs:
            return self._of_input("x")[t]
        if name in self.problem.inputs:
            return self._of_input(name)
        first = INPUT_OF.get(name.replace("_next", "_prev"))
        return self._of_input(first) if t == 0 and first in self.problem.inputs else None

    def _of_input(self, name):
        if name not in self.inputs:
            self.inputs[name] = of_input(self.problem, name)
        return self.inputs[name]

    def _needed(self, event):
        if self._is_parameter(event):
            return self._weights(event.op) if self._by_steps(event.op) and not self._large() else []
        return self._source(event.op, event.of, event.t) or []

    def _prepare(self, wanted):
        """Find the derivatives by all these nodes in as few runs as can be."""
        missing = {one.key: one for one in wanted if one.key not in self.known and one.key not in self.unmoved}
        missing = list(missing.values())
        if not missing:
            return
        try:
            self.known |= derivatives(self.problem, missing)
        except Unmoved:
            for one in missing:
                try:
                    self.known |= derivatives(self.problem, [one])
                except Unmoved:
                    self.unmoved.add(one.key)

    # parameters

    def _is_parameter(self, event):
        return self._full_name(event) in self.problem.params

    def _full_name(self, event):
        prefixed = f"{event.op}.{event.of}"
        return prefixed if prefixed in self.problem.params else event.of

    def _parameter(self, event):
        name, record = self._full_name(event), self.records[event.n]
        entries = self._entries(event.op, name)
        method = f"complex step through the forward, perturbing {name}"
        meaning = "total" if event.value is not None else "sum so far"
        if event.t is not None and self._by_steps(event.op):
            meaning = "total" if event.t == 0 else "sum so far"
            method = f"complex step through each step t>={event.t}, perturbing {name} there"
            if self._large():
                true = of_parameter(self.problem, name, entries, self._since(event))
            else:
                true = self._shares(event.op, name, entries)[event.t :].sum(axis=0)
        elif event.value is None:
            return None
        else:
            true = self._whole(name, entries)
        return self._judged(record.value, true, entries, method, meaning, event.value is not None)

    def _since(self, event):
        """Where the steps from t on take their parameters."""
        found = [self.seen[event.op, "h_prev", t][0] for t in range(event.t, self.problem.sizes["T"])]
        return [(*record.key[:2], record.site.targets.index("params")) for record in found]

    def _large(self):
        """Whether all derivatives that weigh the steps would be too many to find."""
        sizes = self.problem.sizes
        return sizes["T"] * sizes["B"] * sizes["H"] > WEIGHTS

    def _entries(self, op, name):
        """Choose the entries of a parameter that are looked at."""
        size = self.problem.params[name].size
        large = self._by_steps(op) and self._large()
        if size <= (0 if large else ENTRIES):
            return np.arange(size)
        return np.sort(np.random.default_rng(0).choice(size, min(size, SAMPLE), replace=False))

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
        if whole and true.size == value.size and entries is not None:
            true, compared = true.reshape(value.shape), value
        index = self.shelf.put(_short(true)) if whole and kept else None
        error = _error(compared, true)
        return Check(method, index, error, BOUND, bool(error <= BOUND), meaning)


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
