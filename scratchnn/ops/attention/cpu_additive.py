"""The kernels of additive attention: the hidden layer (B, Q, S, A) is never stored, one row of A numbers is.

tanh of a sum takes an exp of each part only once, however many pairs the part is in:

    tanh(x + y) = 1 - 2 r      r = 1 / (1 + exp(2 x) exp(2 y))      slope: 1 - tanh(x + y)**2 = 4 (r - r**2)

so a unit of a pair costs a product, a sum and a quotient. The kernels sum r; 1, 2 and 4 are multiplied into the sums.
exp(2 x) exp(2 y) must not overflow, and 1 - 2 r is right to an absolute rounding: a sequence with an x or y beyond
``MOST``, with NaN, or with none above ``LEAST`` is ``hard`` and left to cpu_additive_tanh.py.
"""

import numpy as np

from scratchnn import jit
from scratchnn.jit import apart, kernel, once, part, wide_vectors
from scratchnn.ops.matmul.called import pack_rows_into, product_at_into
from scratchnn.ops.softmax.formula import VECTOR, exp, inner, total

from .cpu_dot import dscores_into, exponentials_into, only_seen
from .formula import share

LEAST, MOST = 0.0625, 20.0
NEAR = 24  # sources at a time: their rows, and those of their gradients, stay in the first-level cache


@part
def exp_double_into(x, out):
    """Fill ``out`` with exp(2 x) if no x is beyond ``MOST`` or NaN; tell that, and whether one is above ``LEAST``."""
    wide_vectors()
    once()
    two, least, most = x.dtype.type(2), x.dtype.type(LEAST), x.dtype.type(MOST)
    beyond, above = False, False
    for row in range(x.shape[0]):
        given = x[row]
        for a in range(given.size):
            beyond |= not abs(given[a]) <= most
            above |= abs(given[a]) > least
    if not beyond:
        for row in range(x.shape[0]):
            given, filled = x[row], out[row]
            for a in range(given.size):
                filled[a] = exp(two * given[a])
    return beyond, above


@part
def hard_for(a_q, a_k, e_q, e_k):
    """Fill ``e_q`` and ``e_k`` for one sequence, unless it is hard; tell that."""
    q_beyond, q_above = exp_double_into(a_q, e_q)
    k_beyond, k_above = exp_double_into(a_k, e_k)
    return q_beyond or k_beyond or not (q_above or k_above)


def inner_share(v_a, e_q, e_k, n):
    """Give the sum of the first ``n`` products of v_a and r, in any order."""
    wide_vectors()
    sum_ = v_a.dtype.type(0)
    for a in range(n):
        sum_ += v_a[a] * share(e_q[a], e_k[a])
    return sum_


inner_share = part(inner_share, fastmath={"reassoc", "contract"})


@part
def undo_shares_into(e_q, e_k, s, dq_row, dk_row, sums, n):
    """Add what a pair with gradient ``s`` of its score gives: s r to ``sums``, s (r - r**2) to the other two."""
    apart()
    wide_vectors()
    for a in range(n):
        r = share(e_q[a], e_k[a])
        sums[a] += s * r
        da = s * (r - r * r)
        dq_row[a] += da
        dk_row[a] += da


@part
def undo_pairs_into(e_q, e_k, ds, causal, dq_rows, dk_rows, sums):
    """Undo all pairs of a sequence."""
    once()
    Q, A = e_q.shape
    S = e_k.shape[0]
    for near in range(0, S, NEAR):
        for i in range(Q):
            for j in range(near, min(S, near + NEAR, i + 1) if causal else min(S, near + NEAR)):
                undo_shares_into(e_q[i], e_k[j], ds[i, j], dq_rows[i], dk_rows[j], sums, A)


@part
def sums_into(e_q, e_k, v_a, e, c):
    """Fill ``e`` with the sum over the units of v_a r for one query and ``c`` sources."""
    once()
    for j in range(c):
        e[j] = inner_share(v_a, e_q, e_k[j], v_a.size)


@part
def alpha_into(e_q, e_k, v_a, sum_v, scale, masked, mask, c, x):
    """Fill ``x`` with alpha for the query with row ``e_q``, which sees at most ``c`` sources; its length is whole."""
    wide_vectors()
    once()
    zero, one, two, lowest = x.dtype.type(0), x.dtype.type(1), x.dtype.type(2), x.dtype.type(-np.inf)
    sums_into(e_q, e_k, v_a, x, c)
    for j in range(x.size):
        x[j] = sum_v - two * x[j]
    exponentials_into(x, c, scale, masked, mask, lowest)
    sum_ = total(x, x.size)
    portion = one / sum_ if sum_ != zero else one
    for j in range(x.size):
        x[j] *= portion


@part
def clear(rows):
    """Fill rows with 0."""
    for row in rows:
        for k in range(row.size):
            row[k] = 0


