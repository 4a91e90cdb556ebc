"""Count what costs time between host and device: copies, launches, memory asked of the driver."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

_COUNTS: list = []


@dataclass
class Count:
    """How often something crossed over or was launched, or the driver was asked for memory."""

    to_device: int = 0
    to_host: int = 0
    launches: int = 0
    allocations: int = 0


@contextmanager
def counting() -> Iterator[Count]:
    """Count copies, launches and allocations of the code inside.

    Returns
    -------
    context manager
        Gives a ``Count``.
    """
    count = Count()
    _COUNTS.append(count)
    try:
        yield count
    finally:
        _COUNTS.remove(count)


def add(what: str) -> None:
    """Add one to every count that is going on.

    Parameters
    ----------
    what : {"to_device", "to_host", "launches", "allocations"}
    """
    for count in _COUNTS:
        setattr(count, what, getattr(count, what) + 1)
