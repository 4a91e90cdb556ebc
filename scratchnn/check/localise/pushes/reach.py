"""What a statement must have written for every gradient to be right, found by pushing it; and whether it can be.

No name is looked at. The gradients that a backward returns are linear in each gradient that it makes on the way: as
many pushes as it has entries tell all. Where a value of the forward is kept or a slope is made it is not linear, and
a few such rounds follow each other.
"""

import itertools
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ...diagnose.planted import rebound
from ..source.limit import limited
from ..source.scope import Scope
from ..source.shortcut import Shortcut
from ..source.stage import Built, Passes, Stage
from ..source.statements import Statement
from .push import LOOK, PUSH, Key, Pushes, pushable, sites
from .reached import Reached

LARGEST = 400  # entries that are pushed one by one
LINEAR = 1e-7
ROUNDS = 6  # where it is not linear
SLOWLY = 0.5  # of what is wrong may be left after a round


class Reach:
    """Pushes the statements of a source.

    Parameters
    ----------
    stage : Stage
    statements : list of Statement
        Of its tree.
    passes : Passes
    truth : dict of str to array
        The true gradients.
    deadline : float
        Of ``time.process_time``.
    """

    def __init__(self, stage: Stage, statements: list[Statement], passes: Passes, truth: dict, deadline: float):
        self.stage, self.passes, self.truth, self.deadline = stage, passes, truth, deadline
        theirs = {} if not {"forward", "backward"} <= set(stage.student.functions) else stage.student.theirs
        self.sites = sites(statements, tuple(theirs.get("backward", "").split(".")))
        self.pushes = Pushes()
        self.built = self._build()
        self.names = sorted(truth)
        self.goal = self._flat(truth)
        self.runs = 0
        _, self.kept = passes.forward(self.built.backend)
        self.shortcut: Shortcut | None = None
        self.bent: set[Key] = set()
        self.fresh = False  # the forward must run again before each backward
        self.base = self._run(keep=True)
        self.written = self.pushes.seen or {}
        self.order, self.course = list(self.written), self.pushes.course
        self.usable = self.base is not None and bool(np.isfinite(self.base).all())
        if self.usable:
            again = self._run(keep=True)
            self.fresh = again is None or not np.array_equal(again, self.base)
            self.bent = self._bent()
        if self.usable and not self.fresh:
            self.shortcut = Shortcut(self.built, passes, self._flat)
        self._effects: dict[Key, np.ndarray] = {}
        self._columns: dict[Key, np.ndarray | None] = {}

    def _build(self, watched: Statement | None = None, look: Any = None) -> Built:
        tree = pushable(self.stage.tree, self.sites, watched)
        code = compile(tree, self.stage.student.file, "exec", dont_inherit=True)
        return Built(self.stage, code, rebound(self.stage.reference), {PUSH: self.pushes, LOOK: look})

    def _flat(self, grads):
        if grads.keys() != self.truth.keys():
            return None
        if any(np.shape(grads[name]) != np.shape(self.truth[name]) for name in self.names):
            return None
        return np.concatenate([np.ravel(grads[name]) for name in self.names])

    def _run(self, offsets=None, *, keep=False, built=None, times=1.0):
        """Run the backward with pushes; None where it fails."""
        self.runs += 1
        try:
            with np.errstate(all="ignore"), warnings.catch_warnings(), limited():
                warnings.simplefilter("ignore")
                if self.fresh or built is not None:
                    _, self.kept = self.passes.forward((built or self.built).backend)
                self.pushes.start(offsets, keep=keep)
                if built is None and times == 1 and self.shortcut is not None and self.shortcut.open:
                    return self.shortcut()
                return self._flat(self.passes.backward(self.kept, times))
        except Exception:  # pushed, a student's code may do anything
            return None
        finally:
            self.pushes.on = False

    def _bent(self):
        """Find what does not double when the gradients given from outside do: it is no gradient."""
        self._run(keep=True, times=2.0)
        twice = self.pushes.seen or {}
        return {
            key
            for key, some in self.written.items()
            if len(twice.get(key, ())) != len(some)
            or not all(np.allclose(two, 2 * one, rtol=1e-9) for one, two in zip(some, twice[key], strict=True))
        }

    def size(self, key: Key) -> int:
        """Count the entries that are written at all times together."""
        return sum(one.size for one in self.written[key])

    def all(self, *, joint: bool = False) -> list[Reached]:
        """Find every place that alone can make everything right.

        Parameters
        ----------
        joint : bool
            Only statements that write several arrays at once, all of these together.

        Returns
        -------
        list of Reached
            In the order of time.
        """
        if not self.usable:
            return []
        wrong = self._wrong(self.base)
        found, failed = [], set()
        for key in self.order:
            if time.process_time() > self.deadline:
                break
            if (key.way is None) is not joint or self.sites[key.number].kind == "kept":
                continue
            if self.size(key) > LARGEST:
                continue
            effect = self._effect(key)
            if (wrong & (effect == 0)).any() or effect.tobytes() in failed:
                continue  # what fails, fails under the next name, too
            here = self._solved((key,), ROUNDS if key in self.bent else 1)
            found += here
            if not here:
                failed.add(effect.tobytes())
        return found

    def by_edits(self, key: Key, edits: Callable[[], Iterator[np.ndarray]]) -> list[Reached]:
        """Find out whether everything is right once a value or a slope is made otherwise.

        Parameters
        ----------
        key : Key
        edits : function
            Gives what an edited expression writes, flat, for all times.

        Returns
        -------
        list of Reached
            One, or none.
        """
        if not self.usable or (self._wrong(self.base) & (self._effect(key) == 0)).any():
            return []
        before = np.concatenate([np.ravel(one) for one in self.written[key]])
        tried = {before.tobytes()}
        for values in edits():
            if values.shape == before.shape and values.tobytes() not in tried:
                tried.add(values.tobytes())
                after = self._run({key: values - before})
                if after is not None and not self._wrong(after).any():
                    return self._told((key,), [values - before], np.eye(len(before)), [])
        return []

    def by_values(
        self, key: Key, values: Callable[[tuple[int, ...], int | None], dict], steps: list
    ) -> list[Reached]:
        """Find out whether everything is right once a place holds another value of the forward.

        Parameters
        ----------
        key : Key
        values : function
            Takes a shape and a time step and gives arrays by name.
        steps : list of int or None
            At which step it is written each time.

        Returns
        -------
        list of Reached
            One, or none.
        """
        written = self.written[key]
        if not self.usable or len(steps) != len(written) or (self._wrong(self.base) & (self._effect(key) == 0)).any():
            return []
        known = [values(one.shape, t) for one, t in zip(written, steps, strict=True)]
        for name in [name for name in known[0] if all(name in some for some in known)]:
            parts = [np.ravel(some[name] - one) for some, one in zip(known, written, strict=True)]
            offsets = np.concatenate(parts)
            after = self._run({key: offsets}) if np.any(offsets) else None
            if after is not None and not self._wrong(after).any():
                return self._told((key,), [offsets], np.eye(len(offsets)), [])
        return []

    def pairs(self, without: list[Key], seconds: float = 1.0) -> Iterator[list[Reached]]:
        """Find places two of which together can make everything right.

        Parameters
        ----------
        without : list of Key
            Places that can do it alone: whatever stands beside them would do.
        seconds : float

        Yields
        ------
        list of Reached
            Two, in the order of time.
        """
        if not self.usable:
            return
        wrong, end = self._wrong(self.base), min(self.deadline, time.process_time() + seconds)
        keys = [key for key in self.order if key not in self.bent and self.size(key) <= LARGEST // 4]
        keys = [key for key in keys if key.way is not None and key not in without]
        keys = [key for key in keys if self.sites[key.number].kind != "kept"]
        touched = {key: self._effect(key) != 0 for key in keys}
        keys = [key for key in keys if (touched[key] & wrong).any()]
        both = [
            (one, other)
            for one, other in itertools.combinations(keys, 2)
            if one.number != other.number and not (wrong & ~touched[one] & ~touched[other]).any()
        ]
        for some in sorted(both, key=lambda pair: sum(map(self.size, pair))):
            if time.process_time() > end:
                break
            if sum(map(self.size, some)) < len(self.goal) - 5:
                found = self._solved(some, 1)
                if found:
                    yield found

    def _wrong(self, flat):
        return ~np.isclose(flat, self.goal, rtol=0, atol=1e-9 * np.abs(self.goal).max(initial=0))

    def _effect(self, key):
        """Say what a push does to the gradients."""
        if key not in self._effects:
            some = self._run({key: np.random.default_rng(0).normal(size=self.size(key))})
            self._effects[key] = np.zeros(len(self.goal)) if some is None else some - self.base
        return self._effects[key]

    def _solved(self, keys, rounds):
        """Find offsets for some places that make everything right."""
        sizes = [self.size(key) for key in keys]
        cuts = np.cumsum(sizes)[:-1]
        offsets, now = np.zeros(sum(sizes)), self.base
        for _ in range(rounds):
            slopes = self._slopes(keys, np.split(offsets, cuts), now)
            if slopes is None or not np.isfinite(slopes).all() or time.process_time() > self.deadline:
                return []
            rest = self.goal - now
            try:
                left, strengths, ways = np.linalg.svd(slopes, full_matrices=False)
            except np.linalg.LinAlgError:  # numbers without bounds
                return []
            full = strengths > 1e-9 * strengths.max(initial=0)
            step = ways[full].T @ ((left[:, full].T @ rest) / strengths[full])
            if rounds == 1 and np.linalg.norm(rest - slopes @ step) > LINEAR * np.linalg.norm(rest):
                return []
            after = self._run(dict(zip(keys, np.split(offsets + step, cuts), strict=True)))
            if after is None or not np.linalg.norm(self.goal - after) < SLOWLY * np.linalg.norm(rest):
                return []
            offsets, now = offsets + step, after
            if not self._wrong(now).any():
                return self._told(keys, np.split(offsets, cuts), ways[full], cuts)
        return []

    def _slopes(self, keys, offsets, now):
        """Push one entry after the other; what is linear has the same slopes everywhere."""
        found = []
        for key, start in zip(keys, offsets, strict=True):
            if key in self.bent or len(keys) == 1 or key not in self._columns:
                columns = np.empty((len(now), start.size))
                for k in range(start.size):
                    moved = start.copy()
                    moved[k] += 1e-4 if key in self.bent else 1.0
                    after = self._run({key: moved})
                    if after is None:
                        return None
                    columns[:, k] = (after - now) / (moved[k] - start[k])
                self._columns[key] = columns
            found.append(self._columns[key])
        return np.concatenate(found, axis=1)

    def _told(self, keys, offsets, ways, cuts):
        together = dict(zip(keys, offsets, strict=True))
        if self._run(together, keep=True) is None:
            return []
        if len(keys) > 1:  # of each alone, only what is sure can be said
            ways = np.diag(((ways**2).sum(axis=0) > 1 - 1e-7).astype(float))
        found = []
        for key, part in zip(keys, np.split(ways, cuts, axis=1), strict=True):
            part = part[np.any(part, axis=1)] if len(keys) > 1 else part
            values, wanted, start = self.pushes.seen[key], [], 0
            for value in values:
                wanted.append(value + together[key][start : start + value.size].reshape(value.shape))
                start += value.size
            site, order = self.sites[key.number], self.order.index(key)
            found.append(Reached(key, site, together, values, wanted, part, order))
        return found

    def scopes(self, reached: Reached) -> list[Scope]:
        """Look at the names in scope right before a statement, each time it runs, while everything else is right.

        Parameters
        ----------
        reached : Reached

        Returns
        -------
        list of Scope
        """
        return self.scopes_at(reached.site.statement, reached.offsets)

    def scopes_at(self, statement: Statement, offsets: dict[Key, np.ndarray]) -> list[Scope]:
        """Look at the names in scope right before a statement, each time it runs, with some pushes.

        Parameters
        ----------
        statement : Statement
        offsets : dict of Key to array

        Returns
        -------
        list of Scope
        """
        caught: list[Scope] = []

        def look(names):
            if self.pushes.on:
                caught.append(Scope(built.space, names, statement.function))

        built = self._build(statement, look)
        self._run(offsets, built=built)
        return caught
