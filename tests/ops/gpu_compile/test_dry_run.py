"""The host's way in earnest, on a device that is not there: each launch is one that a device would take.

Numba compiles for the types of what it is given, so a kernel that compiles for the types it promises may still meet
others. Here all of the host's code runs with numba-cuda's own arrays, and a launch compiles its kernel for them.
"""

import gc
import math
import re
from types import SimpleNamespace

import numpy as np
import pytest

from scratchnn import device

pytest.importorskip("numba_cuda", reason="numba-cuda is not installed: pip install 'scratchnn[gpu-compile]'")
pytest.importorskip("cuda.bindings", reason="cuda-bindings is not installed: pip install 'scratchnn[gpu-compile]'")
if device.simulated():
    pytest.skip("the simulator takes every type and size", allow_module_level=True)

import every_kernel

from scratchnn.bench import cases, limits, on_device
from scratchnn.bench.contenders import ours_device
from scratchnn.device.launching import STATIC_SHARED, Kernel

THREADS, TALL = 1024, 65535  # of a block; of a grid's second and third axis
LETTERS = {"float32": "f", "float64": "f", "int64": "i", "bool": "b", "int32": "u"}
OF_ANY_TYPE = ("fill_kernel_threads",)


def static_shared(ptx):
    """Add up the shared arrays."""
    return sum(int(size) for size in re.findall(r"\.shared .*\[(\d+)\];", ptx))


def words(types):
    """Say of types what a kernel promises: f2 is a two-dimensional array of floats, rows one behind the other."""
    return " ".join(LETTERS[str(t.dtype)] + str(t.ndim) if hasattr(t, "ndim") else LETTERS[str(t)] for t in types)


def faults(kernel, launch, types, card):
    grid, block, shared = launch if len(launch) == 3 else (*launch, 0)
    grid, block = (size if isinstance(size, tuple) else (size,) for size in (grid, block))
    if kernel.name not in OF_ANY_TYPE and words(types) != kernel.arguments:
        yield f"{kernel.name} promises {kernel.arguments}, is given {words(types)}"
    if any(getattr(t, "layout", "C") != "C" for t in types):
        yield f"{kernel.name} is given an array with gaps"
    if math.prod(block) > THREADS or min((*grid, *block)) < 1 or max(grid[1:], default=1) > TALL:
        yield f"{kernel.name} is launched as {launch}"
    if shared > card.MAX_SHARED_MEMORY_PER_BLOCK_OPTIN:
        yield f"{kernel.name} wants {shared} bytes of shared memory"
    if kernel.waits and math.prod(grid) > card.MULTIPROCESSOR_COUNT:
        yield f"{kernel.name} lets blocks wait for each other that are not there: {math.prod(grid)}"


@pytest.fixture
def dry(no_device, monkeypatch):
    """Look at every launch instead of making it; with ``dry.compiles`` its kernel is compiled as it would be."""
    made = SimpleNamespace(launches=0, compiles=False, faults=[], names=set(), done=set())

    def launch(kernel, how):
        def run(*arguments):
            made.launches += 1
            types = tuple(kernel._jitted.typeof_pyval(argument) for argument in arguments)
            made.names.add(kernel.name)
            made.faults += faults(kernel, how, types, no_device)
            if made.compiles and (kernel, types) not in made.done:
                made.done.add((kernel, types))
                ptx, _ = device.cuda.compile_ptx(kernel.function, types, cc=(9, 0))
                if made.compiles is np.float32 and ".f64" in ptx:
                    made.faults.append(f"{kernel.name} computes in float64")
                if (static := static_shared(ptx)) > STATIC_SHARED:
                    made.faults.append(f"{kernel.name} has {static} bytes of static shared memory")

        return run

    monkeypatch.setattr(Kernel, "__getitem__", launch)
    return made


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_kernel_compiles_for_what_it_is_launched_with(dtype, dry, monkeypatch):
    monkeypatch.setattr(every_kernel, "FLOAT", dtype)
    dry.compiles = dtype
    every_kernel.run()
    assert not dry.faults
    assert len(dry.names) > 60


@pytest.mark.parametrize("topic", on_device.TOPICS)
def test_every_launch_of_the_benchmark_is_one_that_a_device_takes(topic, dry):
    """All cells of the grid, all rungs: sizes of blocks and grids, shared memory, blocks that wait for each other."""
    for case in on_device.cells(topic):
        inputs = cases.draw(case)
        for rung in [None, *(rung.name for rung in ours_device.rungs(case))]:
            run, _ = ours_device.prepare(case, inputs, rung)
            run()
    assert not dry.faults
    assert dry.launches


def test_a_warm_training_step_asks_the_driver_for_nothing(dry):
    """With numba-cuda's own arrays, and without Python's collector: no array is part of a ring."""
    case = cases.Case("step", (3, 2, 3, 4))
    run, _ = ours_device.prepare(case, cases.draw(case))
    gc.disable()
    try:
        run()
        run()
        with device.counting() as count:
            run()
    finally:
        gc.enable()
    assert count.allocations == 0
    assert dry.launches


def test_the_limits_are_measured_with_launches_that_a_device_takes(dry, monkeypatch):
    clock = SimpleNamespace(seconds=lambda run: (run(), 1.0)[1])
    monkeypatch.setattr(limits, "draw", lambda case: dict.fromkeys(("A", "B", "dC"), np.zeros(case.sizes[:2], "f4")))
    found = limits.measure(on_device.multipliers([]), lambda: clock)
    assert not dry.faults
    assert None not in found[:5]


def test_the_checks_notice(dry):
    x = device.empty((3, 4), np.float32)

    @device.kernel("f1 i", registers=8, waits=True)
    def some_kernel(x, n):
        x[0] = n

    some_kernel[(200, 70000), (64, 32), 1 << 18](x, 2)
    said = " ".join(dry.faults)
    for fault in ("promises f1 i, is given f2 i", "launched as", "wants 262144 bytes", "not there: 14000000"):
        assert fault in said
