"""The kernels of dot attention: blocks of queries against blocks of sources, alpha never as a whole."""

import math

import numpy as np

from scratchnn import jit
from scratchnn.jit import kernel, part, scalar, wide_vectors
from scratchnn.ops.matmul.called import pack_rows_into, product_at_into
from scratchnn.ops.softmax.formula import VECTOR, inner

from .cpu_rows import exponentials_into, undo_softmax_into

QUERIES = 72  # most of a block: twelve full tiles
SOURCES = 512  # of a block: 72 x 512 float32 are 144 KB, within a second-level cache


def height_of_blocks(Q):
    """Give the height of blocks of queries: full tiles of 6, all blocks about alike."""
    blocks = (Q + QUERIES - 1) // QUERIES
    return min(QUERIES, ((Q + blocks - 1) // blocks + 5) // 6 * 6)


block_height = scalar(height_of_blocks)  # for kernels; from Python it would be compiled in every process


@part
def clear(row):
    """Fill a row with 0."""
    for j in range(row.size):
        row[j] = 0


def forward_buffers(S, E, used, keep, dtype):
    """Make what ``forward_into`` works in, for one thread; ``used``: the tiles."""
    wide = -(-(S if keep else min(S, SOURCES)) // VECTOR) * VECTOR
    return jit.buffers(dtype, panels_of_sources(S, E, used), (QUERIES * wide,), *[(QUERIES,)] * 3)


def backward_buffers(S, E, F, used, kept, dtype):
    """Make what ``backward_into`` works in, for one thread; ``used``: the tiles."""
    block = (QUERIES * (-(-min(S, SOURCES) // VECTOR) * VECTOR),)
    k_T, v_T = panels_of_sources(0 if kept else S, E, used), panels_of_sources(S, F, used)
    return jit.buffers(dtype, k_T, v_T, block, block, (QUERIES,))


def panels_of_sources(S, width, used):
    """Give the shape of k or v turned round; one narrow panel packs few sources quicker."""
    panel = max(used.lanes, min(used.width, -(-S // used.lanes) * used.lanes))
    return -(-S // panel), width, panel


@scalar
def distances(mask):
    """Give how far apart the mask's sequences and rows are; 0: there is one for all."""
    one, many = mask.shape[2], mask.shape[1] * mask.shape[2]
    return many if mask.shape[0] > 1 else 0, one if mask.shape[1] > 1 else 0


@kernel
def forward_into(
    addresses, lanes, q, k, v, B, Q, S, E, F, codes, mask, causal, scale, keep, alpha, lse, context,
    k_T, scratch, most, sums, fades, begin, end, first, step,
):  # fmt: skip
    """Fill ``context`` and ``lse`` (log of the sum of exponentials), and ``alpha`` if ``keep``.

    Batches ``begin`` to ``end``, every ``step``-th block of queries from ``first`` on. q, k, v, alpha, lse, context
    are flat; q, k, v with room for a vector behind them. The arrays after them are buffers, see ``forward_buffers``.
    """
    wide_vectors()
    width, panel = (addresses.shape[1] - 1) * lanes, k_T.shape[2]
    zero, one = q.dtype.type(0), q.dtype.type(1)
    mask_item, mask_row = distances(mask)
    high = block_height(Q)
    wide = scratch.size // QUERIES
    for b in range(begin, end):
        pack_rows_into(addresses, k_T, 0, k, b * S * E, 1, E, E, S)
        for top in range(first * high, Q, step * high):
            n = min(high, Q - top)
            seen = min(S, top + n) if causal else S
            whole = seen <= wide  # one block: its rows are divided by their sums at once
            for near in range(0, seen, wide):
                w = min(wide, seen - near)
                product_at_into(
                    addresses, lanes, q, (b * Q + top) * E, E, 1, k_T, near * E, E * panel, panel,
                    scratch, 0, wide, n, w, E, False,
                )  # fmt: skip
                exponentials_into(
                    codes, n, w, scratch, 0, wide, top + 1 - near if causal else w, int(causal), scale,
                    mask, b * mask_item + top * mask_row + near, mask_row,
                    most, sums, fades, int(near == 0), int(whole),
                )  # fmt: skip
                if near > 0:
                    for r in range(n):
                        if fades[r] != one:
                            row = context[(b * Q + top + r) * F : (b * Q + top + r + 1) * F]
                            for f in range(F):
                                row[f] *= fades[r]
                product_at_into(
                    addresses, lanes, scratch, 0, wide, 1, v, (b * S + near) * F, width, F,
                    context, (b * Q + top) * F, F, n, F, w, near > 0,
                )  # fmt: skip
            for r in range(n):
                i = b * Q + top + r
                lse[i] = most[r] + math.log(sums[r]) if sums[r] != zero else q.dtype.type(np.inf)
                if not whole:
                    share = one / sums[r] if sums[r] != zero else one
                    row = context[i * F : (i + 1) * F]
                    for f in range(F):
                        row[f] *= share
                if keep:
                    x, e = alpha[i * S : (i + 1) * S], scratch[r * wide : (r + 1) * wide]
                    for j in range(S):
                        x[j] = e[j] if j < seen else zero


@kernel
def backward_into(
    addresses, lanes, dcontext, q, k, v, B, Q, S, E, F, codes, mask, causal, scale, kept, alpha, lse, context,
    given, dalpha, more_mean, dq, dk, dv, k_T, v_T, scratch, ds, means, begin, end, first, step,
):  # fmt: skip
    """Fill ``dq``, ``dk`` and ``dv``; alpha is read if ``kept``, else computed again from ``lse``.

    The mean of dalpha, weighted by alpha, is dcontext * context summed over F, and ``more_mean`` if dalpha is
    ``given``. The arrays from ``k_T`` on are buffers, see ``backward_buffers``.
    """
    wide_vectors()
    width, panel = (addresses.shape[1] - 1) * lanes, v_T.shape[2]
    mask_item, mask_row = distances(mask)
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
                if given:
                    for r in range(n):
                        row = (b * Q + top + r) * S + near
                        more, d = dalpha[row : row + w], ds[r * wide : r * wide + w]
                        for j in range(w):
                            d[j] += more[j]
                p, p_at, p_row = (alpha, (b * Q + top) * S + near, S) if kept else (scratch, 0, wide)
                undo_softmax_into(
                    codes, n, w, p, p_at, p_row, ds, 0, wide, top + 1 - near if causal else w, int(causal), scale,
                    mask, b * mask_item + top * mask_row + near, mask_row, lse, b * Q + top, means, int(not kept), 0,
                )  # fmt: skip
                product_at_into(
                    addresses, lanes, p, p_at, 1, p_row, dcontext, c_at, width, F,
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
