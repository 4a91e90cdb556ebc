"""The first two rungs of attention's kernels: three passes over stored scores, and one block a query (or a source).

Three passes: scores, softmax and context each cross memory as (B, Q, S) arrays, 4 B Q S bytes each time: at
(8, 1024, 1024, 64) that is 34 MB written and read again, where q, k, v and context are 8 MB in all.
One block a query: the scores of one query live in shared memory, so forward writes context alone. But each block
reads all of k and v for one query: 2 flops for every 4 bytes, from the second-level cache. Backward needs a second
kernel, one block a source, which makes alpha again from the log of the sum; shared memory bounds the length of a row.
"""

import math
from functools import cache
from typing import Any

from scratchnn.device import cuda, function, kernel
from scratchnn.ops.softmax.gpu_rows import THREADS, largest_of_block, sum_of_block

from .formula import dscore


@function
def sees(mask, masked, causal, b, i, j):
    """Say whether query i of sequence b may look at source j. ``mask`` is 1 long where it broadcasts."""
    if causal and j > i:
        return False
    if not masked:
        return True
    return mask[min(b, mask.shape[0] - 1), min(i, mask.shape[1] - 1), min(j, mask.shape[2] - 1)]


@kernel("f3 f3 f f3", registers=64)
def attention_kernel_passes_scores(q, k, scale, scores):
    """Give the scores: a thread for each number."""
    Q, S = scores.shape[1], scores.shape[2]
    for at in range(cuda.grid(1), scores.size, cuda.gridsize(1)):
        b, i, j = at // (Q * S), at // S % Q, at % S
        total = q.dtype.type(0)
        for e in range(q.shape[2]):
            total += q[b, i, e] * k[b, j, e]
        scores[b, i, j] = scale * total


@kernel("f3 b3 b b f3 f2", registers=64)
def attention_kernel_passes_alpha(scores, mask, masked, causal, alpha, lse):
    """Give alpha, the softmax of a row of scores, and the log of the sum: a block for each row."""
    part = cuda.shared.array(THREADS, scores.dtype)
    i, b, first, step = cuda.blockIdx.x, cuda.blockIdx.y, cuda.threadIdx.x, cuda.blockDim.x
    zero, one, lowest = scores.dtype.type(0), scores.dtype.type(1), scores.dtype.type(-math.inf)
    most = lowest
    for j in range(first, scores.shape[2], step):
        if sees(mask, masked, causal, b, i, j):
            most = max(most, scores[b, i, j])
    shift = largest_of_block(part, most)
    held = zero
    for j in range(first, scores.shape[2], step):
        if sees(mask, masked, causal, b, i, j):
            held += math.exp(scores[b, i, j] - shift)
    total = sum_of_block(part, held)
    share = one / total if total != zero else zero
    for j in range(first, scores.shape[2], step):
        there = sees(mask, masked, causal, b, i, j)
        alpha[b, i, j] = math.exp(scores[b, i, j] - shift) * share if there else zero
    if first == 0:
        lse[b, i] = shift + math.log(total) if total != zero else -lowest


@kernel("f3 f3 f3", registers=64)
def attention_kernel_passes_weighted(weights, x, y):
    """Give y[b, i] = sum over j of weights[b, i, j] * x[b, j]: context, or dq. A thread for each number."""
    Q, F = y.shape[1], y.shape[2]
    for at in range(cuda.grid(1), y.size, cuda.gridsize(1)):
        b, i, f = at // (Q * F), at // F % Q, at % F
        total = y.dtype.type(0)
        for j in range(x.shape[1]):
            total += weights[b, i, j] * x[b, j, f]
        y[b, i, f] = total


@kernel("f3 f3 f3", registers=64)
def attention_kernel_passes_weighted_turned(weights, x, y):
    """Give y[b, j] = sum over i of weights[b, i, j] * x[b, i]: dk, or dv. A thread for each number."""
    S, F = y.shape[1], y.shape[2]
    for at in range(cuda.grid(1), y.size, cuda.gridsize(1)):
        b, j, f = at // (S * F), at // F % S, at % F
        total = y.dtype.type(0)
        for i in range(x.shape[1]):
            total += weights[b, i, j] * x[b, i, f]
        y[b, j, f] = total


@kernel("f3 f3 f3 f2 b f3 f f3", registers=64)
def attention_kernel_passes_dscores(alpha, dcontext, v, delta, given, dalpha, scale, ds):
    """Give the gradient of the scores, times the scale: a thread for each number."""
    Q, S = ds.shape[1], ds.shape[2]
    zero = ds.dtype.type(0)
    for at in range(cuda.grid(1), ds.size, cuda.gridsize(1)):
        b, i, j = at // (Q * S), at // S % Q, at % S
        d = zero
        if alpha[b, i, j] != zero:
            for f in range(v.shape[2]):
                d += dcontext[b, i, f] * v[b, j, f]
            if given:
                d += dalpha[b, i, j]
            d = dscore(alpha[b, i, j], d, delta[b, i]) * scale
        ds[b, i, j] = d