@part
def scaled_into(sums, slope, v_a, filled):
    """Fill the rows of ``filled`` with slope * v_a * sums."""
    wide_vectors()
    for row in range(filled.shape[0]):
        given, made = sums[row], filled[row]
        for a in range(v_a.size):
            made[a] = slope * v_a[a] * given[a]


def forward_buffers(Q, S, A, dtype):
    """Make what ``forward_into`` works in, for one thread."""
    return jit.buffers(dtype, (Q, A), (S, A), (Q, -(-S // VECTOR) * VECTOR))


def backward_buffers(Q, S, A, F, width, dtype):
    """Make what ``backward_into`` works in, for one thread."""
    wide = -(-S // VECTOR) * VECTOR
    pairs, panels = (Q, wide), (-(-S // width), F, width)
    return jit.buffers(dtype, (Q, A), (S, A), pairs, pairs, panels, (Q, A), (S, A), (A,))


@kernel
def forward_into(
    addresses, lanes, a_q, a_k, v_a, v, F, mask, masked, causal, scale, keep, alpha, context, hard,
    e_q, e_k, x, begin, end,
):  # fmt: skip
    """Fill ``context`` and, if ``keep``, ``alpha`` for batches ``begin`` to ``end``, and ``hard`` for those left out.

    v, alpha, context are flat. The last three arrays are buffers, see ``forward_buffers``.
    """
    wide_vectors()
    Q, S, wide = a_q.shape[1], a_k.shape[1], x.shape[1]
    width, sum_v = (addresses.shape[1] - 1) * lanes, total(v_a, v_a.size)
    for b in range(begin, end):
        hard[b] = hard_for(a_q[b], a_k[b], e_q, e_k)
        if hard[b]:
            continue
        for i in range(Q):
            sees = mask[min(b, mask.shape[0] - 1), min(i, mask.shape[1] - 1)]
            alpha_into(e_q[i], e_k, v_a, sum_v, scale, masked, sees, min(S, i + 1) if causal else S, x[i])
        product_at_into(
            addresses, lanes, x, 0, wide, 1, v, b * S * F, width, F, context, b * Q * F, F, Q, F, S, False,
        )  # fmt: skip
        if keep:
            for i in range(Q):
                kept, row = alpha[(b * Q + i) * S : (b * Q + i + 1) * S], x[i]
                for j in range(S):
                    kept[j] = row[j]


@kernel
def backward_into(
    addresses, lanes, dcontext, a_q, a_k, v_a, v, F, mask, masked, causal, scale, kept, alpha, given, dalpha,
    da_q, da_k, dv, dv_a, hard, e_q, e_k, p_all, ds, v_T, dq_rows, dk_rows, sums, begin, end,
):  # fmt: skip
    """Fill ``da_q``, ``da_k``, ``dv`` for batches ``begin`` to ``end``; add to ``dv_a``; fill ``hard``.

    The arrays from ``e_q`` on are buffers, see ``backward_buffers``.
    """
    wide_vectors()
    Q, A, S, wide = a_q.shape[1], v_a.size, a_k.shape[1], ds.shape[1]
    width, sum_v = (addresses.shape[1] - 1) * lanes, total(v_a, A)
    zero, two, four = v.dtype.type(0), v.dtype.type(2), v.dtype.type(4)
    for b in range(begin, end):
        hard[b] = hard_for(a_q[b], a_k[b], e_q, e_k)
        if hard[b]:
            continue
        pack_rows_into(addresses, v_T, 0, v, b * S * F, 1, F, F, S)
        product_at_into(
            addresses, lanes, dcontext, b * Q * F, F, 1, v_T, 0, F * width, width,
            ds, 0, wide, Q, S, F, False,
        )  # fmt: skip
        sum_s = zero
        for i in range(Q):
            c, at = min(S, i + 1) if causal else S, (b * Q + i) * S
            sees = mask[min(b, mask.shape[0] - 1), min(i, mask.shape[1] - 1)]
            p, d = p_all[i], ds[i]
            if kept:
                held = alpha[at : at + S]
                for j in range(S):
                    p[j] = held[j]
            else:
                alpha_into(e_q[i], e_k, v_a, sum_v, scale, masked, sees, c, p)
            if given:
                more = dalpha[at : at + c]
                for j in range(c):
                    d[j] += more[j]
            only_seen(d, c, masked, sees)
            dscores_into(d, p, c, inner(d, p, wide), scale, masked, sees)
            sum_s += total(d, wide)
        clear(dq_rows)
        clear(dk_rows)
        for a in range(A):
            sums[a] = zero
        undo_pairs_into(e_q, e_k, ds, causal, dq_rows, dk_rows, sums)
        scaled_into(dq_rows, four, v_a, da_q[b])
        scaled_into(dk_rows, four, v_a, da_k[b])
        for a in range(A):
            dv_a[a] += sum_s - two * sums[a]
        product_at_into(
            addresses, lanes, p_all, 0, 1, wide, dcontext, b * Q * F, width, F,
            dv, b * S * F, F, S, F, Q, False,
        )  # fmt: skip
