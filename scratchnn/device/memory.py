"""Memory of device arrays, used again when nobody holds it any more.

The driver takes some hundred microseconds to find memory, and to take it back it waits until the device is idle. A
training step makes the same arrays over and over: from the second step on none of them needs the driver.

A block of memory is lent to one array. All views of the array hold the loan, and when the last of them is gone, never
before, the block is there for the next array of about that size: what a cache holds stays as it is. Kernels that
still read it at that moment stand before those of its next owner, because what is launched on one stream runs in
order; so every stream has its own blocks. (Who hands an array to another stream lets the two wait for each other.)
"""

import math
import threading
from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike

from . import counting
from .launching import stream
from .presence import numba_cuda, simulated

LEAST = 512  # bytes of a block


class _Kept:
    """Blocks that nobody holds, by device, stream and size."""

    blocks: ClassVar[dict[tuple, list[Any]]] = {}
    lock = threading.RLock()  # inside, Python's collector may drop arrays: the same thread enters twice


def lend(shape: tuple[int, ...], dtype: DTypeLike) -> Any:
    """Make a device array with any content.

    Parameters
    ----------
    shape : tuple of int
    dtype : dtype

    Returns
    -------
    device array
    """
    dtype, cuda = np.dtype(dtype), numba_cuda()
    size = math.prod(shape) * dtype.itemsize
    if not size:
        return cuda.device_array(shape, dtype)
    loan = _Loan(_rounded(size))
    if simulated():
        loan.__array_interface__ = _interface(loan.block.ctypes.data, shape, dtype)
        return cuda.devicearray.FakeCUDAArray(np.asarray(loan))
    address = loan.block.__cuda_array_interface__["data"][0]
    return cuda.from_cuda_array_interface(_interface(address, shape, dtype), owner=loan)


def forget() -> None:
    """Give all memory that nobody holds back to the driver."""
    with _Kept.lock:
        _Kept.blocks = {}


def _interface(address, shape, dtype):
    return {"data": (address, False), "shape": tuple(shape), "typestr": dtype.str, "version": 3}


def _rounded(size):
    """Round up to one of eight sizes between two powers of two."""
    step = 1 << max(0, max(size, LEAST).bit_length() - 4)
    return -(-max(size, LEAST) // step) * step


def _block(size):
    """Ask the driver for memory; when it has none, once more without what lies here unused."""
    counting.add("allocations")
    try:
        return _ask(size)
    except Exception:
        if not _Kept.blocks:
            raise
        forget()
        return _ask(size)


def _ask(size):
    return np.empty(size, np.uint8) if simulated() else numba_cuda().device_array(size, np.uint8)


class _Loan:
    """What an array and all its views hold as long as they are there; with its end the block comes back."""

    __slots__ = ("__array_interface__", "block", "key")

    def __init__(self, size):
        self.key = 0 if simulated() else numba_cuda().get_current_device().id, stream(), size
        with _Kept.lock:
            kept = _Kept.blocks.get(self.key)
            self.block = kept.pop() if kept else None
        if self.block is None:
            self.block = _block(size)

    def __del__(self, kept=_Kept):
        if getattr(self, "block", None) is not None:
            with kept.lock:
                kept.blocks.setdefault(self.key, []).append(self.block)
