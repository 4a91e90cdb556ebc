"""The GRU's compiled loops: a range of the batch through all T, forward and back. cpu.py says what each trick buys.

Arrays are flat where a loop may run over several rows at once: h is (T+1, B*H), one step a row.
Numbers in brackets are those of equations.py.
"""

import numpy as np

from scratchnn.jit import kernel, wide_vectors
from scratchnn.ops.activations.formula import tanh
from scratchnn.ops.matmul.called import pack_rows_into, product_at_into


@kernel
def pack_forward_into(addresses, P, W_x, W_h):
    """Stack W_x on W_h in P (panels of r, panels of z, panels of n; D+H, width)."""
    D, H, panels = W_x.shape[0], W_h.shape[0], P.shape[0] // 3
    for k in range(3):
        block = P[k * panels :]
        pack_rows_into(addresses, block, 0, W_x, k * H, 3 * H, 1, D, H)
        pack_rows_into(addresses, block, D, W_h, k * H, 3 * H, 1, H, H)


@kernel
def pack_backward_into(addresses, P, W_x, W_h):
    """Pack W_h.T, rows r z n, and behind it W_x.T, rows n r z, in P (panels of H, panels of D; 3H, width)."""
    D, H, width = W_x.shape[0], W_h.shape[0], P.shape[2]
    behind = P[(H + width - 1) // width :]
    pack_rows_into(addresses, P, 0, W_h, 0, 1, 3 * H, 3 * H, H)
    pack_rows_into(addresses, behind, 0, W_x, 2 * H, 1, 3 * H, H, D)
    pack_rows_into(addresses, behind, H, W_x, 0, 1, 3 * H, 2 * H, D)


@kernel
def forward_into(addresses, lanes, x, mask, masked, W_x, W_h, b, pack, P, together, nodes, h, B, begin, end):
    """Run rows begin..end through all T. ``nodes`` (4T, B*H) gets r z m n, one after the other.

    x is (T*B, D); b holds b_r b_z b_hn b_n, each as often as rows may go into one loop; h[0] is h0; ``together``
    steps have their products with W_x at once.
    """
    wide_vectors()
    T, D, H, R, width = h.shape[0] - 1, W_x.shape[0], W_h.shape[0], P.shape[1], P.shape[2]
    rows, few, panel, block = end - begin, b.shape[1] // H, R * width, P.shape[0] // 3 * R * width
    b_r, b_z, b_hn, b_n = b[0], b[1], b[2], b[3]
    half, one = b.dtype.type(0.5), b.dtype.type(1)
    if pack:
        pack_forward_into(addresses, P, W_x, W_h)
    for t in range(T):
        at = (t * B + begin) * H
        for k in range(3):
            if t % together == 0:  # the input's share of r z n
                product_at_into(
                    addresses, lanes, x, (t * B + begin) * D, D, 1, P, k * block, panel, width,
                    nodes, (k + k // 2) * T * B * H + at, H, rows * min(together, T - t), H, D, False,
                )  # fmt: skip
            product_at_into(  # the state's share of r z, and m
                addresses, lanes, h, at, H, 1, P, k * block + D * width, panel, width,
                nodes, k * T * B * H + at, H, rows, H, H, k < 2,
            )  # fmt: skip
        for row in range(begin, end, few):
            first, last = row * H, min(row + few, end) * H
            r, z = nodes[t, first:last], nodes[T + t, first:last]
            m, n = nodes[2 * T + t, first:last], nodes[3 * T + t, first:last]
            h_prev, h_t = h[t, first:last], h[t + 1, first:last]
            for j in range(last - first):  # (5), sigmoid(a) = 0.5 tanh(0.5 a) + 0.5
                r[j] = half * tanh(half * (r[j] + b_r[j])) + half
            for j in range(last - first):  # (6)
                z[j] = half * tanh(half * (z[j] + b_z[j])) + half
            for j in range(last - first):  # (4)
                m[j] += b_hn[j]
            for j in range(last - first):  # (7)
                n[j] = tanh(n[j] + b_n[j] + r[j] * m[j])
            for j in range(last - first):  # (8)
                h_t[j] = (one - z[j]) * n[j] + z[j] * h_prev[j]
        if masked:
            for row in range(begin, end):
                if not mask[t, row]:
                    h_prev, h_t = h[t, row * H : row * H + H], h[t + 1, row * H : row * H + H]
                    for j in range(H):
                        h_t[j] = h_prev[j]


@kernel
def backward_into(
    addresses, lanes, dh, carry, mask, masked, W_x, W_h, pack, P, x, r, z, m, n, h,
    da, steps, dx, dW_x, dW_h, db, B, begin, end,
):  # fmt: skip
    """Undo rows begin..end. ``da`` (.., 4H + lanes) gets da_n da_r da_z dm: the first three for x, the last for h.

    It is kept for ``steps`` steps of all rows and used up; 0: it is kept for all T, and dx and dW are left to others.
    Zero at first: carry (1, B*H), which ends as dh0, and db (4H,), the sum of da.
    """
    wide_vectors()
    T, D, H, N, width = r.shape[0], W_x.shape[0], W_h.shape[0], da.shape[1], P.shape[2]
    keep, panel = steps == 0, 3 * H * width
    one = r.dtype.type(1)
    if pack:
        pack_backward_into(addresses, P, W_x, W_h)
    dh_all = np.empty((end - begin, H), r.dtype)
    began = False
    high = T
    while high > 0:
        low = 0 if keep else max(0, high - steps)
        for t in range(high - 1, low - 1, -1):
            at = (t - low) * B
            for row in range(begin, end):
                first, last = row * H, row * H + H
                dh_t, dh_out, dh_next = dh_all[row - begin], dh[t, first:last], carry[0, first:last]
                for j in range(H):  # (9)
                    dh_t[j] = dh_out[j] + dh_next[j]
                da_t = da[at + row]
                if masked and not mask[t, row]:
                    for j in range(4 * H):
                        da_t[j] = 0
                    continue
                r_t, z_t, m_t, n_t = r[t, first:last], z[t, first:last], m[t, first:last], n[t, first:last]
                h_prev, da_n, da_r = h[t, first:last], da_t[:H], da_t[H : 2 * H]
                da_z, dm = da_t[2 * H : 3 * H], da_t[3 * H : 4 * H]
                for j in range(H):  # (11), (12)
                    da_n[j] = dh_t[j] * (one - z_t[j]) * (one - n_t[j] * n_t[j])
                for j in range(H):  # (14)
                    dm[j] = da_n[j] * r_t[j]
                for j in range(H):  # (13), (15)
                    da_r[j] = da_n[j] * m_t[j] * (r_t[j] * (one - r_t[j]))
                for j in range(H):  # (10), (16)
                    da_z[j] = dh_t[j] * (h_prev[j] - n_t[j]) * (z_t[j] * (one - z_t[j]))
                for j in range(4 * H):  # (22), (23)
                    db[j] += da_t[j]
                for j in range(H):  # (19), the direct way
                    dh_next[j] = dh_t[j] * z_t[j]
            product_at_into(  # (19), through r z m
                addresses, lanes, da, (at + begin) * N + H, N, 1, P, 0, panel, width,
                carry, begin * H, H, end - begin, H, 3 * H, True,
            )  # fmt: skip
            if masked:
                for row in range(begin, end):
                    if not mask[t, row]:
                        dh_t, dh_next = dh_all[row - begin], carry[0, row * H : row * H + H]
                        for j in range(H):
                            dh_next[j] = dh_t[j]
        if not keep:
            depth, x_at = (high - low) * B, low * B * D
            product_at_into(  # (18)
                addresses, lanes, da, 0, N, 1, P, (H + width - 1) // width * panel, panel, width,
                dx, x_at, D, depth, D, 3 * H, False,
            )  # fmt: skip
            for k in range(2):  # (20), r z and then n
                product_at_into(
                    addresses, lanes, x, x_at, 1, D, da, H - k * H, width, N,
                    dW_x, 2 * k * H, 3 * H, D, 2 * H - k * H, depth, began,
                )  # fmt: skip
            product_at_into(  # (21)
                addresses, lanes, h, low * B * H, 1, H, da, H, width, N, dW_h, 0, 3 * H, H, 3 * H, depth, began
            )
        began = True
        high = low
