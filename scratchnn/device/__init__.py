"""The one place that knows numba.cuda: is there a device, how do arrays get onto it, how is a kernel launched.

Importing this room is cheap: Numba is imported when the first kernel is defined or the first question asked.

Is there a device?
------------------
``state()`` says "present", "simulator" (``NUMBA_ENABLE_CUDASIM=1`` was set before Python started: every kernel runs
as Python threads, slowly, with bounds checked) or "missing"; ``why_missing()`` is the sentence about what to install.

Arrays
------
``to_device``, ``to_host``, ``empty``, ``zeros``; ``bring`` and ``back`` make a function take both kinds of arrays:
NumPy arrays in, NumPy arrays out; device arrays in, device arrays out, with nothing copied on the way.
``with counting() as count:`` counts the copies, the launches, and how often the driver was asked for memory: what
nobody holds any more is used again (memory.py). ``check_later`` puts off to the next copy to the host what only the
device can see.

Kernels
-------
``@kernel("f2 f2 f2", registers=40)`` marks an entry point and states what is claimed of it; tests/ops/gpu_compile
compiles each one that a room's ``gpu.kernels()`` gives, for two architectures, without a GPU, and holds it to that.
It is launched as Numba's own are: ``some_kernel[grid, block](A, B, C)``. Its module must hold ``cuda`` as a global
(``from scratchnn.device import cuda``): the simulator looks for it there. ``pick(full, tiny)`` chooses the size of a
block: tiny in the simulator.
"""

from typing import Any

from .arrays import back, bring, counters, empty, on_device, to_device, to_host, zeros
from .checks import check_later
from .counting import Count, counting
from .launching import (
    Kernel,
    blocks,
    function,
    intrinsic,
    kernel,
    most_shared,
    on_stream,
    pick,
    resident,
    stream,
    tiny,
)
from .presence import Missing, name, require, simulated, state, target, why_missing
from .rungs import Rung

__all__ = [
    "Count",
    "Kernel",
    "Missing",
    "Rung",
    "back",
    "blocks",
    "bring",
    "check_later",
    "counters",
    "counting",
    "cuda",
    "empty",
    "function",
    "intrinsic",
    "kernel",
    "most_shared",
    "name",
    "on_device",
    "on_stream",
    "pick",
    "require",
    "resident",
    "simulated",
    "state",
    "stream",
    "target",
    "tiny",
    "to_device",
    "to_host",
    "why_missing",
    "zeros",
]


def __getattr__(name: str) -> Any:
    if name == "cuda":  # from scratchnn.device import cuda: what numba.cuda is on this machine
        from .presence import numba_cuda

        return numba_cuda()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
