"""What only the device can see, looked at when something comes home anyway.

Whether an id on the device lies in its table is known there alone. To ask at once would let the host wait in the
middle of a step. So the kernel notes it, goes on with what harms nobody, and the error is raised by the next copy to
the host, which waits all the same: as CUDA does with errors of its own.
"""

from collections.abc import Callable
from typing import Any

from . import counting

MOST = 64  # notes that are kept; with one more all are looked at
_NOTES: list[tuple[Any, Callable[[int], Exception]]] = []


def check_later(note: Any, error: Callable[[int], Exception]) -> None:
    """Let the next copy to the host look at a number on the device.

    Parameters
    ----------
    note : (1,) device array
        0: all is well.
    error : function
        Takes the number if it is not 0, gives what is raised.
    """
    if len(_NOTES) >= MOST:
        look()
    _NOTES.append((note, error))


def look() -> None:
    """Look at all notes; raise the error of the first that tells of one."""
    notes, _NOTES[:] = list(_NOTES), []
    for note, error in notes:
        counting.add("to_host")
        if value := int(note.copy_to_host()[0]):
            raise error(value)
