"""The kernels of dot attention for a query or two, as attention pooling asks: no blocks and no packing.

With so few queries every number of k and v is used once or twice: there is nothing for register tiles to save, and
turning k round would cost as much as the scores do. A query's scores become its row of alpha where they stand.
"""

import math
from functools import cache

import numpy as np

from scratchnn import jit
from scratchnn.jit import kernel, wide_vectors
from scratchnn.jit.rows import call_rows, place, row_loop
from scratchnn.ops.softmax.formula import exp, inner, largest, total

from .cpu_arguments import three_axes
from .formula import dscore

FEW = 2  # queries up to which this is quicker than tiles


def weighted(weight, x):
    """Formula of a product."""
    return (weight * x,)


def gathered(sum_, weight, x):
    """Formula of a sum of products."""
    return (sum_ + weight * x,)


@cache
def loops(size):
    """Compile the loops over rows: weighted, gathered."""
    dtype = f"f{size}"
    return np.array([row_loop(weighted, "nvv", dtype), row_loop(gathered, "wnv", dtype)])


@kernel
def forward_into(q, k, v, mask, masked, scale, alpha, lse, context, begin, end):
    """Fill ``alpha``, ``lse`` (log of the sum of exponentials) and ``context`` of batches ``begin`` to ``end``."""
    wide_vectors()
    (Q, E), (S, F) = q.shape[1:], v.shape[1:]
    lowest, zero, one = q.dtype.type(-np.inf), q.dtype.type(0), q.dtype.type(1)
    for b in range(begin, end):
        for i in range(Q):
            x, out = alpha[b, i], context[b, i]
            for j in range(S):
                x[j] = scale * inner(q[b, i], k[b, j], E)
            if masked:
                sees = mask[min(b, mask.shape[0] - 1), min(i, mask.shape[1] - 1)]
                for j in range(S):
                    x[j] = x[j] if sees[j] else lowest
            most = largest(x, S)
            shift = most if most != lowest else zero
            for j in range(S):
                x[j] = exp(x[j] - shift)
            sum_ = total(x, S)
            share = one / sum_ if sum_ != zero else one
            lse[b, i] = most + math.log(sum_) if sum_ != zero else -lowest
            for f in range(F):
                out[f] = zero
            for j in range(S):
                x[j] *= share
                p, source = x[j], v[b, j]
                for f in range(F):
                    out[f] += p * source[f]


@kernel
def backward_into(loops, dcontext, q, k, v, mask, masked, scale, alpha, given, dalpha, dq, dk, dv, d, begin, end):
    """Fill ``dq``, ``dk`` and ``dv`` of the batches ``begin`` to ``end``; ``d`` (S,) is a buffer.

    ``dalpha`` is what came from outside, read if ``given``.
    """
    wide_vectors()
    (Q, E), (S, F) = q.shape[1:], v.shape[1:]
    zero = q.dtype.type(0)
    for b in range(begin, end):
        for i in range(Q):
            x, up, dasking = alpha[b, i], dcontext[b, i], dq[b, i]
            for j in range(S):
                d[j] = inner(up, v[b, j], F)
            if given:
                for j in range(S):
                    d[j] += dalpha[b, i, j]
            mean = inner(x, d, S)
            for j in range(S):
                d[j] = dscore(x[j], d[j], mean) * scale
            if masked:
                sees = mask[min(b, mask.shape[0] - 1), min(i, mask.shape[1] - 1)]
                for j in range(S):
                    d[j] = d[j] if sees[j] else zero
            for e in range(E):
                dasking[e] = zero
            for j in range(S):
                ds, source = d[j], k[b, j]
                for e in range(E):
                    dasking[e] += ds * source[e]
            at, source = b * Q + i, b * S
            if i == 0:
                call_rows(loops[0], S, E, place(d, 0), 1, place(q, at * E), 0, place(dk, source * E), E)
                call_rows(
                    loops[0], S, F, place(alpha, at * S), 1, place(dcontext, at * F), 0, place(dv, source * F), F
                )
            else:
                call_rows(loops[1], S, E, place(dk, source * E), E, place(d, 0), 1, place(q, at * E), 0)
                call_rows(
                    loops[1], S, F, place(dv, source * F), F, place(alpha, at * S), 1, place(dcontext, at * F), 0
                )


def run(q, k, v, mask, scale, alpha, lse, context):
    """Fill ``alpha``, ``lse`` and ``context`` of the whole batch."""
    (B, Q, E), (_, S, F) = q.shape, v.shape
    arrays = (q, k, v, three_axes(mask, S), mask is not None, q.dtype.type(scale), alpha, lse, context)
    jit.split(lambda begin, end: forward_into(*arrays, begin, end), B, 2.0 * B * Q * S * (E + F + 20))


def undo(dcontext, q, k, v, mask, scale, kept, dalpha):
    """Give dq, dk and dv; ``kept``: alpha of the forward; ``dalpha`` may be None."""
    (B, Q, E), (_, S, F), dtype = q.shape, v.shape, q.dtype
    alpha, given = jit.plain(kept, dtype), dalpha is not None
    made = [jit.empty(array.shape, dtype) for array in (q, k, v)]
    arrays = (
        loops(dtype.itemsize), dcontext, q, k, v, three_axes(mask, S), mask is not None,
        dtype.type(scale), alpha, given, jit.plain(dalpha, dtype) if given else alpha, *made,
    )  # fmt: skip

    def work(begin, end):
        backward_into(*arrays, np.empty(S, dtype), begin, end)

    jit.split(work, B, 4.0 * B * Q * S * (E + F + 10))
    return made
