"""Work split over threads: plain Python threads, each in kernels that run outside Python's lock."""

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any

from scratchnn.errors import InputError

WORTH = 8e6  # operations of one thread: the article's LSTM (10e6 in all) takes 0.27 ms on one and 0.33 on two


class _Threads:
    count: int | None = None  # not asked for yet
    pool: ThreadPoolExecutor | None = None
    lock = threading.Lock()
    here = threading.local()  # .inside: this thread must not hand on work


def set_num_threads(count: int) -> None:
    """Choose over how many threads kernels split a batch.

    Parameters
    ----------
    count : int
        At least 1. The default is the number of cores, or ``SCRATCHNN_NUM_THREADS``.

    Raises
    ------
    ValueError
        ``count`` is no whole number of at least 1.
    """
    if not _is_count(count):
        raise ValueError(f"set_num_threads: count is {count!r}, expected a whole number of at least 1")
    with _Threads.lock:
        pool, _Threads.pool = _Threads.pool, None
        _Threads.count = int(count)
    if pool is not None:
        pool.shutdown(wait=False)  # what others have begun there goes on


def get_num_threads() -> int:
    """Give the number of threads that kernels may use.

    Returns
    -------
    int

    Raises
    ------
    InputError
        ``SCRATCHNN_NUM_THREADS`` is no whole number of at least 1.
    """
    if _Threads.count is None:
        _Threads.count = _wanted()
    return _Threads.count


def parts(rows: int, flops: float) -> int:
    """Say in how many parts ``split`` would run this work.

    Parameters
    ----------
    rows : int
    flops : float

    Returns
    -------
    int
    """
    if flops < 2 * WORTH or getattr(_Threads.here, "inside", False):
        return 1  # a part that waited for others in the same pool could wait for ever
    return max(1, min(get_num_threads(), rows, int(flops / WORTH)))


def split(work: Callable[[int, int], Any], rows: int, flops: float) -> list[Any]:
    """Run ``work(begin, end)`` over all rows, in as many parts as pay.

    Parameters
    ----------
    work : function
        Takes a range of rows; calls kernels, which run outside Python's lock.
    rows : int
    flops : float
        What all of it costs; below ``WORTH`` per thread nothing is split.

    Returns
    -------
    list
        What ``work`` gave, in the order of the rows.
    """
    count = parts(rows, flops)
    if count == 1:
        return [work(0, rows)]
    bounds = [rows * k // count for k in range(count + 1)]
    with _Threads.lock:
        if _Threads.pool is None:
            _Threads.pool = ThreadPoolExecutor(max(1, get_num_threads() - 1), "scratchnn", _mark)
        others = [_Threads.pool.submit(work, *bounds[k : k + 2]) for k in range(1, count)]
    try:
        first = work(*bounds[:2])
    finally:
        wait(others)  # they write into the caller's arrays
    return [first, *(other.result() for other in others)]


@contextmanager
def alone() -> Iterator[None]:
    """Let kernels called inside use the calling thread only."""
    before = getattr(_Threads.here, "inside", False)
    _Threads.here.inside = True
    try:
        yield
    finally:
        _Threads.here.inside = before


def _mark():
    _Threads.here.inside = True


def _is_count(value):
    try:
        return int(value) == value and value >= 1
    except (TypeError, ValueError, OverflowError):
        return False


def _wanted():
    given = os.environ.get("SCRATCHNN_NUM_THREADS")
    if not given:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
    if not given.strip().isdecimal() or int(given) < 1:
        raise InputError(f"SCRATCHNN_NUM_THREADS is {given!r}, expected a whole number of at least 1")
    return int(given)


def _start_anew():
    """In a forked child: the pool's threads did not come along, and the lock may be held by one that did not."""
    _Threads.pool, _Threads.lock, _Threads.here = None, threading.Lock(), threading.local()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_anew)
