"""The kernels of additive attention: the hidden layer (B, Q, S, A) is never stored, one row of A numbers is.

tanh of a sum takes an exp of each part only once, however many pairs the part is in:

    tanh(x + y) = 1 - 2 r      r = 1 / (1 + exp(2 x) exp(2 y))      slope: 1 - tanh(x + y)**2 = 4 (r - r**2)

so a unit of a pair costs a product, a sum and a quotient. The kernels sum r; 1, 2 and 4 are multiplied into the sums.
exp(2 x) exp(2 y) must not overflow, and 1 - 2 r is right to an absolute rounding: a sequence with an x or y beyond
``MOST``, with NaN, or with none above ``LEAST`` is ``hard`` and left to cpu_additive_tanh.py.
"""

from scratchnn import jit
from scratchnn.jit import apart, kernel, once, part, wide_vectors
from scratchnn.ops.matmul.called import pack_rows_into, product_at_into
from scratchnn.ops.softmax.formula import VECTOR, total

from .cpu_dot import clear, distances
from .cpu_rows import exp_double_into, exponentials_into, undo_softmax_into
from .formula import share

LEAST, MOST = 0.0625, 20.0
NEAR = 24  # sources at a time: their rows, and those of their gradients, stay in the first-level cache


@part
def hard_for(codes, a_q, a_k, b, e_q, e_k, largest):
    """Fill ``e_q`` and ``e_k`` for sequence b, unless it is hard; tell that."""
    once()
    Q, A = e_q.shape
    S = e_k.shape[0]
    exp_double_into(codes, Q, A, a_q, b * Q * A, A, e_q, 0, A, largest)
    most = largest[0]
    exp_double_into(codes, S, A, a_k, b * S * A, A, e_k, 0, A, largest)
    return not (most <= MOST and largest[0] <= MOST) or not (most > LEAST or largest[0] > LEAST)


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
def alpha_into(codes, e_q, e_k, v_a, scale, mask, mask_at, mask_row, causal, x, row_of_sums):
    """Fill ``x`` with alpha of all queries; ``scale`` is -2 times that of the scores.

    The score of a pair is sum v_a - 2 sum v_a r: what is the same for all sources the softmax does not notice.
    """
    once()
    Q, wide = x.shape
    S = e_k.shape[0]
    for i in range(Q):
        sums_into(e_q[i], e_k, v_a, x[i], min(S, i + 1) if causal else S)
    exponentials_into(
        codes, Q, S, x, 0, wide, 1 if causal else S, int(causal), scale, mask, mask_at, mask_row,
        row_of_sums, row_of_sums[Q:], row_of_sums, 1, 1,
    )  # fmt: skip


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
    return jit.buffers(dtype, (Q, A), (S, A), (Q, -(-S // VECTOR) * VECTOR), (2 * Q,))


def backward_buffers(Q, S, A, F, width, dtype):
    """Make what ``backward_into`` works in, for one thread."""
    wide = -(-S // VECTOR) * VECTOR
    pairs, panels = (Q, wide), (-(-S // width), F, width)
    return jit.buffers(dtype, (Q, A), (S, A), pairs, pairs, (2 * Q,), panels, (Q, A), (S, A), (A,))


@kernel
def forward_into(
    addresses, lanes, a_q, a_k, v_a, v, F, codes, mask, causal, scale, keep, alpha, context, hard,
    e_q, e_k, x, row_of_sums, begin, end,
):  # fmt: skip
    """Fill ``context`` and, if ``keep``, ``alpha`` for batches ``begin`` to ``end``, and ``hard`` for those left out.

    v, alpha, context are flat. The arrays from ``e_q`` on are buffers, see ``forward_buffers``.
    """
    Q, S, wide = a_q.shape[1], a_k.shape[1], x.shape[1]
    width = (addresses.shape[1] - 1) * lanes
    mask_item, mask_row = distances(mask)
    for b in range(begin, end):
        hard[b] = hard_for(codes, a_q, a_k, b, e_q, e_k, row_of_sums)
        if hard[b]:
            continue
        alpha_into(codes, e_q, e_k, v_a, scale, mask, b * mask_item, mask_row, causal, x, row_of_sums)
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
    addresses, lanes, dcontext, a_q, a_k, v_a, v, F, codes, mask, causal, scale, kept, alpha, given, dalpha,
    da_q, da_k, dv, dv_a, hard, e_q, e_k, x, ds, row_of_sums, v_T, dq_rows, dk_rows, sums, begin, end,
):  # fmt: skip
    """Fill ``da_q``, ``da_k``, ``dv`` for batches ``begin`` to ``end``; add to ``dv_a``; fill ``hard``.

    ``scale`` is -2 times that of the scores. The arrays from ``e_q`` on are buffers, see ``backward_buffers``.
    """
    wide_vectors()
    Q, A, S, wide = a_q.shape[1], v_a.size, a_k.shape[1], ds.shape[1]
    width = (addresses.shape[1] - 1) * lanes
    mask_item, mask_row = distances(mask)
    half, minus_two = v.dtype.type(0.5), v.dtype.type(-2)
    for b in range(begin, end):
        hard[b] = hard_for(codes, a_q, a_k, b, e_q, e_k, row_of_sums)
        if hard[b]:
            continue
        pack_rows_into(addresses, v_T, 0, v, b * S * F, 1, F, F, S)
        product_at_into(
            addresses, lanes, dcontext, b * Q * F, F, 1, v_T, 0, F * width, width,
            ds, 0, wide, Q, S, F, False,
        )  # fmt: skip
        if not kept:
            alpha_into(codes, e_q, e_k, v_a, scale, mask, b * mask_item, mask_row, causal, x, row_of_sums)
        if given:
            for i in range(Q):
                more, d = dalpha[(b * Q + i) * S : (b * Q + i + 1) * S], ds[i]
                for j in range(S):
                    d[j] += more[j]
        p, p_at, p_row = (alpha, b * Q * S, S) if kept else (x.reshape(-1), 0, wide)
        undo_softmax_into(
            codes, Q, S, p, p_at, p_row, ds, 0, wide, 1 if causal else S, int(causal), scale,
            mask, b * mask_item, mask_row, row_of_sums, 0, row_of_sums, 0, 1,
        )  # fmt: skip
        sum_s = total(ds.reshape(-1), ds.size)
        clear(dq_rows.reshape(-1))
        clear(dk_rows.reshape(-1))
        clear(sums)
        undo_pairs_into(e_q, e_k, ds, causal, dq_rows, dk_rows, sums)
        scaled_into(dq_rows, minus_two, v_a, da_q[b])
        scaled_into(dk_rows, minus_two, v_a, da_k[b])
        for a in range(A):
            dv_a[a] += sums[a] - half * sum_s
        product_at_into(
            addresses, lanes, p, p_at, 1, p_row, dcontext, b * Q * F, width, F,
            dv, b * S * F, F, S, F, Q, False,
        )  # fmt: skip
