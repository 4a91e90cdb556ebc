"""Run a rewritten source again with some of its numbers moved: what a complex step needs."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .sites import NAME, Instrumented

Key = tuple[int, int, Any]  # as in Record.key; ("term", k) in the last place for a term of a sum


class Nudge:
    """Takes a tape's place: it keeps nothing, but moves the values whose keys it is given.

    Parameters
    ----------
    moves : dict
        From a record's ``key`` to a function of the value, which returns the moved one. The key of the k-th term of a
        sum is the record's with ``("term", k)`` in the last place.
    """

    def __init__(self, moves: dict[Key, Callable[[Any], Any]]) -> None:
        self.moves = moves
        self.met: set[Key] = set()  # which moves have happened
        self.sites = 0
        self._runs: dict[int, int] = {}
        self._open: list[list] = [[None, 0]]  # per call: (site, run), terms so far

    def run(self, source: Instrumented, names: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run a rewritten source as a module, as ``Tape.run`` does; in the same order, so that the keys agree.

        Parameters
        ----------
        source : Instrumented
        names : dict, optional

        Returns
        -------
        dict
            The module's names.
        """
        space = {"__name__": "nudged", "__file__": source.file, **(names or {}), NAME: self.shifted(source)}
        exec(source.code, space)
        return space

    def shifted(self, source: Instrumented) -> Any:
        """Give what a rewritten source calls ``_tape``, see ``Tape.shifted``.

        Parameters
        ----------
        source : Instrumented

        Returns
        -------
        object
        """
        start = self.sites
        self.sites += len(source.sites)
        return _Voice(self, start)


class _Voice:
    def __init__(self, nudge, start):
        self.nudge, self.start = nudge, start

    def begin(self, site):
        nudge, site = self.nudge, self.start + site
        run = nudge._runs.get(site, 0)
        nudge._runs[site] = run + 1
        nudge._open[-1] = [(site, run), 0]

    def enter(self, site):
        self.nudge._open.append([None, 0])
        self.begin(site)

    def leave(self):
        self.nudge._open.pop()

    def bound(self, site, k, value):
        return self._moved((*self.nudge._open[-1][0], k), value)

    def term(self, value):
        here = self.nudge._open[-1]
        here[1] += 1
        return self._moved((*here[0], ("term", here[1] - 1)), value)

    def _moved(self, key, value):
        move = self.nudge.moves.get(key)
        if move is None:
            return value
        self.nudge.met.add(key)
        return move(value)

    def stored(self, site, k, value):
        """A place in a buffer or a list is moved where it stands; a single number of a buffer cannot be."""
        if not isinstance(value, np.ndarray):
            return
        moved = self.bound(site, k, value)
        if moved is not value:
            value[...] = moved

    def read(self, k, value):
        return value

    def operand(self, value):
        return value

    def increment(self, value):
        return value

    def returned(self, site, value):
        return value

    def loop(self, name, value):
        pass

    def end(self, name):
        pass


class ComplexNumpy:
    """NumPy for code that was not written for complex numbers: its buffers are complex ones."""

    def __getattr__(self, name: str) -> Any:
        found = getattr(np, name)
        return _roomy(found) if name in _BUFFERS else found


_BUFFERS = {"zeros", "ones", "empty", "full", "zeros_like", "ones_like", "empty_like", "full_like"}


def _roomy(make):
    def made(*arguments, **options):
        array = make(*arguments, **options)
        return array.astype(np.complex128) if array.dtype.kind == "f" else array

    return made
