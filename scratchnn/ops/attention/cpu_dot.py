"""The kernels of dot attention: blocks of queries against blocks of sources, alpha never as a whole."""

import math

import numpy as np

from scratchnn.jit import kernel, scalar
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


@kernel
def exponentials_into(x, c, w, masked, mask, most):
    """Turn x[:c] into exp(x - shift), what is masked and x[c:w] into 0; give the largest of ``most`` and x.

    ``x`` has room up to the next multiple of VECTOR.
    """
    lowest = x.dtype.type(-np.inf)
    if masked:
        for j in range(c):
            x[j] = x[j] if mask[j] else lowest
    whole = (c + VECTOR - 1) // VECTOR * VECTOR
    for j in range(c, max(w, whole)):
        x[j] = lowest
    new = largest(x, whole)
    if most > new:
        new = most
    shift = new if new != lowest else x.dtype.type(0)
    for j in range(whole):
        x[j] = exp(x[j] - shift)
    for j in range(whole, w):
        x[j] = 0
    return new


@kernel
def forward_into(
    addresses, lanes, q, k, v, B, Q, S, E, F, mask, masked, causal, scale, keep, alpha, lse, context,
    begin, end, first, step,
):  # fmt: skip
    """Fill ``context`` and ``lse`` (log of the sum of exponentials), and ``alpha`` if ``keep``.

    Batches ``begin`` to ``end``, every ``step``-th block of queries from ``first`` on. q, k, v, alpha, lse, context
    are flat; q, k, v with room for a vector behind them.
    """
    width = (addresses.shape[1] - 1) * lanes
    panel = min(width, (S + lanes - 1) // lanes * lanes)  # one narrow panel packs few sources quicker
    lowest, zero, one = q.dtype.type(-np.inf), q.dtype.type(0), q.dtype.type(1)
    wide = (S if keep else min(S, SOURCES)) + VECTOR - 1
    wide -= wide % VECTOR
    k_T = np.empty(((S + panel - 1) // panel, E, panel), q.dtype)
    k_panels = k_T.reshape(-1)
    high = block_height(Q)
    scratch = np.zeros(QUERIES * wide, q.dtype)
    most, sums = np.empty(QUERIES, q.dtype), np.empty(QUERIES, q.dtype)
    for b in range(begin, end):
        pack_rows_into(addresses, k_T, 0, k, b * S * E, 1, E, E, S)
        for j in range(k_panels.size):
            k_panels[j] *= scale
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
                    addresses, lanes, q, (b * Q + top) * E, E, 1, k_panels, near * E, E * panel, panel,
                    scratch, 0, wide, n, w, E, False,
                )  # fmt: skip
                for r in range(n):
                    c = min(w, max(0, top + r + 1 - near)) if causal else w
                    x = scratch[r * wide : (r + 1) * wide]
                    sees = mask[min(b, mask.shape[0] - 1), min(top + r, mask.shape[1] - 1)][near if masked else 0 :]
                    new = exponentials_into(x, c, w, masked, sees, most[r])
                    if near > 0 and new != most[r]:
                        fade = exp(most[r] - new)
                        sums[r] *= fade
                        row = context[(b * Q + top + r) * F : (b * Q + top + r + 1) * F]
                        for f in range(F):
                            row[f] *= fade
                    sums[r] += total(x, w)
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
                    for j in range(seen):
                        x[j] = e[j] * share
                    for j in range(seen, S):
                        x[j] = zero


@kernel
def backward_into(
    addresses, lanes, dcontext, q, k, v, B, Q, S, E, F, mask, masked, causal, scale, kept, alpha, lse, context,
    given, dalpha, more_mean, dq, dk, dv, begin, end, first, step,
):  # fmt: skip
    """Fill ``dq``, add to ``dk`` and ``dv``; alpha is read if ``kept``, else computed again from ``lse``.

    The mean of dalpha, weighted by alpha, is dcontext * context summed over F, and ``more_mean`` if dalpha is
    ``given``.
    """
    width = (addresses.shape[1] - 1) * lanes
    panel = min(width, (S + lanes - 1) // lanes * lanes)  # one narrow panel packs few sources quicker
    lowest, zero = q.dtype.type(-np.inf), q.dtype.type(0)
    wide = min(S, SOURCES) + VECTOR - 1
    wide -= wide % VECTOR
    k_T = np.empty((0 if kept else (S + panel - 1) // panel, E, panel), q.dtype)
    v_T = np.empty(((S + panel - 1) // panel, F, panel), q.dtype)
    k_panels, v_panels = k_T.reshape(-1), v_T.reshape(-1)
    high = block_height(Q)
    scratch, ds = np.zeros(0 if kept else QUERIES * wide, q.dtype), np.zeros(QUERIES * wide, q.dtype)
    p_all, p_row = (alpha, S) if kept else (scratch, wide)
    for b in range(begin, end):
        pack_rows_into(addresses, v_T, 0, v, b * S * F, 1, F, F, S)
        if not kept:
            pack_rows_into(addresses, k_T, 0, k, b * S * E, 1, E, E, S)
            for j in range(k_panels.size):
                k_panels[j] *= scale
        for top in range(first * high, Q, step * high):
            n = min(high, Q - top)
            seen = min(S, top + n) if causal else S
            q_at, c_at = (b * Q + top) * E, (b * Q + top) * F
            for near in range(0, seen, SOURCES):
                w = min(SOURCES, seen - near)
                product_at_into(
                    addresses, lanes, dcontext, c_at, F, 1, v_panels, near * F, F * panel, panel,
                    ds, 0, wide, n, w, F, False,
                )  # fmt: skip
                if not kept:
                    product_at_into(
                        addresses, lanes, q, q_at, E, 1, k_panels, near * E, E * panel, panel,
                        scratch, 0, wide, n, w, E, False,
                    )  # fmt: skip
                p_at = (b * Q + top) * S + near if kept else 0
                for r in range(n):
                    i = b * Q + top + r
                    c = min(w, max(0, top + r + 1 - near)) if causal else w
                    p, d = p_all[p_at + r * p_row : p_at + (r + 1) * p_row], ds[r * wide : (r + 1) * wide]
                    sees = mask[min(b, mask.shape[0] - 1), min(top + r, mask.shape[1] - 1)][near if masked else 0 :]
                    if not kept:
                        low, whole = lse[i], (c + VECTOR - 1) // VECTOR * VECTOR
                        if masked:
                            for j in range(c):
                                p[j] = p[j] if sees[j] else lowest
                        for j in range(c, max(w, whole)):
                            p[j] = lowest
                        for j in range(whole):
                            p[j] = exp(p[j] - low)
                        for j in range(whole, w):
                            p[j] = zero
                    if given:
                        more = dalpha[i * S + near : i * S + near + w]
                        for j in range(c):
                            d[j] += more[j]
                    mean = inner(dcontext[i * F : (i + 1) * F], context[i * F : (i + 1) * F], F)
                    if given:
                        mean += more_mean[i]
                    for j in range(c):
                        d[j] = dscore(p[j], d[j], mean) * scale
                    if masked:
                        for j in range(c):
                            d[j] = d[j] if sees[j] else zero
                    for j in range(c, w):
                        d[j] = zero
                product_at_into(
                    addresses, lanes, p_all, p_at, 1, p_row, dcontext, c_at, width, F,
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
