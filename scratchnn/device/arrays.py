"""Arrays on the device, and the way there and back."""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from . import checks, counting, memory
from .launching import blocks, pick, stream
from .presence import require, simulated

DTYPES = (np.float32, np.float64)  # in which kernels compute


def on_device(array: Any) -> bool:
    """Say whether this is an array in the memory of the device, or what the simulator has in its place."""
    return getattr(array, "__cuda_ndarray__", False)


def to_device(array: Any, dtype: DTypeLike | None = None) -> Any:
    """Copy an array to the device, row by row; one that is there already is handed back.

    Parameters
    ----------
    array : array
    dtype : dtype, optional
        Convert to it on the way.

    Returns
    -------
    device array

    Raises
    ------
    TypeError
        It is on the device with another dtype: nothing is converted in secret.
    ValueError
        It is on the device, but its rows do not lie one behind the other.
    """
    if on_device(array):
        if dtype is not None and array.dtype != np.dtype(dtype):
            raise TypeError(f"gpu: a device array has dtype {array.dtype}, expected {np.dtype(dtype)}")
        if not array.is_c_contiguous():
            shape = tuple(array.shape)
            raise ValueError(f"gpu: a device array {shape} has gaps, expected rows one behind the other")
        return array
    require()
    counting.add("to_device")
    host = np.array(array, dtype, order="C", subok=False)
    there = memory.lend(host.shape, host.dtype)
    if host.size:
        there.copy_to_device(host, stream=stream())
    return there


def to_host(tree: Any) -> Any:
    """Copy device arrays to NumPy arrays, also those inside tuples and named tuples; the rest stays as it is.

    Parameters
    ----------
    tree : array, tuple, or anything else

    Returns
    -------
    array, tuple, or what was given

    Raises
    ------
    Exception
        What a kernel noted before (``check_later``).
    """
    if on_device(tree):
        checks.look()
        counting.add("to_host")
        array = tree.copy_to_host(stream=stream())
        if stream():
            stream().synchronize()
        return array
    if isinstance(tree, tuple):
        parts = [to_host(part) for part in tree]
        return type(tree)(*parts) if hasattr(tree, "_fields") else tuple(parts)
    return tree


def empty(shape: tuple[int, ...] | int, dtype: DTypeLike) -> Any:
    """Make a device array whose entries are anything: NaN in the simulator, so that a forgotten one shows."""
    require()
    array = memory.lend(shape if isinstance(shape, tuple) else (shape,), dtype)
    if simulated():
        _poison(array)
    return array


def zeros(shape: tuple[int, ...] | int, dtype: DTypeLike, value: Any = 0) -> Any:
    """Make a device array filled with ``value``, by a kernel: nothing is copied from the host.

    Parameters
    ----------
    shape : tuple of int
    dtype : dtype
    value : number
        0 unless given.

    Returns
    -------
    device array
    """
    from .filling import fill_kernel_threads

    array = empty(shape, dtype)
    threads = pick(256, 8)
    flat = array.reshape(array.size)
    fill_kernel_threads[blocks(array.size, threads), threads](flat, np.dtype(dtype).type(value))
    return array


_COUNTERS: list = []


def counters(count: int) -> tuple[Any, int]:
    """Give ``count`` int32 numbers that are 0 and belong to one launch: its blocks count there who has arrived.

    They are taken from an array that is filled once in a thousand launches.

    Parameters
    ----------
    count : int

    Returns
    -------
    device array
    int
        Where the first one is.
    """
    if not _COUNTERS or _COUNTERS[1] + count > _COUNTERS[0].size:
        _COUNTERS[:] = [zeros(max(pick(4096, 64), count), np.int32), 0]
    first = _COUNTERS[1]
    _COUNTERS[1] += count
    return _COUNTERS[0], first


def bring(where: str, *arrays: Any) -> tuple[list[Any], bool]:
    """Bring float arrays to the device in one precision, that of NumPy's promotion.

    Parameters
    ----------
    where : str
        Function named in the error.
    *arrays : arrays
        NumPy arrays, device arrays, or some of each.

    Returns
    -------
    list of device arrays
    bool
        True: all came from the host, so the results go back there (``back``).

    Raises
    ------
    TypeError
        Not float32 or float64, or device arrays of two precisions.
    Missing
        There is no device.
    """
    require()
    for array in arrays:
        if array.dtype.type not in DTYPES:
            raise TypeError(f"{where}: an array has dtype {array.dtype}, the gpu computes in float32 and float64")
    dtype = np.dtype(max((array.dtype.type for array in arrays), key=DTYPES.index))
    return [to_device(array, dtype) for array in arrays], not any(map(on_device, arrays))


def back(tree: Any, home: bool) -> Any:
    """Give results as their caller wants them.

    Parameters
    ----------
    tree : named tuple of device arrays
    home : bool
        What ``bring`` said: True copies them to the host.

    Returns
    -------
    named tuple
    """
    return to_host(tree) if home else tree


def _poison(array):
    whole = array.reshape(array.size)
    if np.dtype(array.dtype).kind == "f":
        whole[:] = np.nan
