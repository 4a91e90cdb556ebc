"""The kernels of additive attention: the hidden layer (B, Q, S, A) is never stored, one row of A numbers is.

tanh of a sum takes an exp of each part only once, however many pairs the part is in:

    tanh(x + y) = 1 - 2 r      r = 1 / (1 + exp(2 x) exp(2 y))      slope: 1 - tanh(x + y)**2 = 4 (r - r**2)

so a unit of a pair costs a product, a sum and a quotient. The kernels sum r; 1, 2 and 4 are multiplied into the sums.
exp(2 x) exp(2 y) must not overflow, and 1 - 2 r is right to an absolute rounding: a sequence with an x or y beyond
``MOST``, with NaN, or with none above ``LEAST`` takes the tanh of every pair instead (``by_tanh``).
"""

import numpy as np

from scratchnn.jit import apart, kernel, part, wide_vectors
from scratchnn.ops.matmul.called import pack_rows_into, product_at_into
from scratchnn.ops.softmax.formula import exp, inner, total

from .cpu_dot import dscores_into, exponentials_into, only_seen, whole_vectors
from .formula import dunit, hidden_unit, share

LEAST, MOST = 0.0625, 20.0
LINE = 64  # bytes of a line of the cache: a vector that lies in two of them is read and written twice
NEAR = 24  # sources at a time: their rows, and those of their gradients, stay in the first-level cache


