"""Ctrl-C and SIGTERM wait for the end of a step, so that what is saved then is whole."""

import signal
import threading
from types import FrameType
from typing import Self

DEFAULTS = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}


class Stopped(KeyboardInterrupt):
    """Training stops here because a signal asked for it: between two steps, or two batches of a validation."""


class Interrupts:
    """Notes the first signal inside its ``with`` block; a second one interrupts at once.

    Only in the main thread, and only signals that nobody else handles or ignores; those are handled as before
    when the block ends.

    Attributes
    ----------
    asked : str or None
        The signal's name: "SIGINT" (Ctrl-C) or "SIGTERM".
    """

    def __init__(self) -> None:
        self.asked: str | None = None
        self.before: dict = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number, default in DEFAULTS.items():
                if signal.getsignal(number) == default:
                    self.before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)

    def stop_here(self) -> None:
        """Raise ``Stopped`` if a signal has come."""
        if self.asked is not None:
            raise Stopped

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.asked is not None:
            raise KeyboardInterrupt
        self.asked = signal.Signals(number).name
