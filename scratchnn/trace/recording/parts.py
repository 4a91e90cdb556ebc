"""What the events of a trace are made with: whose lines, which step, and a shelf for the arrays."""

from typing import Any, NamedTuple

import numpy as np


class Part(NamedTuple):
    """Where the events of one op come from."""

    op: str
    equations: tuple[tuple[str, Any], ...]  # (phase, Equation)
    first_site: int  # its places on the tape
    end_site: int
    free: bool  # a user's source: unnumbered lines are events too


class Shelf:
    """The arrays of a trace; equal ones stand once."""

    def __init__(self) -> None:
        self.arrays: list[np.ndarray] = []
        self._index: dict[tuple, int] = {}

    def put(self, array: Any) -> int:
        """Give the index of an array, shelving it if it is new.

        Parameters
        ----------
        array : array or float

        Returns
        -------
        int
        """
        array = np.asarray(array, dtype=np.float64)
        key = (array.shape, array.tobytes())
        if key not in self._index:
            self._index[key] = len(self.arrays)
            self.arrays.append(array)
        return self._index[key]


class Clock:
    """Says to which pass and to which time step a record belongs.

    Parameters
    ----------
    turn : int
        The first record of the backward pass.
    T : int
        Time steps; a loop that only counts its rounds runs from the last to the first on the way back.
    """

    def __init__(self, turn: int, T: int) -> None:
        self.turn, self.T = turn, T

    def phase(self, record: Any) -> str:
        """Give "forward" or "backward".

        Parameters
        ----------
        record : Record

        Returns
        -------
        str
        """
        return "backward" if record.number >= self.turn else "forward"

    def step(self, record: Any) -> int | None:
        """Give the counter called t, else that of the outermost loop; None outside of any loop.

        Parameters
        ----------
        record : Record

        Returns
        -------
        int or None
        """
        if "t" in record.counters or not record.loops:
            return record.counters.get("t")
        name = record.loops[0]
        count = record.counters[name]
        return self.T - 1 - count if name[0] == "#" and self.phase(record) == "backward" else count
