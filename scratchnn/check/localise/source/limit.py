"""A limit for one run of edited code: an edit may make a loop endless."""

import contextlib
import signal
import threading
from collections.abc import Iterator

SECONDS = 1.0  # of the processor
AGAIN = 0.1


class TooLong(Exception):
    """A run took too long."""


def _stop(*_):
    raise TooLong


@contextlib.contextmanager
def limited(seconds: float = SECONDS) -> Iterator[None]:
    """Break off what takes too long; only where the system and the thread allow it.

    Parameters
    ----------
    seconds : float
        Of the processor.

    Yields
    ------
    None

    Raises
    ------
    TooLong
    """
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGVTALRM, _stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds, AGAIN)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
