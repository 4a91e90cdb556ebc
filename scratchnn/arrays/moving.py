"""Numbers moved: copies, slices, swapped axes, arrays put together."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from scratchnn.device import empty, on_device, to_device

from . import launch

AXES = 4  # of the box that the kernel moves


def copy(x: Any) -> Any:
    """Give ``x.copy()``.

    Parameters
    ----------
    x : array

    Returns
    -------
    array
        Row by row in memory.
    """
    if not on_device(x):
        return np.array(x, order="C")
    y = empty(tuple(x.shape), x.dtype)
    write_into(y, x)
    return y


def write_into(y: Any, x: Any) -> None:
    """Do ``y[...] = x``; what is on the host is copied to where ``y`` is.

    Parameters
    ----------
    y, x : array, of one shape
    """
    if not on_device(y):
        y[...] = x
        return
    _move(to_device(x, y.dtype), _strides(x.shape), 0, y, _strides(y.shape), 0, y.shape)


def swap(x: Any) -> Any:
    """Give ``x.swapaxes(0, 1)``: a view on the host, a copy on the device.

    Parameters
    ----------
    x : (M, N, ...)

    Returns
    -------
    (N, M, ...)
    """
    if not on_device(x):
        return np.swapaxes(x, 0, 1)
    M, N, *rest = x.shape
    width = math.prod(rest)
    y = empty((N, M, *rest), x.dtype)
    _move(x, (width, N * width, 1), 0, y, (M * width, width, 1), 0, (N, M, width))
    return y


def columns(x: Any, begin: int, end: int) -> Any:
    """Give ``x[..., begin:end]``: a view on the host, a copy on the device.

    Parameters
    ----------
    x : (..., N)
    begin, end : int

    Returns
    -------
    (..., end - begin)
    """
    if not on_device(x):
        return x[..., begin:end]
    N, rows = x.shape[-1], x.size // x.shape[-1]
    y = empty((*x.shape[:-1], end - begin), x.dtype)
    _move(x, (N, 1), begin, y, (end - begin, 1), 0, (rows, end - begin))
    return y


def join(parts: Sequence[Any]) -> Any:
    """Give ``np.concatenate(parts, axis=-1)``; one alone is given back as it is.

    Parameters
    ----------
    parts : list of (..., N)

    Returns
    -------
    (..., sum of N)
    """
    if len(parts) == 1:
        return parts[0]
    if not on_device(parts[0]):
        return np.concatenate(parts, axis=-1)
    widths = [part.shape[-1] for part in parts]
    y = empty((*parts[0].shape[:-1], sum(widths)), parts[0].dtype)
    for k, part in enumerate(parts):
        rows = part.size // widths[k]
        _move(part, (widths[k], 1), 0, y, (sum(widths), 1), sum(widths[:k]), (rows, widths[k]))
    return y


def stack(parts: Sequence[Any]) -> Any:
    """Give ``np.array(parts)``.

    Parameters
    ----------
    parts : list of arrays of one shape

    Returns
    -------
    (number, ...)
    """
    if not on_device(parts[0]):
        return np.array(parts) if len(parts) > 1 else np.array(parts[0][np.newaxis])
    y = empty((len(parts), *parts[0].shape), parts[0].dtype)
    for k, part in enumerate(parts):
        write_into(y[k], part)
    return y


def spread(x: Any, shape: tuple[int, ...]) -> Any:
    """Give ``np.broadcast_to(x, shape)``: a view on the host; on the device a copy, or ``x`` if it has the shape.

    Parameters
    ----------
    x : array
    shape : tuple of int
        Of at most four axes after neighbours of one kind are taken together.

    Returns
    -------
    array
    """
    shape = tuple(shape)
    if not on_device(x):
        return np.broadcast_to(x, shape)
    if tuple(x.shape) == shape:
        return x
    own = (1,) * (len(shape) - len(x.shape)) + tuple(x.shape)
    steps = [0 if n == 1 else step for n, step in zip(own, _strides(own), strict=True)]
    y = empty(shape, x.dtype)
    sizes, from_, to = _merged(shape, steps, _strides(shape))
    _move(x, from_, 0, y, to, 0, sizes)
    return y


def _strides(shape):
    """Give the strides, in numbers, of an array whose rows lie one behind the other."""
    return [math.prod(shape[k + 1 :]) for k in range(len(shape))]


def _merged(sizes, from_, to):
    """Take neighbouring axes together where both arrays go through them in one stride."""
    merged = [(sizes[0], from_[0], to[0])]
    for n, a, b in zip(sizes[1:], from_[1:], to[1:], strict=True):
        before, a_before, b_before = merged[-1]
        if a_before == a * n and b_before == b * n:
            merged[-1] = (before * n, a, b)
        else:
            merged.append((n, a, b))
    return zip(*merged, strict=True)


def _move(x, from_, at, y, to, start, sizes):
    """Copy a box of at most four axes."""
    from .kernels import move_kernel_any_strides

    more = AXES - len(sizes)
    if more < 0:
        raise ValueError(f"arrays: {len(sizes)} axes, expected at most {AXES}")
    sizes, from_, to = ((fill,) * more + tuple(axes) for fill, axes in ((1, sizes), (0, from_), (0, to)))
    flat = (x.reshape(x.size), at, *from_, y.reshape(y.size), start, *to)
    move_kernel_any_strides[launch.over(math.prod(sizes))](*flat, *sizes)
