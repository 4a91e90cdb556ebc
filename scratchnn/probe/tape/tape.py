"""The tape itself: what a rewritten source calls while it runs."""

import itertools
from typing import Any

import numpy as np

from .memory import Memory
from .records import Read, Record
from .sites import NAME, Instrumented, Site


class Tape:
    """Keeps every assignment of the sources that run on it, see ``records``."""

    def __init__(self) -> None:
        self.memory = Memory()
        self.sites: list[Site] = []
        self._frames = [_Frame(0)]
        self._runs: dict[int, int] = {}  # site -> how often it began
        self._calls = itertools.count(1)

    @property
    def records(self) -> list[Record]:
        """What was kept, in the order of time."""
        return self.memory.records

    def run(self, source: Instrumented, names: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run a rewritten source as a module.

        Parameters
        ----------
        source : Instrumented
        names : dict, optional
            What is there before it runs: ``__package__`` and the like.

        Returns
        -------
        dict
            The module's names; its functions go on telling this tape when they are called.
        """
        space = {"__name__": "taped", "__file__": source.file, **(names or {}), NAME: self.shifted(source)}
        exec(source.code, space)
        return space

    def shifted(self, source: Instrumented) -> "_Voice":
        """Give what a rewritten source calls ``_tape``: this tape, with the source's sites behind the earlier ones.

        Parameters
        ----------
        source : Instrumented

        Returns
        -------
        object
        """
        start = len(self.sites)
        self.sites.extend(source.sites)
        return _Voice(self, start)

    def give(self, name: str, value: np.ndarray) -> Record:
        """Tell the tape of an array from outside: an input, a parameter, an upstream gradient.

        Parameters
        ----------
        name : str
        value : array

        Returns
        -------
        Record
        """
        record = Record(len(self.records), None, name, "given", np.array(value))
        self.memory.keep(record, value)
        return record

    def maker(self, record: int | None) -> int | None:
        """Follow copies, aliases and views back to the record that made the numbers.

        Parameters
        ----------
        record : int or None

        Returns
        -------
        int or None
        """
        while record is not None:
            found = self.records[record]
            back = found.same if found.same is not None else found.part
            if back is None:
                return record
            record = back
        return None

    def _again(self, site):
        """Count how often a place was reached before."""
        run = self._runs.get(site, 0)
        self._runs[site] = run + 1
        return run

    def _record(self, site, k, target, value):
        where, frame = self.sites[site], self._frames[-1]
        opened, number = frame.open, len(self.records)
        kind = {"arguments": "argument"}.get(where.kind, where.kind)
        if kind == "set" and not target.isidentifier():
            kind = "store"
        found, whole, added, operands, terms = None, False, None, (), ()
        if kind == "add":
            added, operands = np.array(opened.increment), _copies(opened.operands)
        else:
            found, whole = self.memory.source(value, copied=kind == "store")
            terms = _copies(opened.terms) if len(where.targets) == 1 else ()
        same, part = (found, None) if whole else (None, found)
        copy = np.array(value) if same is None else self.records[same].value
        loops = tuple(name for one in self._frames for name in one.loops)
        record = Record(
            number, where, target, kind, copy, self._counters(), (site, opened.run, k), added, operands, terms,
            tuple(self._kept_read(where, *one) for one in opened.reads), same, part, frame.call, loops,
        )  # fmt: skip
        known = same is not None and kind != "store"
        (self.memory.follow if known else self.memory.keep)(record, value)

    def _counters(self):
        merged = {}
        for frame in reversed(self._frames):
            for name, value in frame.counters.items():
                merged.setdefault(name, value)
        return merged

    def _kept_read(self, site, k, value, record, whole):
        return Read(site.reads[k], self.records[record].value if whole else np.array(value), record)


def _copies(arrays):
    return tuple(np.array(one) for one in arrays)


class _Frame:
    """A function that runs."""

    def __init__(self, call):
        self.call, self.counters, self.loops, self.open = call, {}, [], None


class _Open:
    """The statement that runs at this moment."""

    def __init__(self, site, run):
        self.site, self.run = site, run
        self.reads, self.operands, self.terms, self.increment = [], [], [], None


class _Voice:
    """A tape as one rewritten source sees it: its own sites begin at ``start``."""

    def __init__(self, tape, start):
        self.tape, self.start = tape, start

    @property
    def _frame(self):
        return self.tape._frames[-1]

    def begin(self, site):
        self._frame.open = _Open(self.start + site, self.tape._again(self.start + site))

    def read(self, k, value):
        if isinstance(value, float) or (isinstance(value, np.ndarray) and value.dtype.kind in "fc"):
            opened = self._frame.open
            if opened is not None:
                opened.reads.append((k, value, *self.tape.memory.source(value)))
        return value

    def operand(self, value):
        self._frame.open.operands.append(value)
        return value

    def term(self, value):
        self._frame.open.terms.append(value)
        return value

    def increment(self, value):
        self._frame.open.increment = value
        return value

    def bound(self, site, k, value):
        target = self.tape.sites[self.start + site].targets[k]
        if isinstance(value, int | np.integer) and not isinstance(value, bool):
            if target.isidentifier():
                self._frame.counters[target] = int(value)
        elif isinstance(value, np.ndarray | np.floating) and value.dtype.kind in "fc":
            self.tape._record(self.start + site, k, target, value)
        return value

    stored = bound

    def returned(self, site, value):
        targets = self.tape.sites[self.start + site].targets
        parts = value if isinstance(value, tuple) and len(targets) == len(value) > 1 else (value,)
        if len(parts) == len(targets):
            for k, part in enumerate(parts):
                if isinstance(part, np.ndarray) and part.dtype.kind in "fc":
                    self.tape._record(self.start + site, k, targets[k], part)
        return value

    def enter(self, site):
        self.tape._frames.append(_Frame(next(self.tape._calls)))
        self.begin(site)

    def leave(self):
        self.tape._frames.pop()

    def loop(self, name, value):
        frame = self._frame
        if isinstance(value, int | np.integer):
            frame.counters[name] = int(value)
        else:
            name = f"#{name}"  # no number: the rounds are counted
            frame.counters[name] = frame.counters.get(name, -1) + 1
        if name not in frame.loops:
            frame.loops.append(name)

    def end(self, name):
        frame = self._frame
        for one in (name, f"#{name}"):
            frame.counters.pop(one, None)
            if one in frame.loops:
                frame.loops.remove(one)
