"""The third rung of attention's kernels, backward: see gpu_tiles.py, which counts for both."""

import math
from functools import cache
from typing import Any

from scratchnn.device import cuda, function, kernel

from .formula import dscore
from .gpu_tiles import hide_into, tools


@cache
def undoing(dtype: Any, additive: bool, across: int, deep: int) -> Any:
    """Make the function that both kernels of backward begin a tile with."""
    scores_into, products_into, _, _ = tools(dtype, additive, across, deep)
    zero, lowest = dtype(0), dtype(-math.inf)

    @function
    def undo_into(
        alpha, ds, left, right, q, k, v, mask, masked, causal, scale, v_a, lse, delta, dcontext, given, dalpha,
        b, top, near,
    ):  # fmt: skip
        """Give alpha of a tile again, and the gradient of its scores times the scale."""
        Q, S = q.shape[1], k.shape[1]
        scores_into(alpha, left, right, q, top, k, near, b, v_a)
        products_into(ds, left, right, dcontext, top, v, near, b)
        x, y = near + 4 * cuda.threadIdx.x, top + 4 * cuda.threadIdx.y
        for r in range(4):
            for c in range(4):
                alpha[r, c] *= scale
        hide_into(alpha, lowest, mask, masked, causal, b, top, near, Q, S)
        for r in range(4):
            log_sum, mean = lse[b, min(y + r, Q - 1)], delta[b, min(y + r, Q - 1)]
            for c in range(4):
                p = math.exp(alpha[r, c] - log_sum)
                d = ds[r, c]
                if given and p != zero:
                    d += dalpha[b, y + r, x + c]
                alpha[r, c] = p
                ds[r, c] = dscore(p, d, mean) * scale if p != zero else zero

    return undo_into


@cache
def dq_kernel(dtype: Any, additive: bool, across: int, deep: int) -> Any:
    """Make the kernel for dq: a block has a tile of queries and ``side`` columns, and goes through the sources.

    Additive: for dq W_q instead, and what each query adds to dv_a.
    """
    side = 4 * across
    pitch, room, square, some = side + 4, side * (side + 4), (4, 4), deep * (side + 4)
    _, _, weighted_into, units_into = tools(dtype, additive, across, deep)
    undo_into = undoing(dtype, additive, across, deep)
    zero = dtype(0)

    @kernel("f3 f3 f3 b3 b b f f1 f2 f2 f3 b f3 f3 f3", registers=255 if additive else 184)
    def attention_kernel_tiles_dq(
        q, k, v, mask, masked, causal, scale, v_a, lse, delta, dcontext, given, dalpha, dq, dv_a
    ):
        left = cuda.shared.array(some, dtype, alignment=16)
        right = cuda.shared.array(some, dtype, alignment=16)
        weights = cuda.shared.array(room, dtype, alignment=16)
        alpha = cuda.local.array(square, dtype)
        ds = cuda.local.array(square, dtype)
        found = cuda.local.array(square, dtype)
        heads = cuda.local.array(square, dtype)
        own = cuda.local.array(square, dtype)
        x, y = cuda.threadIdx.x, cuda.threadIdx.y
        top, b, begin = cuda.blockIdx.x * side, cuda.blockIdx.y, cuda.blockIdx.z * side
        Q, S, E = q.shape[1], k.shape[1], q.shape[2]
        for r in range(4):
            for c in range(4):
                i, e = top + 4 * y + r, begin + 4 * x + c
                found[r, c] = heads[r, c] = zero
                if additive:
                    own[r, c] = q[b, i, e] if i < Q and e < E else zero
        for near in range(0, min(S, top + side) if causal else S, side):
            undo_into(
                alpha, ds, left, right, q, k, v, mask, masked, causal, scale, v_a, lse, delta, dcontext, given,
                dalpha, b, top, near,
            )  # fmt: skip
            for r in range(4):
                for c in range(4):
                    weights[(4 * x + c) * pitch + 4 * y + r] = ds[r, c]
            cuda.syncthreads()
            if additive:
                units_into(found, heads, own, weights, right, k, b, near, begin)
            else:
                weighted_into(found, weights, right, k, b, near, begin)
        for r in range(4):
            for c in range(4):
                i, e = top + 4 * y + r, begin + 4 * x + c
                if i < Q and e < E:
                    if additive:
                        dv_a[b, i, e] = heads[r, c]
                        dq[b, i, e] = found[r, c] * v_a[e]
                    else:
                        dq[b, i, e] = found[r, c]

    return attention_kernel_tiles_dq


@cache
def dk_dv_kernel(dtype: Any, additive: bool, across: int, deep: int) -> Any:
    """Make the kernel for dk and dv: a block has a tile of sources and ``side`` columns.

    Additive: for dk W_k instead of dk.
    """
    side = 4 * across
    pitch, room, square, some = side + 4, side * (side + 4), (4, 4), deep * (side + 4)
    _, _, weighted_into, units_into = tools(dtype, additive, across, deep)
    undo_into = undoing(dtype, additive, across, deep)
    zero = dtype(0)

    @kernel("f3 f3 f3 b3 b b f f1 f2 f2 f3 b f3 f3 f3", registers=255 if additive else 184)
    def attention_kernel_tiles_dk_dv(
        q, k, v, mask, masked, causal, scale, v_a, lse, delta, dcontext, given, dalpha, dk, dv
    ):
        left = cuda.shared.array(some, dtype, alignment=16)
        right = cuda.shared.array(some, dtype, alignment=16)
        weights = cuda.shared.array(room, dtype, alignment=16)
        alpha = cuda.local.array(square, dtype)
        ds = cuda.local.array(square, dtype)
        dk_found = cuda.local.array(square, dtype)
        dv_found = cuda.local.array(square, dtype)
        heads = cuda.local.array(square, dtype)
        own = cuda.local.array(square, dtype)
        x, y = cuda.threadIdx.x, cuda.threadIdx.y
        near, b, begin = cuda.blockIdx.x * side, cuda.blockIdx.y, cuda.blockIdx.z * side
        Q, S, E, F = q.shape[1], k.shape[1], k.shape[2], v.shape[2]
        for r in range(4):
            for c in range(4):
                j, e = near + 4 * y + r, begin + 4 * x + c
                dk_found[r, c] = dv_found[r, c] = heads[r, c] = zero
                if additive:
                    own[r, c] = k[b, j, e] if j < S and e < E else zero
        for top in range(near if causal else 0, Q, side):
            undo_into(
                alpha, ds, left, right, q, k, v, mask, masked, causal, scale, v_a, lse, delta, dcontext, given,
                dalpha, b, top, near,
            )  # fmt: skip
            for r in range(4):
                for c in range(4):
                    weights[(4 * y + r) * pitch + 4 * x + c] = alpha[r, c]
            cuda.syncthreads()
            weighted_into(dv_found, weights, right, dcontext, b, top, begin)
            for r in range(4):
                for c in range(4):
                    weights[(4 * y + r) * pitch + 4 * x + c] = ds[r, c]
            cuda.syncthreads()
            if additive:
                units_into(dk_found, heads, own, weights, right, q, b, top, begin)
            else:
                weighted_into(dk_found, weights, right, q, b, top, begin)
        for r in range(4):
            for c in range(4):
                j, e = near + 4 * y + r, begin + 4 * x + c
                if j < S and e < F:
                    dv[b, j, e] = dv_found[r, c]
                if j < S and e < E:
                    dk[b, j, e] = dk_found[r, c] * v_a[e] if additive else dk_found[r, c]

    return attention_kernel_tiles_dk_dv
