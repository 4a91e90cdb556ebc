"""The RNN's compiled loops: a range of the batch through all T, forward and back. cpu.py says what each trick buys.

Arrays are flat, so that a loop may run over several rows at once: h is (T+1, B*H), one step a row.
``kind`` is the nonlinearity's place in reference.NONLINEARITIES: 0 tanh, 1 relu, 2 identity.
Numbers in brackets are those of equations.py.
"""

import numpy as np

from scratchnn.jit import kernel, wide_vectors
from scratchnn.ops.activations.formula import tanh
from scratchnn.ops.matmul.called import pack_rows_into, product_at_into


@kernel
def pack_forward_into(addresses, P, W_x, W_h):
    """Stack W_x on W_h in P (panels of H, D+H, width)."""
    D, H = W_x.shape
    pack_rows_into(addresses, P, 0, W_x, 0, H, 1, D, H)
    pack_rows_into(addresses, P, D, W_h, 0, H, 1, H, H)


@kernel
def pack_backward_into(addresses, P, W_x, W_h):
    """Pack W_h.T, and behind it W_x.T, in P (panels of H, panels of D; H, width)."""
    (D, H), width = W_x.shape, P.shape[2]
    pack_rows_into(addresses, P, 0, W_h, 0, 1, H, H, H)
    pack_rows_into(addresses, P[(H + width - 1) // width :], 0, W_x, 0, 1, H, H, D)


@kernel
def forward_into(addresses, lanes, x, mask, masked, W_x, W_h, b, kind, pack, P, together, h, B, begin, end):
    """Run rows begin..end through all T.

    x is (T*B, D); b holds the bias as often as rows may go into one loop; h[0] is h0; ``together`` steps have their
    products with W_x at once.
    """
    wide_vectors()
    T, (D, H), width = h.shape[0] - 1, W_x.shape, P.shape[2]
    rows, few, panel, zero = end - begin, b.shape[0] // H, (D + H) * width, b.dtype.type(0)
    if pack:
        pack_forward_into(addresses, P, W_x, W_h)
    for t in range(T):
        at = (t * B + begin) * H
        if t % together == 0:
            product_at_into(
                addresses, lanes, x, (t * B + begin) * D, D, 1, P, 0, panel, width,
                h, at + B * H, H, rows * min(together, T - t), H, D, False,
            )  # fmt: skip
        product_at_into(addresses, lanes, h, at, H, 1, P, D * width, panel, width, h, at + B * H, H, rows, H, H, True)
        for row in range(begin, end, few):
            first, last = row * H, min(row + few, end) * H
            h_t = h[t + 1, first:last]
            for j in range(last - first):  # (1)
                h_t[j] += b[j]
            if kind == 0:
                for j in range(last - first):  # (2)
                    h_t[j] = tanh(h_t[j])
            elif kind == 1:
                for j in range(last - first):  # (3)
                    h_t[j] = zero if h_t[j] <= zero else h_t[j]
        if masked:
            for row in range(begin, end):
                if not mask[t, row]:
                    h_prev, h_t = h[t, row * H : row * H + H], h[t + 1, row * H : row * H + H]
                    for j in range(H):
                        h_t[j] = h_prev[j]


@kernel
def backward_into(
    addresses,
    lanes,
    dh,
    carry,
    mask,
    masked,
    W_x,
    W_h,
    kind,
    pack,
    P,
    x,
    h,
    da,
    steps,
    dx,
    dW_x,
    dW_h,
    db,
    B,
    begin,
    end,
):
    """Undo rows begin..end. ``da`` is flat and has a vector of room behind its last row.

    It is kept for ``steps`` steps of all rows and used up; 0: it is kept for all T, and dx and dW are left to others.
    Zero at first: carry (1, B*H), which ends as dh0, and db, which gets the sum of da, one for each row of a loop.
    """
    wide_vectors()
    T, (D, H), width = dh.shape[0], W_x.shape, P.shape[2]
    keep, panel, few = steps == 0, H * width, db.shape[0] // H
    zero, one = h.dtype.type(0), h.dtype.type(1)
    if pack:
        pack_backward_into(addresses, P, W_x, W_h)
    kept = np.empty((end - begin if masked else 0, H), h.dtype)
    began = False
    high = T
    while high > 0:
        low = 0 if keep else max(0, high - steps)
        for t in range(high - 1, low - 1, -1):
            at = (t - low) * B * H
            for row in range(begin, end, few):
                first, last = row * H, min(row + few, end) * H
                dh_out, dh_next, h_t = dh[t, first:last], carry[0, first:last], h[t + 1, first:last]
                da_t = da[at + first : at + last]
                for j in range(last - first):  # (5)
                    dh_next[j] += dh_out[j]
                if kind == 0:
                    for j in range(last - first):  # (6)
                        da_t[j] = dh_next[j] * (one - h_t[j] * h_t[j])
                elif kind == 1:
                    for j in range(last - first):  # (7)
                        da_t[j] = dh_next[j] * (one if h_t[j] > zero else zero)
                else:
                    for j in range(last - first):  # (8)
                        da_t[j] = dh_next[j]
                if masked:
                    for held in range(row, min(row + few, end)):
                        if not mask[t, held]:
                            dh_t, kept_row = carry[0, held * H : held * H + H], kept[held - begin]
                            for j in range(H):
                                kept_row[j] = dh_t[j]
                            for j in range(held * H - first, held * H - first + H):
                                da_t[j] = 0
                for j in range(last - first):  # (13)
                    db[j] += da_t[j]
            product_at_into(  # (10)
                addresses, lanes, da, at + begin * H, H, 1, P, 0, panel, width,
                carry, begin * H, H, end - begin, H, H, False,
            )  # fmt: skip
            if masked:
                for row in range(begin, end):
                    if not mask[t, row]:
                        kept_row, dh_t = kept[row - begin], carry[0, row * H : row * H + H]
                        for j in range(H):
                            dh_t[j] = kept_row[j]
        if not keep:
            depth, x_at = (high - low) * B, low * B * D
            product_at_into(  # (9)
                addresses, lanes, da, 0, H, 1, P, (H + width - 1) // width * panel, panel, width,
                dx, x_at, D, depth, D, H, False,
            )  # fmt: skip
            product_at_into(addresses, lanes, x, x_at, 1, D, da, 0, width, H, dW_x, 0, H, D, H, depth, began)  # (11)
            product_at_into(  # (12)
                addresses, lanes, h, low * B * H, 1, H, da, 0, width, H, dW_h, 0, H, H, H, depth, began
            )
        began = True
        high = low