@part
def aligned(size, like):
    """Make room for ``size`` numbers of ``like``'s type, beginning with a line of the cache."""
    flat = np.empty(size + LINE // like.itemsize, like.dtype)
    skip = -flat.ctypes.data % LINE // like.itemsize
    return flat[skip : skip + size]


@part
def span(x):
    """Tell whether a number of x is beyond ``MOST`` or NaN, and whether one is above ``LEAST``."""
    wide_vectors()
    least, most = x.dtype.type(LEAST), x.dtype.type(MOST)
    beyond, above = False, False
    for row in range(x.shape[0]):
        given = x[row]
        for a in range(given.size):
            beyond |= not abs(given[a]) <= most
            above |= abs(given[a]) > least
    return beyond, above


@part
def exp_double_into(x, out):
    """Fill ``out`` with exp(2 x)."""
    wide_vectors()
    two = x.dtype.type(2)
    for row in range(x.shape[0]):
        given, filled = x[row], out[row]
        for a in range(given.size):
            filled[a] = exp(two * given[a])


def inner_share(v_a, e_q, e_k, n):
    """Give the sum of the first ``n`` products of v_a and r, in any order."""
    wide_vectors()
    sum_ = v_a.dtype.type(0)
    for a in range(n):
        sum_ += v_a[a] * share(e_q[a], e_k[a])
    return sum_


def inner_hidden(v_a, a_q, a_k, n):
    """Give the sum of the first ``n`` products of v_a and the hidden layer, in any order."""
    wide_vectors()
    sum_ = v_a.dtype.type(0)
    for a in range(n):
        sum_ += v_a[a] * hidden_unit(a_q[a], a_k[a])
    return sum_


inner_hidden = part(inner_hidden, fastmath={"reassoc", "contract"})
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
def undo_tanh_into(a_q, a_k, s, dq_row, dk_row, sums, n):
    """Do the same from the hidden layer itself: s hidden, and s (1 - hidden**2)."""
    apart()
    wide_vectors()
    for a in range(n):
        unit = hidden_unit(a_q[a], a_k[a])
        da = dunit(s, unit)
        sums[a] += s * unit
        dq_row[a] += da
        dk_row[a] += da


@part
def undo_all_by_share(e_q, e_k, ds, causal, dq_rows, dk_rows, sums):
    """Undo all pairs of a sequence."""
    Q, A = e_q.shape
    S = e_k.shape[0]
    for near in range(0, S, NEAR):
        for i in range(Q):
            for j in range(near, min(S, near + NEAR, i + 1) if causal else min(S, near + NEAR)):
                undo_shares_into(e_q[i], e_k[j], ds[i, j], dq_rows[i], dk_rows[j], sums, A)


@part
def undo_all_by_tanh(e_q, e_k, ds, causal, dq_rows, dk_rows, sums):
    """Undo all pairs of a sequence."""
    Q, A = e_q.shape
    S = e_k.shape[0]
    for i in range(Q):
        for j in range(min(S, i + 1) if causal else S):
            undo_tanh_into(e_q[i], e_k[j], ds[i, j], dq_rows[i], dk_rows[j], sums, A)


@part
def sums_by_share_into(e_q, e_k, v_a, e, c):
    """Fill ``e`` with the sum over the units of v_a r for one query and ``c`` sources."""
    for j in range(c):
        e[j] = inner_share(v_a, e_q, e_k[j], v_a.size)


@part
def sums_by_tanh_into(a_q, a_k, v_a, e, c):
    """Fill ``e`` with the sum over the units of v_a hidden for one query and ``c`` sources."""
    for j in range(c):
        e[j] = inner_hidden(v_a, a_q, a_k[j], v_a.size)


@part
def alpha_into(by_tanh, a_q, a_k, v_a, sum_v, scale, masked, mask, c, x):
    """Fill ``x`` with alpha for the query with row ``a_q``, which sees at most ``c`` sources; its length is whole.

    ``a_q`` and ``a_k`` hold the hidden layer's parts if ``by_tanh``, else exp(2 parts).
    """
    wide_vectors()
    zero, one, two, lowest = x.dtype.type(0), x.dtype.type(1), x.dtype.type(2), x.dtype.type(-np.inf)
    if by_tanh:
        sums_by_tanh_into(a_q, a_k, v_a, x, c)
    else:
        sums_by_share_into(a_q, a_k, v_a, x, c)
        for j in range(x.size):
            x[j] = sum_v - two * x[j]
    exponentials_into(x, c, scale, masked, mask, 0, lowest)
    sum_ = total(x, x.size)
    part = one / sum_ if sum_ != zero else one
    for j in range(x.size):
        x[j] *= part


@kernel
def scores_into(a_q, a_k, v_a, scale, hidden, scores):
    """Fill ``scores`` before the mask, for whoever asks for them."""
    for b in range(a_q.shape[0]):
        for i in range(a_q.shape[1]):
            q_row, row = a_q[b, i], scores[b, i]
            for j in range(a_k.shape[1]):
                k_row = a_k[b, j]
                for a in range(q_row.size):
                    hidden[a] = hidden_unit(q_row[a], k_row[a])
                row[j] = scale * inner(hidden, v_a, q_row.size)


@part
def parts_into(a_q, a_k, e_q, e_k):
    """Fill ``e_q`` and ``e_k`` for one sequence as ``alpha_into`` wants them; tell whether it is by tanh."""
    q_beyond, q_above = span(a_q)
    k_beyond, k_above = span(a_k)
    if q_beyond or k_beyond or not (q_above or k_above):
        for given, filled in ((a_q, e_q), (a_k, e_k)):
            for row in range(given.shape[0]):
                for a in range(given.shape[1]):
                    filled[row, a] = given[row, a]
        return True
    exp_double_into(a_q, e_q)
    exp_double_into(a_k, e_k)
    return False


@kernel
def forward_into(
    addresses, lanes, a_q, a_k, v_a, v, F, mask, masked, causal, scale, keep, alpha, context, begin, end
):  # fmt: skip
    """Fill ``context`` and, if ``keep``, ``alpha`` for batches ``begin`` to ``end``; v, alpha, context are flat."""
    wide_vectors()
    Q, A, S = a_q.shape[1], v_a.size, a_k.shape[1]
    width, wide = (addresses.shape[1] - 1) * lanes, whole_vectors(S)
    e_q, e_k = aligned(Q * A, v).reshape(Q, A), aligned(S * A, v).reshape(S, A)
    x, sum_v = np.zeros((Q, wide), v.dtype), total(v_a, A)
    for b in range(begin, end):
        by_tanh = parts_into(a_q[b], a_k[b], e_q, e_k)
        for i in range(Q):
            sees = mask[min(b, mask.shape[0] - 1), min(i, mask.shape[1] - 1)]
            alpha_into(by_tanh, e_q[i], e_k, v_a, sum_v, scale, masked, sees, min(S, i + 1) if causal else S, x[i])
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
    da_q, da_k, dv, begin, end,
):  # fmt: skip
    """Fill ``da_q``, ``da_k``, ``dv`` for batches ``begin`` to ``end``; give dv_a, their sum."""
    wide_vectors()
    Q, A, S = a_q.shape[1], v_a.size, a_k.shape[1]
    width, wide = (addresses.shape[1] - 1) * lanes, whole_vectors(S)
    zero, one, two, four = v.dtype.type(0), v.dtype.type(1), v.dtype.type(2), v.dtype.type(4)
    e_q, e_k = aligned(Q * A, v).reshape(Q, A), aligned(S * A, v).reshape(S, A)
    dq_rows, dk_rows = aligned(Q * A, v).reshape(Q, A), aligned(S * A, v).reshape(S, A)
    dv_a, sums, sum_v = np.zeros(A, v.dtype), aligned(A, v), total(v_a, A)
    p_all, ds = np.zeros((Q, wide), v.dtype), np.zeros((Q, wide), v.dtype)
    v_T = np.empty(((S + width - 1) // width, F, width), v.dtype)
    v_panels = v_T.reshape(-1)
    for b in range(begin, end):
        by_tanh = parts_into(a_q[b], a_k[b], e_q, e_k)
        pack_rows_into(addresses, v_T, 0, v, b * S * F, 1, F, F, S)
        product_at_into(
            addresses, lanes, dcontext, b * Q * F, F, 1, v_panels, 0, F * width, width,
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
                alpha_into(by_tanh, e_q[i], e_k, v_a, sum_v, scale, masked, sees, c, p)
            if given:
                more = dalpha[at : at + c]
                for j in range(c):
                    d[j] += more[j]
            only_seen(d, c, masked, sees)
            dscores_into(d, p, c, inner(d, p, wide), scale, masked, sees, 0)
            sum_s += total(d, wide)
        for rows in (dq_rows, dk_rows):
            flat = rows.reshape(-1)
            for k in range(flat.size):
                flat[k] = zero
        for a in range(A):
            sums[a] = zero
        if by_tanh:
            undo_all_by_tanh(e_q, e_k, ds, causal, dq_rows, dk_rows, sums)
        else:
            undo_all_by_share(e_q, e_k, ds, causal, dq_rows, dk_rows, sums)
        slope = one if by_tanh else four
        for done, filled in ((dq_rows, da_q[b]), (dk_rows, da_k[b])):
            for row in range(done.shape[0]):
                sum_row, filled_row = done[row], filled[row]
                for a in range(A):
                    filled_row[a] = slope * v_a[a] * sum_row[a]
        for a in range(A):
            dv_a[a] += sums[a] if by_tanh else sum_s - two * sums[a]
        product_at_into(
            addresses, lanes, p_all, 0, 1, wide, dcontext, b * Q * F, width, F,
            dv, b * S * F, F, S, F, Q, False,
        )  # fmt: skip
    return dv_a
