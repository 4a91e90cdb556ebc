"""Where the forward pass computes a node, and the true derivative of the loss by it."""

from functools import cached_property
from typing import Any

import numpy as np

from .copies import Unmoved, Wanted, derivatives, of_input

TERMS = {("attention", "a_q"): ("a", 0), ("attention", "a_k"): ("a", 1)}  # nodes that are terms of a sum
OTHER_NAMES = {("embedding", "y_real"): "y"}
INPUT_OF = {"h_prev": "h0", "c_prev": "c0"}


class Nodes:
    """The named values of a recorded forward pass, by op, name and time step.

    Parameters
    ----------
    problem : Problem
    tape : Tape
    clock : Clock
    """

    def __init__(self, problem: Any, tape: Any, clock: Any) -> None:
        self.problem, self._tape, self._clock = problem, tape, clock
        self._known: dict[Any, np.ndarray] = {}  # true derivatives by key
        self._unmoved: set[Any] = set()
        self._inputs: dict[str, np.ndarray] = {}  # true gradients of inputs

    @cached_property
    def seen(self) -> dict[tuple, list[Any]]:
        """The forward's records by op, name and step."""
        found: dict[tuple, list[Any]] = {}
        parts, clock = self.problem.parts, self._clock
        for record in self._tape.records[: clock.turn]:
            if record.site is not None and record.kind in ("set", "argument", "store"):
                op = next(part.op for part in parts if part.first_site <= record.key[0] < part.end_site)
                found.setdefault((op, record.name, clock.step(record)), []).append(record)
        return found

    def source(self, op: str, name: str, t: int | None) -> list[Wanted]:
        """Find where the forward computes a node: one place, or several whose values are stacked.

        Parameters
        ----------
        op, name : str
        t : int or None

        Returns
        -------
        list of Wanted
            Empty if it has no such node.
        """
        name = OTHER_NAMES.get((op, name), name)
        if (op, name) in TERMS:
            base, k = TERMS[op, name]
            found = [record for record in self.seen.get((op, base, t), ()) if len(record.terms) > k]
            return [Wanted((*found[0].key[:2], ("term", k)), found[0].terms[k])] if found else []
        if name.endswith("_next"):
            name = name.removesuffix("_next") + "_prev"  # what goes to the step before is what the next one gets
        names = (name, f"{name}_t", name.removesuffix("_t"))
        found = next((self.seen[op, one, t] for one in names if (op, one, t) in self.seen), [])
        kinds = ("argument", "set") if name.endswith(("_prev", "x_t")) else ("set", "argument")
        for kind in (*kinds, "store"):
            for record in found:
                if record.kind == kind:
                    parts = self._stacked(op, record, t) if kind == "set" else []
                    return parts or [Wanted(record.key, record.value)]
        return []

    def prepare(self, wanted: list[Wanted]) -> None:
        """Find the derivatives by all these nodes in as few runs as can be.

        Parameters
        ----------
        wanted : list of Wanted
        """
        missing = {one.key: one for one in wanted if one.key not in self._known and one.key not in self._unmoved}
        if not missing:
            return
        try:
            self._known |= derivatives(self.problem, list(missing.values()))
        except Unmoved:
            for key, one in missing.items():
                try:
                    self._known |= derivatives(self.problem, [one])
                except Unmoved:
                    self._unmoved.add(key)

    def true(self, op: str, name: str, t: int | None) -> np.ndarray | None:
        """Give the true derivative by a node.

        Parameters
        ----------
        op, name : str
        t : int or None

        Returns
        -------
        array or None
        """
        source = self.source(op, name, t)
        self.prepare(source)
        if source and all(one.key in self._known for one in source):
            parts = [self._known[one.key] for one in source]
            return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=-1)
        if name in ("x", "x_t") and t is not None and "x" in self.problem.inputs:
            return self.of_input("x")[t]
        if name in self.problem.inputs:
            return self.of_input(name)
        first = INPUT_OF.get(name.replace("_next", "_prev"))
        return self.of_input(first) if t == 0 and first in self.problem.inputs else None

    def of_input(self, name: str) -> np.ndarray:
        """Give the true gradient of an input.

        Parameters
        ----------
        name : str

        Returns
        -------
        array
        """
        if name not in self._inputs:
            self._inputs[name] = of_input(self.problem, name)
        return self._inputs[name]

    def _stacked(self, op, record, t):
        """Name the parts of ``a_t = [a_r, a_z, a_n]``, which nothing reads again."""
        reads = record.reads
        if len(reads) < 2 or not any(word in record.site.text for word in ("concatenate", "stack")):
            return []
        if not np.array_equal(np.concatenate([read.value for read in reads], axis=-1), record.value):
            return []
        parts = [self.source(op, read.name, t) for read in reads]
        return [one for part in parts for one in part] if all(parts) else []
