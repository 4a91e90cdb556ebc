"""The LSTM's compiled loops: a range of the batch through all T and back. cpu.py says what each trick buys."""

import numpy as np

from scratchnn.jit import apart, kernel, scalar, wide_vectors
from scratchnn.ops.activations.formula import sigmoid, sigmoid_slope, tanh, tanh_slope
from scratchnn.ops.matmul.called import pack_rows_into, product_at_into


@scalar
def cell_into(i, f, g, o, b_i, b_f, b_g, b_o, c_prev, c_t, s_t, h_t):
    """Turn a row's products, in i f g o, into its gates and states: equations (2)-(8), b added on the way."""
    apart()
    wide_vectors()
    for j in range(c_t.size):
        i[j] = sigmoid(i[j] + b_i[j])
        f[j] = sigmoid(f[j] + b_f[j])
        g[j] = tanh(g[j] + b_g[j])
        o[j] = sigmoid(o[j] + b_o[j])
        c_t[j] = f[j] * c_prev[j] + i[j] * g[j]
        s_t[j] = tanh(c_t[j])
        h_t[j] = o[j] * s_t[j]


@scalar
def cell_backward_into(i, f, g, o, s_t, c_prev, dh_t, dc, da_i, da_f, da_g, da_o):
    """Undo ``cell_into`` for a row: equations (10)-(21); dc holds dc_next and becomes dc_prev."""
    apart()
    wide_vectors()
    for j in range(dc.size):
        dc_t = dc[j] + dh_t[j] * o[j] * tanh_slope(s_t[j])
        da_i[j] = dc_t * g[j] * sigmoid_slope(i[j])
        da_f[j] = dc_t * c_prev[j] * sigmoid_slope(f[j])
        da_g[j] = dc_t * i[j] * tanh_slope(g[j])
        da_o[j] = dh_t[j] * s_t[j] * sigmoid_slope(o[j])
        dc[j] = dc_t * f[j]


@kernel
def pack_forward_into(addresses, P, W_x, W_h):
    """Stack W_x on W_h in panels P (panels of 4H columns, D+H, width)."""
    (D, N), H = W_x.shape, W_h.shape[0]
    pack_rows_into(addresses, P, 0, W_x, 0, N, 1, D, N)
    pack_rows_into(addresses, P, D, W_h, 0, N, 1, H, N)


