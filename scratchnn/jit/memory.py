"""Memory of large arrays, used again when nobody holds it any more.

The system hands out the memory of a large new array page by page, at the first touch of each, 0.2 to 0.5 us per 4 KB:
more than a kernel takes to fill it. It takes the memory back when the array goes, so a training loop pays this in
every step. ``empty`` keeps what comes back, at most ``MOST`` bytes, for the next array of about that size. Memory
comes back when its array and all views of it are gone, never before: what a cache holds stays as it is.
"""

import math
import os
import threading
from collections.abc import Callable
from typing import ClassVar

import numpy as np
from numpy.typing import DTypeLike

LEAST = 1 << 18  # bytes of an array that is worth it: smaller ones the C library keeps as well, and quicker
MOST = 1 << 27  # bytes kept in all
LINE = 64  # bytes of a line of the cache
SMALL = 1 << 14  # bytes below which it does not matter where an array begins
WHOLE = 16  # float32 numbers in a line


class _Kept:
    """Memory that nobody holds: by size, an array and an address in it, where a line of the cache begins."""

    blocks: ClassVar[dict[int, list[tuple[np.ndarray, int]]]] = {}
    bytes = 0
    lock = threading.RLock()  # inside, Python's collector may drop arrays: the same thread enters twice


def empty(shape: tuple[int, ...], dtype: DTypeLike, room: int = 0) -> np.ndarray:
    """Make an array with any content, as ``np.empty`` does.

    Parameters
    ----------
    shape : tuple of int
    dtype : dtype
    room : int
        Numbers behind the end that may be read; they are 0.

    Returns
    -------
    array
    """
    dtype = np.dtype(dtype)
    size = math.prod(shape)
    bytes_ = (size + room) * dtype.itemsize
    if bytes_ < LEAST and not room:
        return np.empty(shape, dtype)
    if bytes_ < LEAST:
        flat = np.empty(size + room, dtype)
    else:
        flat = np.asarray(_Owner(bytes_, (size + room,), dtype.str))
    if not room:
        return flat.reshape(shape)
    flat[size:] = 0
    return flat[:size].reshape(shape)


def lined(shape: tuple[int, ...], dtype: DTypeLike) -> np.ndarray:
    """Make an array as ``empty`` does, which begins with a line of the cache if it is not small.

    A vector that lies across two lines is read and written in two goes. Where rows are whole lines this saves 10 %
    of an LSTM.

    Parameters
    ----------
    shape : tuple of int
    dtype : dtype

    Returns
    -------
    array
    """
    dtype = np.dtype(dtype)
    size = math.prod(shape)
    if size * dtype.itemsize >= LEAST:
        return empty(shape, dtype)
    if size * dtype.itemsize < SMALL:
        return np.empty(shape, dtype)
    flat = np.empty(size + LINE // dtype.itemsize, dtype)
    at = _to_line(flat)
    return flat[at : at + size].reshape(shape)


def empty_for(numbers: int, columns: int = 1) -> Callable[[tuple[int, ...], DTypeLike], np.ndarray]:
    """Give who makes a kernel's arrays: ``lined``, ``empty``, or ``np.empty`` where to look around costs more.

    Parameters
    ----------
    numbers : int
        In one of the larger arrays.
    columns : int
        Numbers in a row, given by who reads rows that are whole lines faster when they begin with a line.

    Returns
    -------
    function
        Takes a shape and a dtype.
    """
    if columns % WHOLE == 0 and numbers >= SMALL // 4:
        return lined
    return empty if numbers > LEAST // 8 else np.empty


def buffers(dtype: DTypeLike, *shapes: tuple[int, ...]) -> list[np.ndarray]:
    """Make arrays of zeros for what a kernel forgets when it returns, each beginning with a line of the cache.

    Parameters
    ----------
    dtype : dtype
    *shapes : tuples of int

    Returns
    -------
    list of array
    """
    dtype = np.dtype(dtype)
    line = LINE // dtype.itemsize
    sizes = [math.prod(shape) for shape in shapes]
    flat = empty((sum(size + -size % line for size in sizes) + line,), dtype)
    flat[...] = 0
    at = _to_line(flat)
    made = []
    for size, shape in zip(sizes, shapes, strict=True):
        made.append(flat[at : at + size].reshape(shape))
        at += size + -size % line
    return made


def forget() -> None:
    """Give all memory that is kept for later back to the system."""
    with _Kept.lock:
        _Kept.blocks, _Kept.bytes = {}, 0


def _to_line(flat):
    """Count the numbers before the first line of the cache in an array."""
    return -flat.__array_interface__["data"][0] % LINE // flat.itemsize


def _rounded(size):
    """Round up to one of eight sizes between two powers of two."""
    step = 1 << max(0, size.bit_length() - 4)
    return -(-size // step) * step


class _Owner:
    """Of some memory: the base of an array, and so of all its views. With its end the memory comes back."""

    __slots__ = ("__array_interface__", "block", "size")

    def __init__(self, size, shape, kind):
        self.size = _rounded(size)
        with _Kept.lock:
            kept = _Kept.blocks.get(self.size)
            block = kept.pop() if kept else None
            if block:
                _Kept.bytes -= self.size
        if block is None:
            memory = np.empty(self.size + LINE, np.uint8)
            address = memory.ctypes.data
            block = memory, address + -address % LINE
        self.block = block
        self.__array_interface__ = {"data": (block[1], False), "shape": shape, "typestr": kind, "version": 3}

    def __del__(self, kept=_Kept):
        with kept.lock:
            if kept.bytes + self.size <= MOST:
                kept.bytes += self.size
                kept.blocks.setdefault(self.size, []).append(self.block)


def _start_anew():
    """In a forked child: another thread of the parent may have held the lock."""
    _Kept.lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_anew)
