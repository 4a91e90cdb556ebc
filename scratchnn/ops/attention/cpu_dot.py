"""The kernels of dot attention: blocks of queries against blocks of sources, alpha never as a whole."""

import math

import numpy as np

from scratchnn import jit
from scratchnn.jit import kernel, once, part, scalar, wide_vectors
from scratchnn.ops.matmul.called import pack_rows_into, product_at_into
from scratchnn.ops.softmax.formula import VECTOR, exp, inner, largest, total

from .formula import dscore

QUERIES = 72  # most of a block: twelve full tiles
SOURCES = 512  # of a block: 72 x 512 float32 are 144 KB, within a second-level cache


def height_of_blocks(Q):
    """Give the height of blocks of queries: full tiles of 6, all blocks about alike."""
    blocks = (Q + QUERIES - 1) // QUERIES
    return min(QUERIES, ((Q + blocks - 1) // blocks + 5) // 6 * 6)


block_height = scalar(height_of_blocks)  # for kernels; from Python it would be compiled in every process


@scalar
def whole_vectors(n):
    """Round up to a multiple of VECTOR."""
    return (n + VECTOR - 1) // VECTOR * VECTOR


@part
def exponentials_into(x, c, scale, masked, mask, most):
    """Turn x[:c] into exp(scale x - shift), what is masked and x[c:] into 0, and give shift.

    Shift is the largest of ``most`` and scale x. The length of x is a multiple of VECTOR: loops run over all of it
    and choose, as ``range(c, ...)`` would be scalar. ``most`` must be of x's
    type, else all is done in float64.
    """
    wide_vectors()
    once()
    lowest = x.dtype.type(-np.inf)
    for j in range(x.size):
        x[j] = scale * x[j] if j < c else lowest
    if masked:
        for j in range(c):
            x[j] = x[j] if mask[j] else lowest
    new = largest(x, x.size)
    if most > new:
        new = most
    shift = new if new != lowest else x.dtype.type(0)
    for j in range(x.size):
        x[j] = exp(x[j] - shift)
    return new


@part
def alpha_again_into(x, c, scale, masked, mask, log_sum):
    """Turn x[:c] into exp(scale x - log_sum), what is masked and x[c:] into 0; length as in ``exponentials_into``."""
    wide_vectors()
    once()
    lowest = x.dtype.type(-np.inf)
    for j in range(x.size):
        x[j] = exp(scale * x[j] - log_sum if j < c else lowest)
    if masked:
        for j in range(c):
            x[j] = x[j] if mask[j] else x.dtype.type(0)


@part
def only_seen(d, c, masked, mask):
    """Set d[c:] and what is masked to 0."""
    zero = d.dtype.type(0)
    for j in range(d.size):
        d[j] = d[j] if j < c else zero
    if masked:
        for j in range(c):
            d[j] = d[j] if mask[j] else zero


@part
def dscores_into(d, p, c, mean, scale, masked, mask):
    """Turn d[:c] from dalpha into dscores, what is masked and d[c:] into 0; length as in ``exponentials_into``."""
    wide_vectors()
    once()
    zero = d.dtype.type(0)
    for j in range(d.size):
        d[j] = dscore(p[j], d[j], mean) * scale if j < c else zero
    if masked:
        for j in range(c):
            d[j] = d[j] if mask[j] else zero


@part
def clear(row):
    """Fill a row with 0."""
    for j in range(row.size):
        row[j] = 0


def forward_buffers(S, E, used, keep, dtype):
    """Make what ``forward_into`` works in, for one thread; ``used``: the tiles."""
    wide = -(-(S if keep else min(S, SOURCES)) // VECTOR) * VECTOR
    return jit.buffers(dtype, panels_of_sources(S, E, used), (QUERIES * wide,), (QUERIES,), (QUERIES,))


def backward_buffers(S, E, F, used, kept, dtype):
    """Make what ``backward_into`` works in, for one thread; ``used``: the tiles."""
    block = (QUERIES * (-(-min(S, SOURCES) // VECTOR) * VECTOR),)
    k_T, v_T = panels_of_sources(0 if kept else S, E, used), panels_of_sources(S, F, used)
    return jit.buffers(dtype, k_T, v_T, block, block, (QUERIES,))


def panels_of_sources(S, width, used):
    """Give the shape of k or v turned round; one narrow panel packs few sources quicker."""
    panel = max(used.lanes, min(used.width, -(-S // used.lanes) * used.lanes))
    return -(-S // panel), width, panel


@kernel
def forward_into(
    addresses, lanes, q, k, v, B, Q, S, E, F, mask, masked, causal, scale, keep, alpha, lse, context,
    k_T, scratch, most, sums, begin, end, first, step,
):  # fmt: skip
    """Fill ``context`` and ``lse`` (log of the sum of exponentials), and ``alpha`` if ``keep``.

    Batches ``begin`` to ``end``, every ``step``-th block of queries from ``first`` on. q, k, v, alpha, lse, context
    are flat; q, k, v with room for a vector behind them. The arrays after them are buffers, see ``forward_buffers``.
    """
    wide_vectors()
    width, panel = (addresses.shape[1] - 1) * lanes, k_T.shape[2]
    lowest, zero, one = q.dtype.type(-np.inf), q.dtype.type(0), q.dtype.type(1)
    high = block_height(Q)
    wide = scratch.size // QUERIES
    for b in range(begin, end):
        pack_rows_into(addresses, k_T, 0, k, b * S * E, 1, E, E, S)
        for top in range(first * high, Q, step * high):
            n = min(high, Q - top)
            seen = min(S, top + n) if causal else S
            for r in range(n):
                most[r] = lowest
            for r in range(n):
                sums[r] = zero
            for near in range(0, seen, wide):
                w = min(wide, seen - near)
                product_at_into(
                    addresses, lanes, q, (b * Q + top) * E, E, 1, k_T, near * E, E * panel, panel,
                    scratch, 0, wide, n, w, E, False,
                )  # fmt: skip
                for r in range(n):
                    c = min(w, max(0, top + r + 1 - near)) if causal else w
                    x = scratch[r * wide : r * wide + whole_vectors(w)]
                    sees = mask[min(b, mask.shape[0] - 1), min(top + r, mask.shape[1] - 1)][near if masked else 0 :]
                    new = exponentials_into(x, c, scale, masked, sees, most[r])
                    if near > 0 and new != most[r]:
                        fade = exp(most[r] - new)
                        sums[r] *= fade
                        row = context[(b * Q + top + r) * F : (b * Q + top + r + 1) * F]
                        for f in range(F):
                            row[f] *= fade
                    sums[r] += total(x, x.size)
                    most[r] = new
                product_at_into(
                    addresses, lanes, scratch, 0, wide, 1, v, (b * S + near) * F, width, F,
                    context, (b * Q + top) * F, F, n, F, w, near > 0,
                )  # fmt: skip
            for r in range(n):
                i = b * Q + top + r
                share = one / sums[r] if sums[r] != zero else one
                lse[i] = most[r] + math.log(sums[r]) if sums[r] != zero else -lowest
                row = context[i * F : (i + 1) * F]
                for f in range(F):
                    row[f] *= share
                if keep:
                    x, e = alpha[i * S : (i + 1) * S], scratch[r * wide : (r + 1) * wide]
                    for j in range(S):
                        x[j] = e[j] * share if j < seen else zero


@kernel
def backward_into(
    addresses, lanes, dcontext, q, k, v, B, Q, S, E, F, mask, masked, causal, scale, kept, alpha, lse, context,
    given, dalpha, more_mean, dq, dk, dv, k_T, v_T, scratch, ds, means, begin, end, first, step,
):  # fmt: skip
    """Fill ``dq``, ``dk`` and ``dv``; alpha is read if ``kept``, else computed again from ``lse``.

    The mean of dalpha, weighted by alpha, is dcontext * context summed over F, and ``more_mean`` if dalpha is
    ``given``. The arrays from ``k_T`` on are buffers, see ``backward_buffers``.
    """
    wide_vectors()
    width, panel = (addresses.shape[1] - 1) * lanes, v_T.shape[2]
    high = block_height(Q)
    wide = scratch.size // QUERIES
    for b in range(begin, end):
        clear(dk[b * S * E : (b + 1) * S * E])
        clear(dv[b * S * F : (b + 1) * S * F])
        pack_rows_into(addresses, v_T, 0, v, b * S * F, 1, F, F, S)
        if not kept:
            pack_rows_into(addresses, k_T, 0, k, b * S * E, 1, E, E, S)
        for top in range(first * high, Q, step * high):
            n = min(high, Q - top)
            seen = min(S, top + n) if causal else S
            q_at, c_at = (b * Q + top) * E, (b * Q + top) * F
            for r in range(n):
                row = c_at + r * F
                means[r] = inner(dcontext[row : row + F], context[row : row + F], F)
                if given:
                    means[r] += more_mean[b * Q + top + r]
            for near in range(0, seen, SOURCES):
                w = min(SOURCES, seen - near)
                product_at_into(
                    addresses, lanes, dcontext, c_at, F, 1, v_T, near * F, F * panel, panel,
                    ds, 0, wide, n, w, F, False,
                )  # fmt: skip
                if not kept:
                    product_at_into(
                        addresses, lanes, q, q_at, E, 1, k_T, near * E, E * panel, panel,
                        scratch, 0, wide, n, w, E, False,
                    )  # fmt: skip
                for r in range(n):
                    i = b * Q + top + r
                    c = min(w, max(0, top + r + 1 - near)) if causal else w
                    sees = mask[min(b, mask.shape[0] - 1), min(top + r, mask.shape[1] - 1)][near if masked else 0 :]
                    p = scratch[r * wide : r * wide + whole_vectors(w)]
                    d = ds[r * wide : r * wide + whole_vectors(w)]
                    if kept:
                        held = alpha[i * S + near : i * S + near + w]
                        for j in range(w):
                            p[j] = held[j]
                    else:
                        alpha_again_into(p, c, scale, masked, sees, lse[i])
                    if given:
                        more = dalpha[i * S + near : i * S + near + c]
                        for j in range(c):
                            d[j] += more[j]
                    dscores_into(d, p, c, means[r], scale, masked, sees)
                product_at_into(
                    addresses, lanes, scratch, 0, 1, wide, dcontext, c_at, width, F,
                    dv, (b * S + near) * F, F, w, F, n, True,
                )  # fmt: skip
                product_at_into(
                    addresses, lanes, ds, 0, wide, 1, k, (b * S + near) * E, width, E,
                    dq, q_at, E, n, E, w, near > 0,
                )  # fmt: skip
                product_at_into(
                    addresses, lanes, ds, 0, 1, wide, q, q_at, width, E,
                    dk, (b * S + near) * E, E, w, E, n, True,
                )  # fmt: skip
