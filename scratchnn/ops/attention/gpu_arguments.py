"""What attention's kernels are given on the device: checked arrays, zeros where nobody may look, means of dalpha."""

from typing import Any

import numpy as np

from scratchnn import arrays, device
from scratchnn.arrays import launch
from scratchnn.device import cuda, kernel
from scratchnn.ops.softmax.gpu import threads_of_row
from scratchnn.ops.softmax.gpu_rows import THREADS, sum_of_block

from . import reference
from .gpu_first import sees


@kernel("b3 b b b2 b2", registers=56)
def attention_kernel_visible(mask, masked, causal, asks, seen):
    """Say which queries may look at something and which sources are looked at."""
    B, Q, S = asks.shape[0], asks.shape[1], seen.shape[1]
    for at in range(cuda.grid(1), B * (Q + S), cuda.gridsize(1)):
        b, n = at // (Q + S), at % (Q + S)
        found = False
        if n < Q:
            for j in range(S):
                found = found or sees(mask, masked, causal, b, n, j)
            asks[b, n] = found
        else:
            for i in range(Q):
                found = found or sees(mask, masked, causal, b, i, n - Q)
            seen[b, n - Q] = found


@kernel("f3 f3 b f3 f3 f2", registers=48)
def attention_kernel_means(dcontext, context, given, alpha, dalpha, delta):
    """Give the mean of dalpha weighed by alpha: dcontext * context summed over F, and what is given for alpha."""
    part = cuda.shared.array(THREADS, context.dtype)
    i, b, first, step = cuda.blockIdx.x, cuda.blockIdx.y, cuda.threadIdx.x, cuda.blockDim.x
    held = context.dtype.type(0)
    for f in range(first, context.shape[2], step):
        held += dcontext[b, i, f] * context[b, i, f]
    if given:
        for j in range(first, alpha.shape[2], step):
            if alpha[b, i, j] != context.dtype.type(0):
                held += alpha[b, i, j] * dalpha[b, i, j]
    total = sum_of_block(part, held)
    if first == 0:
        delta[b, i] = total


def visible(mask: Any, masked: bool, causal: bool, B: int, Q: int, S: int) -> tuple[Any, Any]:
    """Say which queries may look at something and which sources are looked at.

    Parameters
    ----------
    mask : (B or 1, Q or 1, S or 1) device array
        Not read unless ``masked``.
    masked, causal : bool
    B, Q, S : int

    Returns
    -------
    asks, seen : (B, Q) and (B, S) device arrays, or None: all
    """
    if not masked and (not causal or Q >= S):
        return None, None
    asks, seen = device.empty((B, Q), bool), device.empty((B, S), bool)
    attention_kernel_visible[launch.over(B * (Q + S))](mask, masked, causal, asks, seen)
    return asks, seen


def kept(x: Any, rows: Any) -> Any:
    """Copy x (B, N, W) with zeros where ``rows`` (B, N) is False; x itself where that is None."""
    return x if rows is None else arrays.clear(x, rows)


def means(dcontext: Any, context: Any, alpha: Any, dalpha: Any) -> Any:
    """Give the mean of dalpha over the sources, weighed by alpha: (B, Q).

    Parameters
    ----------
    dcontext, context : (B, Q, F) device arrays
    alpha, dalpha : (B, Q, S) device arrays, or None without a gradient for alpha itself

    Returns
    -------
    (B, Q) device array
    """
    B, Q, F = context.shape
    delta = device.empty((B, Q), context.dtype)
    more = (context, context) if dalpha is None else (alpha, dalpha)
    width = F if dalpha is None else max(F, alpha.shape[2])
    attention_kernel_means[(Q, B), threads_of_row(width)](dcontext, context, dalpha is not None, *more, delta)
    return delta


def three_axes(mask: Any) -> tuple[Any, Any, bool]:
    """Give a mask as kernels read it, a copy for the cache, and whether there is one.

    Parameters
    ----------
    mask : bool array or None

    Returns
    -------
    (B or 1, Q or 1, S or 1) device array
    device array or None
    bool
    """
    if mask is None:
        return device.empty((1, 1, 1), bool), None, False
    there = device.to_device(mask)
    there = arrays.copy(there) if there is mask else there  # the caller may go on using its array
    return there.reshape(*(1,) * (3 - len(mask.shape)), *mask.shape), there, True


def checked(q: Any, k: Any, v: Any, params: Any, score: str, scale: float | None, mask: Any) -> float:
    """Raise the reference's sentences; give the scale."""
    reference._check_inputs(q, k, v, params, score, mask)
    return reference._check_scale(scale, score, q)


def kernels() -> list:
    """List the kernels of this file, for the tests that compile them."""
    return [attention_kernel_visible, attention_kernel_means]


def dtype_of(array: Any) -> Any:
    """Give the type to make numbers with: numpy.float32 or numpy.float64."""
    return np.dtype(array.dtype).type
