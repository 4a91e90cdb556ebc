"""New arrays where others are."""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from scratchnn.device import on_device, to_device, to_host, zeros


def put(array: Any, near: Any, dtype: DTypeLike | None = None) -> Any:
    """Give ``array`` where ``near`` is: copied to the device if that is there and it is not.

    Parameters
    ----------
    array : array or None
    near : array
    dtype : dtype, optional
        Convert to it when it is copied.

    Returns
    -------
    array or None
    """
    return array if array is None or not on_device(near) else to_device(array, dtype)


def as_numpy(array: Any) -> Any:
    """Give a NumPy array (or number) as it is, a device array as a copy on the host.

    Parameters
    ----------
    array : array

    Returns
    -------
    array
    """
    return to_host(array) if on_device(array) else array


def make(shape: tuple[int, ...], dtype: DTypeLike, near: Any) -> Any:
    """Make an array of zeros where ``near`` is.

    Parameters
    ----------
    shape : tuple of int
    dtype : dtype
    near : array

    Returns
    -------
    array
    """
    return zeros(shape, dtype) if on_device(near) else np.zeros(shape, dtype)


def like(array: Any, value: Any) -> Any:
    """Make an array of the shape, dtype and place of ``array``, filled with ``value``.

    Parameters
    ----------
    array : array
    value : number

    Returns
    -------
    array
    """
    return zeros(tuple(array.shape), array.dtype, value) if on_device(array) else np.full_like(array, value)


def zeros_like(array: Any) -> Any:
    """Make an array of zeros of the shape, dtype and place of ``array``."""
    return like(array, 0)
