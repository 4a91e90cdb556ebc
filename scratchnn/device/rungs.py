"""A ladder of kernels as data: what is new on each rung, what it costs, what to expect."""

from collections.abc import Callable
from typing import NamedTuple


class Rung(NamedTuple):
    """One version of an op on the device; ``forward`` and ``backward`` as in its reference."""

    name: str
    new: str  # the idea that the rung before lacks
    costs: str  # what is paid for it: launches, memory, effort
    expect: str  # what bounds it now
    forward: Callable
    backward: Callable
    simulated: bool = (
        True  # False: the simulator lacks what it needs, so it is compiled in tests, and run on a device
    )
    tf32: bool = False  # True: factors are rounded to tf32, 11 bits of them are left