@kernel
def pack_backward_into(addresses, P, W_x, W_h):
    """Pack W_h.T, and behind it W_x.T, in panels P (panels of H columns + panels of D columns, 4H, width)."""
    (D, N), H, width = W_x.shape, W_h.shape[0], P.shape[2]
    pack_rows_into(addresses, P, 0, W_h, 0, 1, N, N, H)
    pack_rows_into(addresses, P[(H + width - 1) // width :], 0, W_x, 0, 1, N, N, D)


@kernel
def forward_into(
    addresses, lanes, x, h0, c0, mask, masked, W_x, W_h, b, pack, P, together, xh, gates, s, c, begin, end
):
    """Run rows begin..end. ``xh`` (T+1, B, D+H+1) takes x, h and a 1 side by side, ``gates`` takes i f g o.

    ``together`` steps have their products with W_x at once; 1: and those with W_h in the same product; 0: they are
    in ``gates`` and x is in ``xh``.
    """
    wide_vectors()
    T, B, D = x.shape
    H = h0.shape[1]
    width, R, N, n, one = P.shape[2], D + H + 1, 4 * H, end - begin, b.dtype.type(1)
    if pack:
        pack_forward_into(addresses, P, W_x, W_h)
    b_i, b_f, b_g, b_o = b[:H], b[H : 2 * H], b[2 * H : 3 * H], b[3 * H :]
    for row in range(begin, end):
        first, given, c_0, c_given = xh[0, row, D : D + H], h0[row], c[0, row], c0[row]
        for j in range(H):
            first[j] = given[j]
        for j in range(H):
            c_0[j] = c_given[j]
    if together > 0:  # x, 0 at padding, and the 1 behind h
        for t in range(T + 1):
            for row in range(begin, end):
                place = xh[t, row]
                place[D + H] = one
                if t < T and not (masked and not mask[t, row]):
                    given = x[t, row]
                    for j in range(D):
                        place[j] = given[j]
                else:
                    for j in range(D):
                        place[j] = 0
    start = 0 if together == 1 else D
    for t in range(T):
        at = t * B + begin
        if together > 1 and t % together == 0:
            rows = n * min(together, T - t)
            product_at_into(
                addresses, lanes, xh, at * R, R, 1, P, 0, (D + H) * width, width, gates, at * N, N, rows, N, D, False
            )
        product_at_into(
            addresses, lanes, xh, at * R + start, R, 1, P, start * width, (D + H) * width, width,
            gates, at * N, N, n, N, D + H - start, start > 0,
        )  # fmt: skip
        for row in range(begin, end):
            z = gates[t, row]
            c_prev, c_t, h_t = c[t, row], c[t + 1, row], xh[t + 1, row, D : D + H]
            cell_into(
                z[:H], z[H : 2 * H], z[2 * H : 3 * H], z[3 * H :], b_i, b_f, b_g, b_o, c_prev, c_t, s[t, row], h_t
            )
            if masked and not mask[t, row]:
                h_prev = xh[t, row, D : D + H]
                for j in range(H):
                    c_t[j] = c_prev[j]
                for j in range(H):
                    h_t[j] = h_prev[j]


@kernel
def backward_into(
    addresses, lanes, dh, mask, masked, W_x, W_h, pack, P, xh, gates, s, c, dx, dh0, dc0,
    da, steps, dW, begin, end,
):  # fmt: skip
    """Undo rows begin..end; dW (D+H+1, 4H) takes these rows' share of dW_x, dW_h and db, one below the other.

    dc0 holds the gradient of the final c and ends as that of the first. ``da`` is kept for ``steps``
    steps and used up; 0: it is kept for all T (T*B, 4H), and dx and dW are left to others.
    """
    wide_vectors()
    T, B, H = s.shape
    D = dx.shape[2]
    width, R, N, n = P.shape[2], D + H + 1, 4 * H, end - begin
    keep, N_row = steps == 0, da.shape[1]
    for_x = (H + width - 1) // width * width * N  # where W_x.T begins in P
    if pack:
        pack_backward_into(addresses, P, W_x, W_h)
    rows = np.empty((steps * n if n < B else 0, R), s.dtype)
    dh_next = np.empty((n, H), s.dtype)
    for row in range(n):
        carried = dh_next[row]
        for j in range(H):
            carried[j] = 0
    began = False
    high = T
    while high > 0:
        low = 0 if keep else max(0, high - steps)
        for t in range(high - 1, low - 1, -1):
            at = t * B + begin if keep else (t - low) * n
            for row in range(begin, end):
                dh_t, dh_out, carried, dc = dh0[row], dh[t, row], dh_next[row - begin], dc0[row]
                for j in range(H):
                    dh_t[j] = dh_out[j] + carried[j]
                da_t = da[at + row - begin]
                if masked and not mask[t, row]:
                    for j in range(N):
                        da_t[j] = 0
                    continue
                z = gates[t, row]
                cell_backward_into(
                    z[:H], z[H : 2 * H], z[2 * H : 3 * H], z[3 * H :], s[t, row], c[t, row], dh_t, dc,
                    da_t[:H], da_t[H : 2 * H], da_t[2 * H : 3 * H], da_t[3 * H : 4 * H],
                )  # fmt: skip
            product_at_into(
                addresses, lanes, da, at * N_row, N_row, 1, P, 0, N * width, width, dh_next, 0, H, n, H, N, False
            )
            if masked:
                for row in range(begin, end):
                    if not mask[t, row]:
                        dh_t, carried = dh0[row], dh_next[row - begin]
                        for j in range(H):
                            carried[j] = dh_t[j]
        depth = (high - low) * n
        if keep:
            pass
        elif n == B:
            product_at_into(
                addresses, lanes, da, 0, N_row, 1, P, for_x, N * width, width,
                dx, low * B * D, D, depth, D, N, False,
            )  # fmt: skip
            product_at_into(
                addresses, lanes, xh, low * B * R, 1, R, da, 0, width, N_row, dW, 0, N, R, N, depth, began
            )
        else:
            for t in range(low, high):
                product_at_into(
                    addresses, lanes, da, (t - low) * n * N_row, N_row, 1, P, for_x, N * width, width,
                    dx, (t * B + begin) * D, D, n, D, N, False,
                )  # fmt: skip
                for row in range(begin, end):
                    source, target = xh[t, row], rows[(t - low) * n + row - begin]
                    for j in range(R):
                        target[j] = source[j]
            product_at_into(addresses, lanes, rows, 0, 1, R, da, 0, width, N_row, dW, 0, N, R, N, depth, began)
        began = True
        high = low
    for row in range(begin, end):
        dh_t, carried = dh0[row], dh_next[row - begin]
        for j in range(H):
            dh_t[j] = carried[j]
