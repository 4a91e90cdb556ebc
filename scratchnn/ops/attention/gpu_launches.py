"""How each rung of attention's ladder launches its kernels, forward and backward."""

from typing import Any, NamedTuple

import numpy as np

from scratchnn import device
from scratchnn.arrays import launch
from scratchnn.device import blocks, pick

from . import gpu_arguments, gpu_first, gpu_tiles, gpu_tiles_back
from .gpu_arguments import dtype_of


class Problem(NamedTuple):
    """What the kernels of all rungs are given."""

    q: Any  # (B, Q, E)
    k: Any  # (B, S, E)
    v: Any  # (B, S, F)
    mask: Any  # (B or 1, Q or 1, S or 1)
    masked: bool
    causal: bool
    scale: Any  # a number in the arrays' precision
    v_a: Any  # (A,), additive only; else anything
    additive: bool


def _tile(dtype):
    """Give threads of a row, and how much of a sum at a time: float64 has room for half."""
    return (pick(16, 2), pick(16, 4)) if dtype == np.float32 else (pick(8, 2), pick(16, 4))


def by_tiles(problem, need_alpha):
    """Run forward in tiles: context, lse and, if wanted, scores and alpha."""
    q, k, v, mask, masked, causal, scale, v_a, additive = problem
    (B, Q, _), (_, S, F), dtype = q.shape, v.shape, dtype_of(q)
    kind = (dtype, additive, *_tile(dtype))
    across = kind[2]
    side, block = 4 * across, (across, across)
    lse, context = device.empty((B, Q), dtype), device.empty((B, Q, F), dtype)
    grid = blocks(Q, side), B, blocks(F, side)
    gpu_tiles.forward_kernel(*kind)[grid, block](q, k, v, mask, masked, causal, scale, v_a, lse, context)
    if not need_alpha:
        return context, lse, None, None
    scores, alpha = device.empty((B, Q, S), dtype), device.empty((B, Q, S), dtype)
    grid = blocks(Q, side), blocks(S, side), B
    gpu_tiles.alpha_kernel(*kind)[grid, block](q, k, mask, masked, causal, scale, v_a, lse, scores, alpha)
    return context, lse, scores, alpha


def undo_by_tiles(problem, lse, delta, dcontext, dalpha, given):
    """Run backward in tiles: dq, dk, dv and, for the additive score, each query's part of dv_a."""
    q, k, v, mask, masked, causal, scale, v_a, additive = problem
    (B, Q, E), (_, S, F), dtype = q.shape, v.shape, dtype_of(q)
    kind = (dtype, additive, *_tile(dtype))
    across = kind[2]
    side, block = 4 * across, (across, across)
    dq, dk, dv = (device.empty(array.shape, dtype) for array in (q, k, v))
    heads = device.empty(q.shape, dtype) if additive else dq
    common = q, k, v, mask, masked, causal, scale, v_a, lse, delta, dcontext, given, dalpha
    gpu_tiles_back.dq_kernel(*kind)[(blocks(Q, side), B, blocks(E, side)), block](*common, dq, heads)
    gpu_tiles_back.dk_dv_kernel(*kind)[(blocks(S, side), B, blocks(max(E, F), side)), block](*common, dk, dv)
    return dq, dk, dv, heads


def by_passes(problem, need_alpha):
    """Run forward in three passes. See ``by_tiles``."""
    q, k, v, mask, masked, causal, scale = _only_dot(problem, "three passes")
    (B, Q, _), (_, S, F), dtype = q.shape, v.shape, dtype_of(q)
    scores, alpha = device.empty((B, Q, S), dtype), device.empty((B, Q, S), dtype)
    lse, context = device.empty((B, Q), dtype), device.empty((B, Q, F), dtype)
    gpu_first.attention_kernel_passes_scores[launch.over(scores.size)](q, k, scale, scores)
    threads = gpu_arguments.threads_of_row(S)
    gpu_first.attention_kernel_passes_alpha[(Q, B), threads](scores, mask, masked, causal, alpha, lse)
    gpu_first.attention_kernel_passes_weighted[launch.over(context.size)](alpha, v, context)
    return context, lse, *((scores, alpha) if need_alpha else (None, None))


def undo_by_passes(problem, lse, delta, dcontext, dalpha, given):
    """Run backward in passes. See ``undo_by_tiles``."""
    q, k, v, _, _, _, scale = _only_dot(problem, "three passes")
    _, _, _, alpha = by_passes(problem, True)
    ds = device.empty(alpha.shape, alpha.dtype)
    rest = delta, given, dalpha, scale, ds
    gpu_first.attention_kernel_passes_dscores[launch.over(ds.size)](alpha, dcontext, v, *rest)
    dq, dk, dv = (device.empty(array.shape, array.dtype) for array in (q, k, v))
    gpu_first.attention_kernel_passes_weighted[launch.over(dq.size)](ds, k, dq)
    gpu_first.attention_kernel_passes_weighted_turned[launch.over(dk.size)](ds, q, dk)
    gpu_first.attention_kernel_passes_weighted_turned[launch.over(dv.size)](alpha, dcontext, dv)
    return dq, dk, dv, None


def by_row(problem, need_alpha):
    """Run forward with one block a query. See ``by_tiles``."""
    q, k, v, mask, masked, causal, scale = _only_dot(problem, "one block a query")
    (B, Q, _), (_, S, F), dtype = q.shape, v.shape, dtype_of(q)
    lse, context = device.empty((B, Q), dtype), device.empty((B, Q, F), dtype)
    run = gpu_first.row_forward_kernel(dtype, _longest(S, dtype))
    run[(Q, B), gpu_arguments.threads_of_row(max(S, F))](q, k, v, mask, masked, causal, scale, lse, context)
    if not need_alpha:
        return context, lse, None, None
    _, _, scores, alpha = by_passes(problem, True)
    return context, lse, scores, alpha


def undo_by_row(problem, lse, delta, dcontext, dalpha, given):
    """Run backward with one block a query, and one a source. See ``undo_by_tiles``."""
    q, k, v, mask, masked, causal, scale = _only_dot(problem, "one block a query")
    (B, Q, E), (_, S, F), dtype = q.shape, v.shape, dtype_of(q)
    dq, dk, dv = (device.empty(array.shape, dtype) for array in (q, k, v))
    common = q, k, v, mask, masked, causal, scale, lse, delta, dcontext, given, dalpha
    threads = gpu_arguments.threads_of_row
    gpu_first.row_dq_kernel(dtype, _longest(S, dtype))[(Q, B), threads(max(S, E))](*common, dq)
    wide = max(Q, E, F)
    gpu_first.row_dk_dv_kernel(dtype, _longest(Q, dtype))[(S, B), threads(wide)](*common, dk, dv)
    return dq, dk, dv, None


def _only_dot(problem, rung):
    if problem.additive:
        raise ValueError(f"attention.forward: the rung {rung!r} has the dot scores only, expected no 'additive'")
    return problem[:7]


def _longest(size, dtype):
    """Give the room for a row in shared memory, one of three sizes so that few kernels are compiled."""
    most = 4096 if dtype == np.float32 else 2048
    room = next((room for room in (512, 2048, most) if size <= room <= most), None)
    if room is None:
        raise ValueError(f"attention: the rung 'one block a query' has room for rows of {most}, got {size}")
    return room
