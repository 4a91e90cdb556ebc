"""Batches of sequences of unequal length on the device; on the host ``layers.sequences`` is NumPy's words for it."""

from typing import Any

import numpy as np

from scratchnn.device import empty

from . import launch


def arrange(
    x: Any,
    lengths: Any,
    *,
    reverse: bool = False,
    clear: bool = False,
    batch_first: bool = False,
    turn: bool = False,
) -> Any:
    """Copy sequences in another order, in one pass.

    Parameters
    ----------
    x : (T, B, D) device array
        Or (B, T, D): ``batch_first`` says how the result lies, ``turn`` that x lies the other way.
    lengths : (B,) int64 device array, or None: all steps are real
    reverse : bool
        Turn each sequence round by its own length; padding stays where it is.
    clear : bool
        Zeros at padding, whatever stands there.
    batch_first, turn : bool

    Returns
    -------
    (T, B, D), or (B, T, D) with ``batch_first``, device array
    """
    from .kernels import arrange_kernel_thread_a_number

    first, second, D = x.shape
    y = empty((second, first, D) if turn else (first, second, D), x.dtype)
    if lengths is None:
        lengths, all_real = empty(1, np.int64), True
    else:
        all_real = False
    flags = all_real, reverse, clear, batch_first, turn
    arrange_kernel_thread_a_number[launch.over(y.size)](x, lengths, *flags, y)
    return y


def clear(x: Any, kept: Any) -> Any:
    """Copy x with zeros where ``kept`` is False; what stands there is not read.

    Parameters
    ----------
    x : (M, N, D) device array
    kept : (M, N) bool device array

    Returns
    -------
    (M, N, D) device array
    """
    from .kernels import clear_kernel_thread_a_number

    y = empty(x.shape, x.dtype)
    M, N, D = x.shape
    flat = x.reshape(M * N, D), kept.reshape(M * N), y.reshape(M * N, D)
    clear_kernel_thread_a_number[launch.over(x.size)](*flat)
    return y


def real_steps(lengths: Any, T: int, *, batch_first: bool = False) -> Any:
    """Give the mask of real steps, True where t < lengths[b].

    Parameters
    ----------
    lengths : (B,) int64 device array
    T : int
    batch_first : bool

    Returns
    -------
    (T, B), or (B, T) with ``batch_first``, device array
    """
    from .kernels import real_steps_kernel_thread_a_step

    B = lengths.size
    mask = empty((B, T) if batch_first else (T, B), bool)
    real_steps_kernel_thread_a_step[launch.over(mask.size)](lengths, batch_first, mask)
    return mask


def pairs(mask: Any) -> Any:
    """Give ``mask[:, :, None] & mask[:, None, :]``.

    Parameters
    ----------
    mask : (B, T) bool device array

    Returns
    -------
    (B, T, T) device array
    """
    from .kernels import pairs_kernel_thread_a_pair

    B, T = mask.shape
    made = empty((B, T, T), bool)
    pairs_kernel_thread_a_pair[launch.over(made.size)](mask, made)
    return made
