"""The tape itself: what a rewritten source calls while it runs."""

from typing import Any

import numpy as np

from .instrument import NAME, Instrumented, Site
from .records import Read, Record


class Tape:
    """Keeps every assignment of the sources that run on it.

    ``records`` is the list, in the order of time. Where the numbers of an array came from is known by its place in
    memory, and for copies by their bytes; arrays of one repeated number (zeros) come from nowhere.
    """

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.sites: list[Site] = []
        self._frames = [_Frame("", 0)]
        self._runs: dict[int, int] = {}  # site -> how often it began
        self._calls = 0
        self._where: dict[tuple, int] = {}  # place in memory -> record
        self._owners: dict[int, int | None] = {}  # address of an array that owns its memory -> record, None if mixed
        self._bytes: dict[bytes, int] = {}
        self._alive: list[Any] = []  # places in memory stay taken

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
        self._keep(record, value)
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

    # what the rewritten source says

    def begin(self, site: int) -> None:
        frame = self._frames[-1]
        run = self._runs.get(site, 0)
        self._runs[site] = run + 1
        frame.open = _Open(site, run)

    def read(self, k: int, value: Any) -> Any:
        if isinstance(value, float) or (isinstance(value, np.ndarray) and value.dtype.kind in "fc"):
            opened = self._frames[-1].open
            if opened is not None:
                opened.reads.append((k, value, self._source(value)))
        return value

    def operand(self, value: Any) -> Any:
        self._frames[-1].open.operands.append(value)
        return value

    def term(self, value: Any) -> Any:
        self._frames[-1].open.terms.append(value)
        return value

    def increment(self, value: Any) -> Any:
        self._frames[-1].open.increment = value
        return value

    def bound(self, site: int, k: int, value: Any) -> Any:
        frame = self._frames[-1]
        named = self.sites[site]
        target = named.targets[k]
        if isinstance(value, int | np.integer) and not isinstance(value, bool):
            if target.isidentifier():
                frame.counters[target] = int(value)
            return value
        if isinstance(value, np.ndarray | np.floating) and value.dtype.kind in "fc":
            self._record(frame, site, k, target, value)
        return value

    def returned(self, site: int, value: Any) -> Any:
        frame, targets = self._frames[-1], self.sites[site].targets
        parts = value if isinstance(value, tuple) and len(targets) == len(value) > 1 else (value,)
        if len(parts) == len(targets):
            for k, part in enumerate(parts):
                if isinstance(part, np.ndarray) and part.dtype.kind in "fc":
                    self._record(frame, site, k, targets[k], part)
        return value

    def enter(self, site: int) -> None:
        self._calls += 1
        self._frames.append(_Frame(self.sites[site].function, self._calls))
        self.begin(site)

    def leave(self) -> None:
        self._frames.pop()

    def loop(self, name: str, value: Any) -> None:
        if isinstance(value, int | np.integer):
            self._frames[-1].counters[name] = int(value)
            if name not in self._frames[-1].loops:
                self._frames[-1].loops.append(name)

    def end(self, name: str) -> None:
        self._frames[-1].counters.pop(name, None)
        if name in self._frames[-1].loops:
            self._frames[-1].loops.remove(name)

    # how it is kept

    def _record(self, frame, site, k, target, value):
        where, opened = self.sites[site], frame.open
        kind = {"arguments": "argument"}.get(where.kind, where.kind)
        if kind == "set" and not target.isidentifier():
            kind = "store"
        number = len(self.records)
        reads = tuple(self._kept_read(where, *one) for one in opened.reads) if opened else ()
        same = part = increment = None
        operands, terms = (), ()
        if kind == "add":
            increment = None if opened.increment is None else np.array(opened.increment)
            operands = tuple(np.array(one) for one in opened.operands)
        else:
            same, part = self._known(value, kind)
            if opened.terms and len(where.targets) == 1:
                terms = tuple(np.array(one) for one in opened.terms)
        shared = same is not None and kind != "store"
        copy = self.records[same].value if same is not None else np.array(value)
        record = Record(
            number, where, target, kind, copy, self._counters(), (site, opened.run, k), increment, operands, terms,
            reads, same, part, frame.call, tuple(name for one in self._frames for name in one.loops),
        )  # fmt: skip
        if shared:
            self._follow(record, value)
        else:
            self._keep(record, value)

    def _counters(self):
        merged = {}
        for frame in reversed(self._frames):
            for name, value in frame.counters.items():
                merged.setdefault(name, value)
        return merged

    def _known(self, value, kind):
        """Find the record with these numbers, or the one of which they are a view."""
        if kind != "store":
            exact = self._exact(value)
            if exact is not None:
                return exact, None
            part = self._owners.get(_owner(value))
            if part is not None and value.base is not None:
                return None, part
        found = self._bytes.get(_fingerprint(value)) if _varied(value) else None
        return found, None

    def _exact(self, value):
        """Give the record that stands at this place, if its numbers stand there still."""
        found = self._where.get(_place(value))
        return found if found is not None and _equal(self.records[found].value, value) else None

    def _source(self, value):
        if isinstance(value, float):
            return None
        exact = self._exact(value)
        if exact is not None:
            return exact
        part = self._owners.get(_owner(value))
        if part is not None:
            return part
        return self._bytes.get(_fingerprint(value)) if _varied(value) else None

    def _kept_read(self, site, k, value, record):
        text = site.reads[k]
        if isinstance(value, float):
            return Read(text, np.array(value), None)
        known = None if record is None else self.records[record].value
        if known is not None and known.shape == value.shape and known.dtype == value.dtype:
            return Read(text, known, record)
        return Read(text, np.array(value), record)

    def _follow(self, record, value):
        """Keep a record of known numbers; a copy of them is a place where they stand, too."""
        self.records.append(record)
        owner = _owner(value)
        if isinstance(value, np.ndarray) and value.base is None and owner not in self._owners:
            self._alive.append(value)
            self._owners[owner] = self._where[_place(value)] = record.number

    def _keep(self, record, value):
        self.records.append(record)
        self._alive.append(value)
        owner = _owner(value)
        if not isinstance(value, np.ndarray) or value.base is None:
            self._owners[owner] = record.number
        elif record.kind in ("store", "add"):
            self._owners[owner] = None  # several records share this memory now
        self._where[_place(value)] = record.number
        if record.kind != "add" and _varied(record.value):
            self._bytes[_fingerprint(record.value)] = record.number


