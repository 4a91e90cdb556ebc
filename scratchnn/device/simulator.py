"""Numba's simulator, mended where it is wrong, and taught to run blocks that wait for each other."""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from types import FunctionType
from typing import Any

import numpy as np

TURN = 1e-4  # seconds until a thread lets another one go on


def mend() -> None:
    """Let the threads of a block, and nobody else, have the same shared arrays.

    The first thread that reaches ``cuda.shared.array`` makes the array and the others find it. In Numba's simulator
    two that come at once can make two, two arrays on one line are one, and blocks find what others left behind. Here
    a lock makes looking and making one step, an array is known by its place in the code and its block, and its
    entries are NaN until they are written. Python's threads take turns more often, too, which makes a barrier 5 to 25
    times quicker; and on the host a shape may be asked for its last size (``[-1]``), as a device array's may.
    """
    from numba.core import types
    from numba.cuda.simulator.cudadrv.devicearray import FakeCUDAArray
    from numba.cuda.simulator.kernelapi import FakeCUDAAtomic, FakeCUDAShared
    from numba.np.numpy_support import as_dtype

    lock, add = threading.Lock(), FakeCUDAAtomic.add

    def array(self: Any, shape: Any, dtype: Any, alignment: int | None = None) -> np.ndarray:
        kind = np.dtype(as_dtype(dtype) if isinstance(dtype, types.Type) else dtype)
        frame, block = sys._getframe(1), tuple(threading.current_thread().blockIdx)
        dynamic = shape == 0  # one piece of memory, as large as the launch says
        place = block if dynamic else (frame.f_code, frame.f_lasti, block)
        with lock:
            if place not in self._allocations:
                size = self._dynshared_size // kind.itemsize if dynamic else shape
                self._allocations[place] = np.full(size, np.nan if kind.kind == "f" else 0, kind)
            return self._allocations[place].view(kind)

    def add_unless_over(self: Any, *arguments: Any) -> Any:
        if getattr(threading.current_thread(), "abort", False):
            raise RuntimeError("another block has failed: nobody will come")
        return add(self, *arguments)

    if FakeCUDAShared.array.__module__ != __name__:
        FakeCUDAShared.array = array
        FakeCUDAAtomic.add = add_unless_over
        FakeCUDAArray.shape = property(lambda self: tuple(self._ary.shape))
        sys.setswitchinterval(min(sys.getswitchinterval(), TURN))


@contextmanager
def all_blocks_at_once() -> Iterator[None]:
    """Run the blocks of a launch side by side, for kernels whose blocks wait for each other."""
    from numba.cuda.simulator import kernel

    launch: dict = {"blocks": [], "errors": []}

    class Together(kernel.BlockManager):
        def run(self, grid_point: tuple, *arguments: Any) -> None:
            """Start a block; with the last one, wait for all."""
            launch["blocks"].append(threading.Thread(target=self.work, args=(grid_point, arguments), daemon=True))
            launch["blocks"][-1].start()
            if len(launch["blocks"]) == np.prod(self._grid_dim):
                for block in launch["blocks"]:
                    block.join()
                if launch["errors"]:
                    raise launch["errors"][0]

        def work(self, grid_point: tuple, arguments: tuple) -> None:
            try:
                super().run(grid_point, *arguments)
            except Exception as error:
                launch["errors"].append(error)
                for thread in threading.enumerate():
                    if isinstance(thread, kernel.BlockThread):
                        thread.abort = True
                        thread.syncthreads_event.set()

    ordinary, kernel.BlockManager = kernel.BlockManager, Together
    try:
        yield
    finally:
        kernel.BlockManager = ordinary


def with_the_cuda_of_its_caller(function: Callable) -> Callable:
    """Let a device function work in kernels of other files.

    While a kernel runs, the simulator puts its own ``cuda`` into the kernel's file. For device functions of other
    files it does so at each call and takes it back behind it, under the feet of threads that are in the middle of
    one. Here the function sees what its caller sees.

    Parameters
    ----------
    function : function

    Returns
    -------
    function
    """

    @wraps(function)
    def call(*arguments):
        callers = sys._getframe(1).f_globals
        if "cuda" not in callers:
            return function(*arguments)
        seen = {**function.__globals__, "cuda": callers["cuda"]}  # for those, too, whom the function calls
        return FunctionType(function.__code__, seen, closure=function.__closure__)(*arguments)

    return call
