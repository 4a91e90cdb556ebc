"""All that is true: derivatives and values of the forward pass by time step, with sums, stacks and slopes of them."""

from collections import defaultdict
from typing import Any

import numpy as np

from .known import (
    EDGE,
    PART,
    SAME,
    SLOPE,
    SUM,
    TAKEN,
    TOTAL,
    VALUE,
    Known,
    as_bytes,
    different,
    gathered,
    same,
    slopes,
    sums,
)
from .names import bare, base, is_edge
from .truths import Truth


class Pool:
    """What is true, to be asked by time step.

    Parameters
    ----------
    truths : list of Truth
    steps : int or None
        How many time steps there are.
    finals : dict of str to array
        True gradients of inputs and parameters, as the student's own code lays them out.
    given : dict of str to array
        Inputs and parameters; upstream gradients under the output's name behind "^".
    """

    def __init__(
        self, truths: list[Truth], steps: int | None, finals: dict[str, np.ndarray], given: dict[str, np.ndarray]
    ) -> None:
        self.steps, self.finals = steps, finals
        self.upstream: list[np.ndarray] = []
        self.known: dict[int | None, list[Known]] = defaultdict(list)
        self.values: dict[int | None, list[Known]] = defaultdict(list)
        self._tables: dict[Any, Any] = {}
        by_step = defaultdict(list)
        for one in truths:
            if one.grad is None:
                name = base(bare(one.place.text)) if one.place.text else ""
                self.values[one.t].append(Known(one.value, name, VALUE, one.place.function))
            else:
                by_step[one.t].append(one)
        truths = [one for one in truths if one.grad is not None]
        self._uses: dict[bytes, dict[int, list[np.ndarray]]] = defaultdict(dict)
        for t, some in by_step.items():
            self._add_step(t, some)
        self._add_stacks(truths)
        self._add_finals(given)
        self._settle_edges()
        self.names = {one.name for some in self.known.values() for one in some if one.name}

    def _add_step(self, t, some):
        some = [one if np.any(one.grad) else gathered(one, some) for one in some]
        made = defaultdict(set)
        for one in some:
            if one.place.kind == "bound" and not is_edge(bare(one.place.text)):
                made[base(bare(one.place.text))].add(as_bytes(one.value))
        all_made = set().union(*made.values()) if made else set()
        reads = defaultdict(list)
        for one in some:
            name = base(bare(one.place.text)) if one.place.text else ""
            kind = PART
            if one.place.kind in ("bound", "made"):
                kind = TOTAL if one.place.kind == "bound" and not is_edge(bare(one.place.text)) else PART
                if one.place.kind == "bound" and is_edge(bare(one.place.text)):
                    kind = EDGE
            elif as_bytes(one.value) not in made.get(name, all_made):
                kind = EDGE
            if one.place.kind == "argument":
                self.known[t].append(Known(one.grad, name, TAKEN, one.place.function))
            self.known[t].append(Known(one.grad, name, kind, one.place.function))
            self.values[t].append(Known(one.value, name, VALUE, one.place.function))
            if one.place.kind in ("read", "argument") and one.value.ndim:
                reads[as_bytes(one.value)].append((name, kind, one))
        for key, group in reads.items():
            grads = different(one.grad for _, _, one in group)
            self._uses[key][t] = grads
            names = {name for name, _, _ in group}
            kind = EDGE if any(kind == EDGE for _, kind, _ in group) else PART
            for total in sums(grads):
                for name in names:
                    self.known[t].append(Known(total, name, kind))

    def _add_stacks(self, truths):
        by_place = defaultdict(list)
        for one in truths:
            by_place[one.place].append(one)
        for place, some in by_place.items():
            steps = [one.t for one in some]
            name = base(bare(place.text)) if place.text else ""
            if self.steps and sorted(t for t in steps if t is not None) == list(range(self.steps)) == sorted(steps):
                some = sorted(some, key=lambda one: one.t)
                kind = TOTAL if place.kind == "bound" else PART
                self.known[None].append(Known(np.stack([one.grad for one in some]), name, kind, place.function))
                self.values[None].append(Known(np.stack([one.value for one in some]), name, VALUE, place.function))
            elif steps == [None] and self.steps and some[0].value.ndim > 1:
                rows, kind = len(some[0].value), TOTAL if place.kind == "bound" else PART
                if rows in (self.steps, self.steps + 1):
                    for t in range(self.steps):
                        for k in {t, t + rows - self.steps}:
                            self.known[t].append(Known(some[0].grad[k], name, kind, place.function))
                            if np.any(some[0].value[k]):  # an empty buffer says nothing
                                self.values[t].append(Known(some[0].value[k], name, VALUE, place.function))

    def _add_finals(self, given):
        for name, final in self.finals.items():
            self.known[None].append(Known(final, base(name), TOTAL))
            if name in given:
                self._add_uses(name, final, given[name])
        for name, array in given.items():
            if name.startswith("^"):
                self._add_upstream(array)
                continue
            self.values[None].append(Known(array, base(name), VALUE))
            if self.steps and np.ndim(array) and len(array) == self.steps:
                for t in range(self.steps):
                    self.values[t].append(Known(array[t], base(name), VALUE))

    def _add_upstream(self, array):
        """Add what is given for an output, and its rows."""
        self.known[None].append(Known(array, "", PART))
        self.upstream.append(array)
        if self.steps and np.ndim(array) and len(array) == self.steps:
            for t in range(self.steps):
                self.known[t].append(Known(array[t], "", PART))

    def _settle_edges(self):
        """What goes to the step before is all of it: a sum of some of its ways is only a part.

        All of it makes up the total of the step before, together with what is read there; at step 0 it is an answer.
        """
        ends = list(self.finals.values())
        for t in range(self.steps or 0):
            totals: dict[str, list[np.ndarray]] = defaultdict(list)
            for one in self.known.get(t - 1, ()):
                if one.kind == TOTAL and one.name:
                    totals[one.name].append(one.array)
            ranks: dict[int, int] = {}
            for k, one in enumerate(self.known[t]):
                if one.kind == EDGE and np.any(one.array):
                    if t == 0:
                        ranks[k] = 0 if any(same(one.array, end) for end in ends) else 2
                    else:
                        found = [self._makes_up(total, one.array, t - 1) for total in totals[one.name]]
                        ranks[k] = min(found, default=2)
            best = defaultdict(lambda: 1)
            for k, rank in ranks.items():
                name = self.known[t][k].name
                best[name] = min(best[name], rank)
            whole = {k for k, rank in ranks.items() if rank <= best[self.known[t][k].name]}
            names = {self.known[t][k].name for k in whole}
            self.known[t] = [
                one._replace(kind=PART) if one.kind == EDGE and one.name in names and k not in whole else one
                for k, one in enumerate(self.known[t])
            ]
        self._tables.clear()

    def _makes_up(self, total, edge, t):
        """Rank how an edge makes up a total: 0 alone, 1 with something known, 2 not at all."""
        if total.shape != edge.shape:
            return 2
        rest = total - edge
        if not np.any(np.abs(rest) > SAME * np.abs(total).max(initial=0)):
            return 0
        return 1 if self.match(rest, t) else 2

    def _add_uses(self, name, final, value):
        """Add the share of each step in a parameter's gradient, and the sums from a step on."""
        uses = self._uses.get(as_bytes(value), {})
        if not self.steps or not set(range(self.steps)) <= uses.keys():
            return
        choices = [list(sums(uses[t], single=True)) for t in range(self.steps)]
        for pattern in zip(*choices, strict=False):
            if same(sum(pattern), final):
                for t in range(self.steps):
                    self.known[t].append(Known(pattern[t], name, EDGE))
                    self.known[t].append(Known(sum(pattern[t:]), name, SUM))
                return

    def match(self, value: np.ndarray, t: int | None, values: bool = False) -> list[Known]:
        """Find what a value is.

        Parameters
        ----------
        value : array
        t : int or None
            In which step.
        values : bool
            Look among values and slopes, not among derivatives.

        Returns
        -------
        list of Known
        """
        found = []
        for step in dict.fromkeys((t, None)):
            table = self._table(step, values).get(np.shape(value))
            if table is not None:
                items, rows, bounds = table
                with np.errstate(invalid="ignore"):
                    near = np.abs(rows - np.ravel(value)).max(axis=1, initial=0) <= bounds
                found += [items[k] for k in np.flatnonzero(near)]
        return found

    def reshaped(self, value: np.ndarray, t: int | None) -> bool:
        """Whether a value is something true in another shape.

        Parameters
        ----------
        value : array
        t : int or None

        Returns
        -------
        bool
        """
        flat = np.ravel(value)
        steps = dict.fromkeys((t, None))
        known = [one.array for step in steps for some in (self.known, self.values) for one in some.get(step, ())]
        return flat.size > 1 and any(
            same(np.ravel(one), flat) for one in (*known, *self.upstream) if np.ndim(one) > 1
        )

    def is_upstream(self, value: np.ndarray) -> bool:
        """Whether a value is made of numbers given for an output, here and there left out.

        Parameters
        ----------
        value : array

        Returns
        -------
        bool
        """
        for given in self.upstream:
            rows = [given, *(given if np.ndim(given) else ())]
            for one in rows:
                try:
                    if ((value == 0) | (value == np.broadcast_to(one, value.shape))).all():
                        return True
                except ValueError:
                    continue
        return False

    def shaped(self, shape: tuple[int, ...], t: int | None) -> list[Known]:
        """List the derivatives of a shape in a step.

        Parameters
        ----------
        shape : tuple of int
        t : int or None

        Returns
        -------
        list of Known
        """
        tables = [self._table(step, False).get(shape) for step in dict.fromkeys((t, None))]
        return [one for table in tables if table is not None for one in table[0]]

    def named(self, name: str, t: int | None, values: bool = False) -> list[Known]:
        """List what is known under a forward name in a step.

        Parameters
        ----------
        name : str
            Without what says when.
        t : int or None
        values : bool

        Returns
        -------
        list of Known
        """
        known = self.values if values else self.known
        return [one for step in dict.fromkeys((t, None)) for one in known.get(step, ()) if one.name == name]

    def _table(self, t, values):
        if (t, values) not in self._tables:
            known = list(self.values.get(t, ())) if values else list(self.known.get(t, ()))
            if values:
                known += [Known(v, one.name, SLOPE, one.function) for one in known for v in slopes(one.array)]
            else:
                known += [one._replace(array=one.array.T, kind=PART) for one in known if one.array.ndim == 2]
            by_shape = defaultdict(list)
            for one in known:
                by_shape[np.shape(one.array)].append(one)
            self._tables[t, values] = {shape: _tabled(some, values) for shape, some in by_shape.items()}
        return self._tables[t, values]


def _tabled(some, values):
    kept = [one for one in some if values or np.any(one.array)]  # a zero matches nothing
    if not kept:
        return None
    rows = np.array([np.ravel(one.array) for one in kept], dtype=float)
    return kept, rows, SAME * np.abs(rows).max(axis=1, initial=0) + 1e-300
