"""Softmax and log-softmax for the CPU. See reference.forward and its neighbours.

Optimizations
-------------
- One pass over a row while it is in the first-level cache, where NumPy's ten operations each cross the whole array
  and make a new one.
- exp in float32 as arithmetic that LLVM does for 8 or 16 numbers at once (formula.py): 0.4 ns, a library call 10 ns.
- The largest and the sum of a row are taken in any order, so they are vector code too.
- Rows are split over threads.
"""

import math

import numpy as np

from scratchnn import jit
from scratchnn.jit import kernel, wide_vectors

from . import reference
from .formula import exp, inner, largest, total
from .reference import Cache, Grads, LogCache

BOOL = np.dtype(bool)
FLOPS = 40  # of one entry, as ``jit.split`` counts them


@kernel
def softmax_into(z, mask, masked, out, z_out, mask_out, log, begin, end):
    """Fill rows of ``out`` with p, or with log p, and what the cache keeps: z and mask where something counts."""
    wide_vectors()
    C = z.shape[1]
    lowest, zero, one = z.dtype.type(-np.inf), z.dtype.type(0), z.dtype.type(1)
    for row in range(begin, end):
        y, e, z_row, counts = z[row], out[row], z_out[row], mask_out[row]
        for k in range(C):
            e[k] = y[k]
        if masked:
            given = mask[row]
            for k in range(C):
                e[k] = e[k] if given[k] else lowest
        some = False
        for k in range(C):
            some |= e[k] != lowest
        for k in range(C):
            counts[k] = some
        if masked and some:
            given = mask[row]
            for k in range(C):
                counts[k] = given[k]
        for k in range(C):
            z_row[k] = y[k] if counts[k] else zero
        shift = largest(e, C) if some else zero
        for k in range(C):
            e[k] = exp(e[k] - shift)
        sum_ = total(e, C)
        if log:
            log_sum = math.log(sum_) if some else zero
            for k in range(C):
                e[k] = (z_row[k] - shift) - log_sum if counts[k] else lowest
        else:
            share = one / sum_ if some else one
            for k in range(C):
                e[k] *= share


@kernel
def softmax_backward_into(d, mask, out, dz, log, begin, end):
    """Fill rows of ``dz`` from the gradient ``d`` of ``out``, which holds p or log p."""
    wide_vectors()
    C = d.shape[1]
    zero = d.dtype.type(0)
    for row in range(begin, end):
        given, counts, y, dz_row = d[row], mask[row], out[row], dz[row]
        for k in range(C):
            dz_row[k] = given[k] if counts[k] else zero
        if log:
            sum_ = total(dz_row, C)
            for k in range(C):
                dz_row[k] -= exp(y[k]) * sum_
        else:
            mean = inner(dz_row, y, C)
            for k in range(C):
                dz_row[k] = y[k] * (dz_row[k] - mean)


def forward(z: np.ndarray, mask: np.ndarray | None = None) -> Cache:
    """See reference.forward."""
    if not _ours(z, mask):
        return reference.forward(z, mask)
    return Cache(*_run(z, mask, log=False))


def log_forward(z: np.ndarray, mask: np.ndarray | None = None) -> LogCache:
    """See reference.log_forward."""
    if not _ours(z, mask):
        return reference.log_forward(z, mask)
    return LogCache(*_run(z, mask, log=True))


def backward(dp: np.ndarray, cache: Cache) -> Grads:
    """See reference.backward."""
    if not _fits(dp, cache.z, cache.p):
        return reference.backward(dp, cache)
    return Grads(z=_undo(dp, cache.mask, cache.p, log=False))


def log_backward(dlog_p: np.ndarray, cache: LogCache) -> Grads:
    """See reference.log_backward."""
    if not _fits(dlog_p, cache.z, cache.log_p):
        return reference.log_backward(dlog_p, cache)
    return Grads(z=_undo(dlog_p, cache.mask, cache.log_p, log=True))


def _ours(z, mask):
    """Tell whether the kernels take these arrays; what they do not take, the reference computes or refuses."""
    if not isinstance(z, np.ndarray) or z.dtype not in jit.DTYPES or z.ndim == 0 or z.size == 0:
        return False
    if mask is None:
        return True
    if not isinstance(mask, np.ndarray) or mask.dtype != bool:
        return False
    return mask.shape == z.shape or _broadcasts(mask.shape, z.shape)


def _broadcasts(mask, shape):
    return len(mask) <= len(shape) and all(m in (1, n) for m, n in zip(mask[::-1], shape[::-1], strict=False))


def _fits(d, z, out):
    return isinstance(d, np.ndarray) and d.shape == out.shape and d.dtype == z.dtype == out.dtype in jit.DTYPES


def _run(z, mask, log):
    C = z.shape[-1]
    out, z_out, mask_out = np.empty(z.shape, z.dtype), np.empty(z.shape, z.dtype), np.empty(z.shape, bool)
    rows = jit.plain(z, z.dtype).reshape(-1, C)
    given = mask_out if mask is None else jit.plain(np.broadcast_to(mask, z.shape), BOOL)
    arrays = (given.reshape(-1, C), mask is not None, *(array.reshape(-1, C) for array in (out, z_out, mask_out)))
    jit.split(lambda begin, end: softmax_into(rows, *arrays, log, begin, end), len(rows), FLOPS * z.size)
    return z_out, mask_out, out


def _undo(d, mask, out, log):
    C = d.shape[-1]
    dz = np.empty(d.shape, d.dtype)
    arrays = [jit.plain(array, array.dtype).reshape(-1, C) for array in (d, mask, out, dz)]
    jit.split(lambda begin, end: softmax_backward_into(*arrays, log, begin, end), len(arrays[0]), FLOPS * d.size)
    return dz
