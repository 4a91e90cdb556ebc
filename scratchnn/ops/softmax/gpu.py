"""Softmax and log-softmax for the GPU. See reference.forward and its neighbours.

Optimizations
-------------
- One block a row: what NumPy does in ten passes over the whole array happens while the row is in the caches; it is
  read three times (largest, sum, result) and comes from memory once.
- Neighbouring threads take neighbouring columns, so each access of a warp is one piece of memory.
- The mask of softmax costs no pass of its own.
Bound by memory: the floor is the traffic of z in, and of p, z and the mask out, which backward wants. A row of a few
classes leaves most of a block idle, so the launch uses no more threads than the row has columns.
"""

import math

import numpy as np

from scratchnn import arrays, device, shapes
from scratchnn.device import cuda, kernel

from .gpu_rows import THREADS, largest_of_block, sum_of_block
from .reference import Cache, Grads, LogCache


@kernel("f2 b2 b b f2 f2 b2", registers=64)
def softmax_kernel_block_a_row(z, mask, masked, log, out, z_out, mask_out):
    """Fill ``out`` with p, or with log p, and what the cache keeps: z and mask where something counts."""
    part = cuda.shared.array(THREADS, z.dtype)
    row, first, step = cuda.blockIdx.x, cuda.threadIdx.x, cuda.blockDim.x
    zero, one, lowest = z.dtype.type(0), z.dtype.type(1), z.dtype.type(-math.inf)
    most, some = lowest, zero
    for k in range(first, z.shape[1], step):
        if (not masked or mask[row, k]) and z[row, k] != lowest:
            some = one
            most = max(most, z[row, k])
    shift = largest_of_block(part, most)
    counts = largest_of_block(part, some) > zero  # not ``shift``: a NaN counts
    if shift == lowest:
        shift = zero
    e_sum = zero
    for k in range(first, z.shape[1], step):
        if counts and (not masked or mask[row, k]):
            e_sum += math.exp(z[row, k] - shift)
    total = sum_of_block(part, e_sum)
    if not counts:
        total = one
    log_total = math.log(total)
    for k in range(first, z.shape[1], step):
        here = counts and (not masked or mask[row, k])
        mask_out[row, k] = here
        z_out[row, k] = z[row, k] if here else zero
        if log:
            out[row, k] = (z[row, k] - shift) - log_total if here else lowest
        else:
            out[row, k] = math.exp(z[row, k] - shift) / total if here else zero


@kernel("f2 b2 f2 b f2", registers=80)
def softmax_kernel_backward_block_a_row(d, mask, out, log, dz):
    """Fill ``dz`` from the gradient ``d`` of ``out``, which holds p or log p."""
    part = cuda.shared.array(THREADS, d.dtype)
    row, first, step = cuda.blockIdx.x, cuda.threadIdx.x, cuda.blockDim.x
    zero = d.dtype.type(0)
    held = zero
    for k in range(first, d.shape[1], step):
        if mask[row, k]:
            held += d[row, k] if log else d[row, k] * out[row, k]
    total = sum_of_block(part, held)
    for k in range(first, d.shape[1], step):
        if not mask[row, k]:
            dz[row, k] = zero
        elif log:
            dz[row, k] = d[row, k] - math.exp(out[row, k]) * total
        else:
            dz[row, k] = out[row, k] * (d[row, k] - total)


def forward(z: np.ndarray, mask: np.ndarray | None = None) -> Cache:
    """Turn each row of logits into probabilities. See reference.forward."""
    return Cache(*_run("softmax.forward", z, mask, log=False))


def backward(dp: np.ndarray, cache: Cache) -> Grads:
    """Undo ``forward``. See reference.backward."""
    return Grads(z=_undo("softmax.backward", "dp", dp, cache.mask, cache.p, log=False))


def log_forward(z: np.ndarray, mask: np.ndarray | None = None) -> LogCache:
    """Turn each row of logits into log-probabilities. See reference.log_forward."""
    return LogCache(*_run("softmax.log_forward", z, mask, log=True))


def log_backward(dlog_p: np.ndarray, cache: LogCache) -> Grads:
    """Undo ``log_forward``. See reference.log_backward."""
    return Grads(z=_undo("softmax.log_backward", "dlog_p", dlog_p, cache.mask, cache.log_p, log=True))


def threads_of_row(size: int) -> int:
    """Give the number of threads for a row: a power of 2, no more than the row needs or a block may have.

    Parameters
    ----------
    size : int

    Returns
    -------
    int
    """
    return min(device.pick(THREADS, 4), 1 << (max(size, 1) - 1).bit_length())


def kernels() -> list:
    """List the kernels of this file, for the tests that compile them."""
    return [softmax_kernel_block_a_row, softmax_kernel_backward_block_a_row]


def _run(where, z, mask, log):
    shapes.expect_float(where, "z", z)
    if len(z.shape) == 0 or z.shape[-1] == 0:
        raise ValueError(f"{where}: z has shape {tuple(z.shape)}, expected (..., C) with C at least 1")
    if mask is not None:
        shapes.expect_mask(where, "mask", mask, tuple(z.shape))
    shape, C = tuple(z.shape), z.shape[-1]
    (z,), home = device.bring(where, z)
    home = home and not device.on_device(mask)
    z = z.reshape(z.size // C, C)
    out, z_out = device.empty(z.shape, z.dtype), device.empty(z.shape, z.dtype)
    mask_out = device.empty(z.shape, bool)
    given = mask_out if mask is None else arrays.spread(device.to_device(mask), shape).reshape(*z.shape)
    if z.size:
        launch = z.shape[0], threads_of_row(C)
        softmax_kernel_block_a_row[launch](z, given, mask is not None, log, out, z_out, mask_out)
    return device.back(tuple(array.reshape(*shape) for array in (z_out, mask_out, out)), home)


def _undo(where, name, d, mask, out, log):
    shapes.expect_float(where, name, d)
    if tuple(d.shape) != tuple(out.shape):
        raise ValueError(
            f"{where}: {name} has shape {tuple(d.shape)}, expected the shape of the output {tuple(out.shape)}"
        )
    shape, C = tuple(d.shape), d.shape[-1]
    (d, out), home = device.bring(where, d, out)
    rows = (d.size // C, C)
    d, mask, out = (array.reshape(*rows) for array in (d, device.to_device(mask), out))
    dz = device.empty(rows, d.dtype)
    if d.size:
        softmax_kernel_backward_block_a_row[rows[0], threads_of_row(C)](d, mask, out, log, dz)
    return device.back(dz.reshape(*shape), home)
