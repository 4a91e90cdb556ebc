"""Sums and multiples."""

from typing import Any

import numpy as np

from scratchnn.device import blocks, empty, on_device, pick, to_device, to_host, zeros

from . import launch

PARTS = 64  # most parts of a sum


def add(first: Any, *others: Any) -> Any:
    """Give ``first + others[0] + ...``.

    Parameters
    ----------
    first, *others : arrays of one shape

    Returns
    -------
    array
        Of no argument's memory, unless there is only one.
    """
    if not on_device(first):
        return sum(others, start=first)
    total = first
    for other in others:
        made = empty(tuple(first.shape), first.dtype) if total is first else total
        _add(total, other, made)
        total = made
    return total


def add_into(total: Any, x: Any, factor: float = 1.0) -> None:
    """Do ``total += factor * x``.

    Parameters
    ----------
    total, x : arrays of one shape
    factor : float
    """
    if not on_device(total):
        total += x if factor == 1.0 else factor * x
        return
    x = to_device(x, total.dtype)
    if factor == 1.0:
        _add(total, x, total)
        return
    from .kernels import add_scaled_kernel_thread_a_number

    flat = x.reshape(x.size), x.dtype.type(factor), total.reshape(total.size)
    add_scaled_kernel_thread_a_number[launch.over(x.size)](*flat)


def scale(x: Any, factor: float) -> Any:
    """Give ``x * factor``, in the precision of ``x``.

    Parameters
    ----------
    x : array
    factor : float

    Returns
    -------
    array
    """
    if not on_device(x):
        return x * factor
    y = empty(tuple(x.shape), x.dtype)
    _scale(x, factor, y)
    return y


def divide(x: Any, divisor: float) -> Any:
    """Give ``x / divisor``; on the device ``x * (1 / divisor)``.

    Parameters
    ----------
    x : array
    divisor : float

    Returns
    -------
    array
    """
    return scale(x, 1 / divisor) if on_device(x) else x / divisor


def divide_into(x: Any, divisor: float) -> None:
    """Do ``x /= divisor``; on the device ``x *= 1 / divisor``.

    Parameters
    ----------
    x : array
    divisor : float
    """
    if on_device(x):
        _scale(x, 1 / divisor, x)
    else:
        x /= divisor


def fill_into(x: Any, value: float) -> None:
    """Do ``x[...] = value``.

    Parameters
    ----------
    x : array
    value : float
    """
    if not on_device(x):
        x[...] = value
        return
    from scratchnn.device.filling import fill_kernel_threads

    threads = pick(launch.THREADS, 8)
    fill_kernel_threads[blocks(x.size, threads), threads](x.reshape(x.size), x.dtype.type(value))


def count_beyond(x: Any, most: float) -> int:
    """Give ``np.count_nonzero(np.abs(x) > most)``; from the device one number comes home.

    Parameters
    ----------
    x : array
    most : float

    Returns
    -------
    int
    """
    if not on_device(x):
        return int(np.count_nonzero(np.abs(x) > most))
    from .kernels import beyond_kernel_thread_a_number

    count = zeros(1, np.int32)
    beyond_kernel_thread_a_number[launch.over(x.size)](x.reshape(x.size), x.dtype.type(most), count)
    return int(to_host(count)[0])


def scale_into(x: Any, factor: float) -> None:
    """Do ``x *= factor``.

    Parameters
    ----------
    x : array
    factor : float
    """
    if on_device(x):
        _scale(x, factor, x)
    else:
        x *= factor


def clamp_into(x: Any, most: float) -> None:
    """Do ``np.clip(x, -most, most, out=x)``.

    Parameters
    ----------
    x : array
    most : float
    """
    if not on_device(x):
        np.clip(x, -most, most, out=x)
        return
    from .kernels import clamp_kernel_thread_a_number

    flat = x.reshape(x.size)
    clamp_kernel_thread_a_number[launch.over(x.size)](flat, x.dtype.type(most), flat)


def sum_rows(x: Any) -> Any:
    """Give ``x.reshape(-1, N).sum(axis=0)``.

    Parameters
    ----------
    x : (..., N)

    Returns
    -------
    (N,)
        On the device summed in an order that depends on the shape alone.
    """
    N = x.shape[-1]
    rows = x.reshape(x.size // N, N)
    if not on_device(x):
        return rows.sum(axis=0)
    from .kernels import sum_rows_kernel_part_a_block

    threads, many = pick(128, 4), rows.shape[0]
    while True:
        parts = min(pick(PARTS, 3), blocks(many, pick(32, 2)))
        sums = empty((parts, N), x.dtype)
        sum_rows_kernel_part_a_block[(blocks(N, threads), parts), threads](rows, blocks(many, parts), sums)
        if parts == 1:
            return sums.reshape(N)
        rows, many = sums, parts


def squares(many: dict[str, Any]) -> dict[str, float] | None:
    """Sum up the squares of each of many device arrays, and bring all the sums home in one copy.

    Parameters
    ----------
    many : dict of str to device array
        Of one precision.

    Returns
    -------
    dict of str to float
        Parts were summed in the arrays' precision, the parts in float64: an entry may overflow to inf where squares
        do, or lose squares below the smallest number.
    """
    from .kernels import squares_kernel_part_a_block

    grids = {name: launch.over(x.size, PARTS) for name, x in many.items()}
    first = next(iter(many.values()))
    parts, at = empty(sum(grid for grid, _ in grids.values()), first.dtype), 0
    for name, x in many.items():
        squares_kernel_part_a_block[grids[name]](x.reshape(x.size), parts[at : at + grids[name][0]])
        at += grids[name][0]
    found, at, sums = to_host(parts).astype(np.float64), 0, {}
    for name, (grid, _) in grids.items():
        sums[name] = float(found[at : at + grid].sum())
        at += grid
    return sums


def weigh(x: Any, share: Any) -> Any:
    """Give ``np.einsum("bt,bth->bh", share, x)``.

    Parameters
    ----------
    x : (B, T, H)
    share : (B, T)

    Returns
    -------
    (B, H)
    """
    if not on_device(x):
        return np.einsum("bt,bth->bh", share, x)
    from .kernels import weigh_kernel_thread_a_number

    y = empty((x.shape[0], x.shape[2]), x.dtype)
    weigh_kernel_thread_a_number[launch.over(y.size)](x, to_device(share, x.dtype), y)
    return y


def weigh_backward(dy: Any, share: Any) -> Any:
    """Undo ``weigh``: give ``share[:, :, None] * dy[:, None, :]``.

    Parameters
    ----------
    dy : (B, H)
    share : (B, T)

    Returns
    -------
    (B, T, H)
    """
    if not on_device(dy):
        return share[:, :, None] * dy[:, None, :]
    from .kernels import weigh_backward_kernel_thread_a_number

    dx = empty((*share.shape, dy.shape[1]), dy.dtype)
    weigh_backward_kernel_thread_a_number[launch.over(dx.size)](dy, to_device(share, dy.dtype), dx)
    return dx


def _add(a, b, total):
    from .kernels import add_kernel_thread_a_number

    add_kernel_thread_a_number[launch.over(total.size)](*(array.reshape(array.size) for array in (a, b, total)))


def _scale(x, factor, y):
    from .kernels import scale_kernel_thread_a_number

    scale_kernel_thread_a_number[launch.over(x.size)](x.reshape(x.size), x.dtype.type(factor), y.reshape(y.size))