class _Frame:
    def __init__(self, function, call):
        self.function, self.call = function, call
        self.counters, self.loops, self.open = {}, [], None


class _Open:
    """The statement that runs at this moment."""

    def __init__(self, site, run):
        self.site, self.run = site, run
        self.reads, self.operands, self.terms, self.increment = [], [], [], None


class _Voice:
    """A tape as one rewritten source sees it: its own sites begin at ``start``."""

    def __init__(self, tape, start):
        self.tape, self.start = tape, start
        self.read, self.operand, self.term, self.increment = tape.read, tape.operand, tape.term, tape.increment
        self.leave, self.loop, self.end = tape.leave, tape.loop, tape.end

    def begin(self, site):
        self.tape.begin(self.start + site)

    def bound(self, site, k, value):
        return self.tape.bound(self.start + site, k, value)

    stored = bound

    def returned(self, site, value):
        return self.tape.returned(self.start + site, value)

    def enter(self, site):
        self.tape.enter(self.start + site)


def _place(value):
    if not isinstance(value, np.ndarray):
        return ("number", float(np.real(value)))
    return (value.__array_interface__["data"][0], value.shape, value.strides)


def _owner(value):
    if not isinstance(value, np.ndarray):
        return 0
    while isinstance(value.base, np.ndarray):
        value = value.base
    return value.__array_interface__["data"][0]


def _fingerprint(value):
    return repr((value.shape, value.dtype.str)).encode() + np.ascontiguousarray(value).tobytes()


def _varied(value):
    """Not one number again and again: zeros and ones are equal without being copies."""
    return np.ndim(value) > 0 and value.size > 0 and not (value == value.flat[0]).all() or np.size(value) == 1


def _equal(one, other):
    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    return bool((one == other).all()) or np.array_equal(one, other, equal_nan=True)