@cache
def row_forward_kernel(dtype: Any, room: int) -> Any:
    """Make the kernel of forward with one block a query; ``room`` is the longest row."""
    zero, one, lowest = dtype(0), dtype(1), dtype(-math.inf)

    @kernel("f3 f3 f3 b3 b b f f2 f3", registers=72)
    def attention_kernel_row_forward(q, k, v, mask, masked, causal, scale, lse, context):
        part = cuda.shared.array(THREADS, dtype)
        row = cuda.shared.array(room, dtype)
        i, b, first, step = cuda.blockIdx.x, cuda.blockIdx.y, cuda.threadIdx.x, cuda.blockDim.x
        S = k.shape[1]
        most = lowest
        for j in range(first, S, step):
            score = lowest
            if sees(mask, masked, causal, b, i, j):
                total = zero
                for e in range(q.shape[2]):
                    total += q[b, i, e] * k[b, j, e]
                score = scale * total
            row[j] = score
            most = max(most, score)
        most = largest_of_block(part, most)
        shift = most if most != lowest else zero
        held = zero
        for j in range(first, S, step):
            row[j] = math.exp(row[j] - shift)
            held += row[j]
        total = sum_of_block(part, held)
        share = one / total if total != zero else zero
        for f in range(first, v.shape[2], step):
            found = zero
            for j in range(min(S, i + 1) if causal else S):
                found += row[j] * v[b, j, f]
            context[b, i, f] = found * share
        if first == 0:
            lse[b, i] = shift + math.log(total) if total != zero else -lowest

    return attention_kernel_row_forward


@cache
def row_dq_kernel(dtype: Any, room: int) -> Any:
    """Make the kernel for dq with one block a query."""
    zero = dtype(0)

    @kernel("f3 f3 f3 b3 b b f f2 f2 f3 b f3 f3", registers=72)
    def attention_kernel_row_dq(q, k, v, mask, masked, causal, scale, lse, delta, dcontext, given, dalpha, dq):
        row = cuda.shared.array(room, dtype)
        i, b, first, step = cuda.blockIdx.x, cuda.blockIdx.y, cuda.threadIdx.x, cuda.blockDim.x
        S = min(k.shape[1], i + 1) if causal else k.shape[1]
        for j in range(first, S, step):
            ds = zero
            if sees(mask, masked, causal, b, i, j):
                score = d = zero
                for e in range(q.shape[2]):
                    score += q[b, i, e] * k[b, j, e]
                for f in range(v.shape[2]):
                    d += dcontext[b, i, f] * v[b, j, f]
                if given:
                    d += dalpha[b, i, j]
                ds = dscore(math.exp(scale * score - lse[b, i]), d, delta[b, i]) * scale
            row[j] = ds
        cuda.syncthreads()
        for e in range(first, q.shape[2], step):
            found = zero
            for j in range(S):
                found += row[j] * k[b, j, e]
            dq[b, i, e] = found

    return attention_kernel_row_dq


@cache
def row_dk_dv_kernel(dtype: Any, room: int) -> Any:
    """Make the kernel for dk and dv with one block a source; ``room`` is the largest number of queries."""
    zero = dtype(0)

    @kernel("f3 f3 f3 b3 b b f f2 f2 f3 b f3 f3 f3", registers=80)
    def attention_kernel_row_dk_dv(q, k, v, mask, masked, causal, scale, lse, delta, dcontext, given, dalpha, dk, dv):
        alpha = cuda.shared.array(room, dtype)
        row = cuda.shared.array(room, dtype)
        j, b, first, step = cuda.blockIdx.x, cuda.blockIdx.y, cuda.threadIdx.x, cuda.blockDim.x
        Q = q.shape[1]
        for i in range(first, Q, step):
            p = ds = zero
            if sees(mask, masked, causal, b, i, j):
                score = d = zero
                for e in range(q.shape[2]):
                    score += q[b, i, e] * k[b, j, e]
                for f in range(v.shape[2]):
                    d += dcontext[b, i, f] * v[b, j, f]
                if given:
                    d += dalpha[b, i, j]
                p = math.exp(scale * score - lse[b, i])
                ds = dscore(p, d, delta[b, i]) * scale
            alpha[i], row[i] = p, ds
        cuda.syncthreads()
        for e in range(first, k.shape[2], step):
            found = zero
            for i in range(Q):
                found += row[i] * q[b, i, e]
            dk[b, j, e] = found
        for f in range(first, v.shape[2], step):
            found = zero
            for i in range(Q):
                found += alpha[i] * dcontext[b, i, f]
            dv[b, j, f] = found

    return attention_kernel_row_dk_dv
