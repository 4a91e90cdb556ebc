"""Additive attention with the tanh of every pair: for the rare sequence that cpu_additive.py cannot take.

Compiled when the first such sequence comes. The hidden layer (B, Q, S, A) is never stored, one row of A numbers is.
"""

import numpy as np

from scratchnn.jit import kernel, part, wide_vectors
from scratchnn.ops.matmul.called import pack_rows_into, product_at_into
from scratchnn.ops.softmax.formula import VECTOR, inner

from .cpu_dot import distances
from .cpu_rows import exponentials_into, undo_softmax_into
from .formula import dunit, hidden_unit


@part
def alpha_into(codes, a_q, a_k, v_a, own, mask, mask_at, c, hidden, e, some, alpha):
    """Fill one row of alpha for the query with hidden part ``a_q``, which sees at most ``c`` sources; e: a buffer."""
    wide_vectors()
    A, S = a_q.size, alpha.size
    for j in range(c):
        k_row = a_k[j]
        for a in range(A):
            hidden[a] = hidden_unit(a_q[a], k_row[a])
        e[j] = inner(hidden, v_a, A)
    exponentials_into(codes, 1, S, e, 0, 0, c, 0, own, mask, mask_at, 0, some, some[1:], some, 1, 1)
    for j in range(S):
        alpha[j] = e[j]


@part
def buffers(A, S, scale, like):
    """Make what both kernels work in: a hidden layer, a row of scores, two numbers, the scale in an array."""
    own = np.empty(1, like.dtype)
    own[0] = scale[0] * like.dtype.type(-0.5)
    return (
        np.empty(A, like.dtype),
        np.zeros((S + VECTOR - 1) // VECTOR * VECTOR, like.dtype),
        np.zeros(2, like.dtype),
        own,
    )


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


@kernel
def forward_into(
    addresses, lanes, a_q, a_k, v_a, v, F, codes, mask, causal, scale, keep, alpha, context, begin, end
):  # fmt: skip
    """Fill ``context`` and, if ``keep``, ``alpha`` for batches ``begin`` to ``end``; v, alpha, context are flat."""
    Q, A, S = a_q.shape[1], v_a.size, a_k.shape[1]
    width = (addresses.shape[1] - 1) * lanes
    wide_vectors()
    mask_item, mask_row = distances(mask)
    hidden, e, some, own = buffers(A, S, scale, v)
    scratch = np.empty(0 if keep else Q * S, v.dtype)
    x_all = alpha if keep else scratch
    for b in range(begin, end):
        x_at = b * Q * S if keep else 0
        for i in range(Q):
            sees = b * mask_item + i * mask_row
            row, c = x_all[x_at + i * S : x_at + (i + 1) * S], min(S, i + 1) if causal else S
            alpha_into(codes, a_q[b, i], a_k[b], v_a, own, mask, sees, c, hidden, e, some, row)
        product_at_into(
            addresses, lanes, x_all, x_at, S, 1, v, b * S * F, width, F,
            context, b * Q * F, F, Q, F, S, False,
        )  # fmt: skip


@kernel
def backward_into(
    addresses, lanes, dcontext, a_q, a_k, v_a, v, F, codes, mask, causal, scale, kept, alpha, given, dalpha,
    da_q, da_k, dv, dv_a, begin, end,
):  # fmt: skip
    """Fill ``da_q``, ``da_k``, ``dv`` for batches ``begin`` to ``end``; add to ``dv_a``."""
    Q, A, S = a_q.shape[1], v_a.size, a_k.shape[1]
    width = (addresses.shape[1] - 1) * lanes
    wide_vectors()
    zero = v.dtype.type(0)
    mask_item, mask_row = distances(mask)
    hidden, e, some, own = buffers(A, S, scale, v)
    v_T = np.empty(((S + width - 1) // width, F, width), v.dtype)
    v_panels = v_T.reshape(-1)
    scratch, ds = np.empty(0 if kept else Q * S, v.dtype), np.empty(Q * S, v.dtype)
    p_all = alpha if kept else scratch
    for b in range(begin, end):
        p_at = b * Q * S if kept else 0
        pack_rows_into(addresses, v_T, 0, v, b * S * F, 1, F, F, S)
        product_at_into(
            addresses, lanes, dcontext, b * Q * F, F, 1, v_panels, 0, F * width, width,
            ds, 0, S, Q, S, F, False,
        )  # fmt: skip
        dk_all = da_k[b]
        for j in range(S):
            dk_row = dk_all[j]
            for a in range(A):
                dk_row[a] = zero
        for i in range(Q):
            c = min(S, i + 1) if causal else S
            sees = b * mask_item + i * mask_row
            p, d = p_all[p_at + i * S : p_at + (i + 1) * S], ds[i * S : (i + 1) * S]
            q_row, dq_row = a_q[b, i], da_q[b, i]
            if not kept:
                alpha_into(codes, q_row, a_k[b], v_a, own, mask, sees, c, hidden, e, some, p)
            if given:
                more = dalpha[(b * Q + i) * S : (b * Q + i + 1) * S]
                for j in range(S):
                    d[j] += more[j]
            for j in range(S):
                e[j] = d[j]
            undo_softmax_into(
                codes, 1, S, p, 0, 0, e, 0, 0, c, 0, own, mask, sees, 0, some, 0, some, 0, 1
            )  # fmt: skip
            for a in range(A):
                dq_row[a] = zero
            for j in range(c):
                k_row, dk_row, s = a_k[b, j], dk_all[j], e[j]
                for a in range(A):
                    unit = hidden_unit(q_row[a], k_row[a])
                    da = dunit(s, unit)
                    dv_a[a] += s * unit
                    dq_row[a] += da
                    dk_row[a] += da
            for a in range(A):
                dq_row[a] *= v_a[a]
        for j in range(S):
            dk_row = dk_all[j]
            for a in range(A):
                dk_row[a] *= v_a[a]
        product_at_into(
            addresses, lanes, p_all, p_at, 1, S, dcontext, b * Q * F, width, F,
            dv, b * S * F, F, S, F, Q, False,
        )  # fmt: skip
