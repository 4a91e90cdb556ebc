"""What the device can do at most, measured in the same run, and the least time that a case takes then: its floor.

Three things bound a case from below; the longest of them is its floor.

arithmetic  flops of the matrix products, at the rate of the quickest large product, ours or the peer's
memory      bytes that every way of computing it must move, at the rate of the quickest large copy
barriers    steps of a recurrent op wait for each other, forward and backward: 2 T barriers of all blocks, with
            nothing between them
"""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from scratchnn import device
from scratchnn.device import cuda, kernel
from scratchnn.device.instructions import wait_for
from scratchnn.ops.matmul.gpu_step import copy_into, copy_kernel

from .cases import ATTENTION, Case, draw, flops, least_bytes

SIDE = 4096  # of the square product
LARGE = 1 << 28  # bytes that are copied: more than the caches hold
TURNS = 1000  # barriers, launches
TRIES = 10


class Limits(NamedTuple):
    """Rates per second, times in seconds; None where nothing was measured."""

    product: float | None = None  # flops of float32 products, TF32 off
    product_by: str | None = None
    tf32: float | None = None  # flops of products with factors rounded to tf32
    copy: float | None = None  # bytes read and written
    barrier: float | None = None  # all blocks wait for each other
    launch: float | None = None  # of one kernel: what the host takes for it


UNKNOWN = Limits()


class Floor(NamedTuple):
    """The least time of a case, and what bounds it."""

    seconds: float
    by: str


@kernel("u1 i i", registers=32, waits=True)
def bench_kernel_barriers(arrived, place, turns):
    """Wait for each other, and nothing else."""
    cuda.cg.this_grid().sync()
    for turn in range(turns):
        wait_for(arrived, place, (turn + 1) * cuda.gridDim.x)


def kernels() -> list:
    """List the kernels of this file, for the tests that compile them."""
    return [bench_kernel_barriers]


def steps(case: Case) -> int:
    """Say how often the blocks of a case must wait for each other.

    Parameters
    ----------
    case : Case

    Returns
    -------
    int
    """
    return 0 if case.topic in (*ATTENTION, "matmul") else 2 * case.sizes[0]


def floor(case: Case, limits: Limits, *, tf32: bool = False) -> Floor | None:
    """Give the least time of a case.

    Parameters
    ----------
    case : Case
    limits : Limits
    tf32 : bool
        Products may round their factors.

    Returns
    -------
    Floor or None
        None where the limits were not measured.
    """
    rate, work = limits.tf32 if tf32 else limits.product, flops(case)
    if None in (rate, limits.copy, limits.barrier):
        return None
    bounds = {
        "arithmetic": (work or 0.0) / rate,
        "memory": least_bytes(case) / limits.copy,
        "barriers": steps(case) * limits.barrier,
    }
    by = max(bounds, key=bounds.__getitem__)
    return Floor(bounds[by], by)


def measure(who: list[Any], clock: Callable[[], Any]) -> Limits:
    """Measure the limits of the device: the quickest of some tries each.

    Parameters
    ----------
    who : list of Entry
        Who multiplies: ours and the peers, those of them with TF32 marked.
    clock : function
        Makes what times a contender without a clock of its own.

    Returns
    -------
    Limits
    """
    case = Case("matmul", (SIDE,) * 3)
    inputs, rates = draw(case), {}
    for entry in who:
        entry.module.setup(1)
        try:
            run, _ = entry.module.prepare(case, inputs, entry.rung)
        except NotImplementedError:
            continue
        rates[entry.name] = flops(case) / _least(run, getattr(entry.module, "Clock", clock)()), entry.tf32
    exact = {name: rate for name, (rate, tf32) in rates.items() if not tf32}
    best = max(exact, key=exact.__getitem__, default=None)
    rounded = [rate for rate, tf32 in rates.values() if tf32]
    return Limits(exact.get(best), best, max(rounded, default=None), *_ours(clock()))


def _ours(clock):
    source, target = (device.empty((LARGE // 4,), np.float32) for _ in range(2))
    copied = 2 * LARGE / _least(lambda: copy_into(target, source), clock)

    def wait():
        bench_kernel_barriers[device.resident(), 32](*device.counters(1), TURNS)

    barrier = _least(wait, clock) / TURNS
    launch = copy_kernel(np.float32)[1, 32]
    begin = time.perf_counter()
    for _ in range(TURNS):
        launch(source[:32], target[:32])
    return copied, barrier, (time.perf_counter() - begin) / TURNS


def _least(run, clock):
    run()
    return min(clock.seconds(run) for _ in range(TRIES))
