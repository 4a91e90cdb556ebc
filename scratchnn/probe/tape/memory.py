"""Where numbers came from: by their place in memory, and for copies by their bytes."""

from typing import Any

import numpy as np

from .records import Record


class Memory:
    """Knows which record made the numbers of an array.

    Arrays of one repeated number (zeros) come from nowhere: they are equal without being copies.
    """

    def __init__(self) -> None:
        self.records: list[Record] = []
        self._where: dict[tuple, int] = {}  # place in memory -> record
        self._owners: dict[int, int | None] = {}  # address of an array that owns its memory -> record, None if mixed
        self._bytes: dict[bytes, int] = {}
        self._alive: list[Any] = []  # so that no place in memory is used twice

    def source(self, value: Any, *, copied: bool = False) -> tuple[int | None, bool]:
        """Find the record that made the numbers of an array.

        Parameters
        ----------
        value : array or float
        copied : bool
            Its place is known to be a new one: look at the numbers only.

        Returns
        -------
        record : int or None
        whole : bool
            Whether the array is all of that record's array, rather than a view into it.
        """
        if isinstance(value, float):
            return None, False
        if not copied:
            exact = self._where.get(_place(value))
            if exact is not None and _equal(self.records[exact].value, value):  # still standing there
                return exact, True
            part = self._owners.get(_owner(value))
            if part is not None and value.base is not None:
                return part, False
        found = self._bytes.get(_fingerprint(value)) if _varied(value) else None
        return found, found is not None

    def keep(self, record: Record, value: Any) -> None:
        """Keep a record of new numbers.

        Parameters
        ----------
        record : Record
        value : array or float
            Where they stand.
        """
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

    def follow(self, record: Record, value: Any) -> None:
        """Keep a record of known numbers; a copy of them is a place where they stand, too.

        Parameters
        ----------
        record : Record
        value : array or float
        """
        self.records.append(record)
        owner = _owner(value)
        if isinstance(value, np.ndarray) and value.base is None and owner not in self._owners:
            self._alive.append(value)
            self._owners[owner] = self._where[_place(value)] = record.number


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
    return (np.ndim(value) > 0 and value.size > 0 and not (value == value.flat[0]).all()) or np.size(value) == 1


def _equal(one, other):
    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    return bool((one == other).all()) or np.array_equal(one, other, equal_nan=True)
