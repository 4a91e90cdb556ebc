"""Numba's simulator, mended where it is wrong by chance."""

import sys
import threading
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
        if shape == 0:
            return dynamic(self, shape, dtype)
        frame = sys._getframe(1)
        place = (frame.f_code, frame.f_lasti)
        with lock:
            if place not in self._allocations:
                kind = np.dtype(as_dtype(dtype) if isinstance(dtype, types.Type) else dtype)
                self._allocations[place] = np.full(shape, np.nan if kind.kind == "f" else 0, kind)
            return self._allocations[place]

    if dynamic.__module__ != __name__:
        FakeCUDAShared.array = array
