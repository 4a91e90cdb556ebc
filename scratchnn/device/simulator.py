"""Numba's simulator, mended where it is wrong by chance."""

import sys
import threading
from collections.abc import Callable
from functools import wraps
from types import FunctionType
from typing import Any

import numpy as np


def mend() -> None:
    """Let the threads of a block agree on their shared arrays.

    The first thread that reaches ``cuda.shared.array`` makes the array and the others find it. In Numba's simulator
    two that come at once can make two, and two arrays on one line are one. Here a lock makes looking and making one
    step, and an array is known by its place in the code, not by its line. Its entries are NaN until they are written.
    """
    from numba.core import types
    from numba.cuda.simulator.kernelapi import FakeCUDAShared
    from numba.np.numpy_support import as_dtype

    lock, dynamic = threading.Lock(), FakeCUDAShared.array

    def array(self: Any, shape: Any, dtype: Any, alignment: int | None = None) -> np.ndarray:
        kind = np.dtype(as_dtype(dtype) if isinstance(dtype, types.Type) else dtype)
        if shape == 0:
            return dynamic(self, shape, kind)
        frame = sys._getframe(1)
        place = (frame.f_code, frame.f_lasti)
        with lock:
            if place not in self._allocations:
                self._allocations[place] = np.full(shape, np.nan if kind.kind == "f" else 0, kind)
            return self._allocations[place]

    if dynamic.__module__ != __name__:
        FakeCUDAShared.array = array


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
    if "cuda" not in function.__code__.co_names:
        return function

    @wraps(function)
    def call(*arguments):
        seen = {**function.__globals__, "cuda": sys._getframe(1).f_globals["cuda"]}
        return FunctionType(function.__code__, seen, closure=function.__closure__)(*arguments)

    return call
