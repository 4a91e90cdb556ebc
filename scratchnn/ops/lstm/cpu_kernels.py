"""The LSTM's compiled loops: a range of the batch through all T and back. cpu.py says what each trick buys.

The cell's arithmetic stands once, in ``cell`` and ``cell_backward``; jit/rows.py makes vector loops of it, which the
kernels call with the places of the arrays and the distances of their rows.
"""

from functools import cache

import numpy as np

from scratchnn.jit import kernel
from scratchnn.jit.rows import added, call_rows, copied, place, row_loop
from scratchnn.ops.activations.formula import sigmoid, sigmoid_slope, tanh, tanh_slope
from scratchnn.ops.matmul.called import one_row_into, pack_rows_into, product_at_into


def cell(z_i, z_f, z_g, z_o, b_i, b_f, b_g, b_o, c_prev):
    """Turn products into gates and states: equations (2)-(8), b added on the way."""
    i, f, g, o = sigmoid(z_i + b_i), sigmoid(z_f + b_f), tanh(z_g + b_g), sigmoid(z_o + b_o)
    c_t = f * c_prev + i * g
    s_t = tanh(c_t)
    return i, f, g, o, c_t, s_t, o * s_t


def cell_backward(dc_next, i, f, g, o, s_t, c_prev, dh_out, dh_next):
    """Undo ``cell``: equations (9)-(21); gives dc_prev and da."""
    dh_t = dh_out + dh_next
    dc_t = dc_next + dh_t * o * tanh_slope(s_t)
    da_i = dc_t * g * sigmoid_slope(i)
    da_f = dc_t * c_prev * sigmoid_slope(f)
    da_g = dc_t * i * tanh_slope(g)
    da_o = dh_t * s_t * sigmoid_slope(o)
    return dc_t * f, da_i, da_f, da_g, da_o


@cache
def loops(size):
    """Compile the loops over rows: cell, cell_backward, copied, added."""
    dtype = f"f{size}"
    made = [
        row_loop(cell, "v" * 16, dtype),
        row_loop(cell_backward, "wvvvvvvvvvvvv", dtype),
        row_loop(copied, "vv", dtype),
        row_loop(added, "vvv", dtype),
    ]
    return np.array(made)


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
    addresses, lanes, loops, x, h0, c0, mask, masked, W_x, W_h, b, pack, P, together, xh, z, gates, s, c, begin, end
):
    """Run rows begin..end. ``xh`` (T+1, B, D+H+1), where 1 is at its place, takes x and h, ``gates`` takes i f g o.

    ``together`` steps have their products with W_x at once; 1: and those with W_h in the same product; 0: they are
    in ``z`` and x is in ``xh``. ``z`` has room for the products of as many steps of these rows; 0: of all.
    """
    T, B, D = x.shape
    H = h0.shape[1]
    cell, copy = loops[0], loops[2]
    width, R, N, n = P.shape[2], D + H + 1, 4 * H, end - begin
    if pack:
        pack_forward_into(addresses, P, W_x, W_h)
    call_rows(copy, n, H, place(h0, begin * H), H, place(xh, begin * R + D), R)
    call_rows(copy, n, H, place(c0, begin * H), H, place(c, begin * H), H)
    start = 0 if together == 1 else D
    for t in range(T):
        at = t * B + begin
        z_at = (t % together * n if together > 0 else at) * N
        if together > 0 and t % together == 0:
            steps = min(together, T - t)
            for k in range(steps):
                call_rows(copy, n, D, place(x, (at + k * B) * D), D, place(xh, (at + k * B) * R), R)
            if together > 1:
                product_at_into(
                    addresses, lanes, xh, at * R, R, 1, P, 0, (D + H) * width, width,
                    z, 0, N, n * steps, N, D, False,
                )  # fmt: skip
        product_at_into(
            addresses, lanes, xh, at * R + start, R, 1, P, start * width, (D + H) * width, width,
            z, z_at, N, n, N, D + H - start, start > 0,
        )  # fmt: skip
        call_rows(
            cell, n, H,
            place(z, z_at), N, place(z, z_at + H), N, place(z, z_at + 2 * H), N, place(z, z_at + 3 * H), N,
            place(b, 0), 0, place(b, H), 0, place(b, 2 * H), 0, place(b, 3 * H), 0, place(c, at * H), H,
            place(gates, at * N), N, place(gates, at * N + H), N,
            place(gates, at * N + 2 * H), N, place(gates, at * N + 3 * H), N,
            place(c, (at + B) * H), H, place(s, at * H), H, place(xh, (at + B) * R + D), R,
        )  # fmt: skip
        if masked:
            for row in range(begin, end):
                if not mask[t, row]:  # the state is held
                    at = t * B + row
                    call_rows(copy, 1, H, place(c, at * H), H, place(c, (at + B) * H), H)
                    call_rows(copy, 1, H, place(xh, at * R + D), R, place(xh, (at + B) * R + D), R)


@kernel
def backward_into(
    addresses, lanes, loops, dh, mask, masked, W_x, W_h, pack, P, xh, gates, s, c, dx, dh0, dc0,
    da, steps, rows, held, dW, begin, end,
):  # fmt: skip
    """Undo rows begin..end; dW (D+H+1, 4H) takes these rows' share of dW_x, dW_h and db, one below the other.

    dc0 holds the gradient of the final c and ends as that of the first; dh0 holds 0. ``da`` is kept for ``steps``
    steps and used up; 0: it is kept for all T (T*B, 4H), and dx and dW are left to others. ``rows`` is xh, or, if
    these are not all rows, takes theirs of ``steps`` steps; ``held`` (rows, H) is needed if ``masked``.
    """
    T, B, H = s.shape
    D = dx.shape[2]
    undo, copy, add = loops[1], loops[2], loops[3]
    width, R, N, n = P.shape[2], D + H + 1, 4 * H, end - begin
    keep, N_row = steps == 0, da.shape[1]
    for_x = (H + width - 1) // width * width * N  # where W_x.T begins in P
    once = pack and not keep and T * B == 1  # the weights are used once, here
    if pack and not once:
        pack_backward_into(addresses, P, W_x, W_h)
    height = 1 if masked else n  # rows that one call of the cell's loop takes
    high = T
    while high > 0:
        low = 0 if keep else max(0, high - steps)
        for t in range(high - 1, low - 1, -1):
            da_at = t * B + begin if keep else (t - low) * n
            for row in range(0, n, height):
                at, da_row = t * B + begin + row, (da_at + row) * N_row
                if masked and not mask[t, begin + row]:
                    call_rows(
                        add, 1, H, place(dh, at * H), H, place(dh0, (begin + row) * H), H, place(held, row * H), H
                    )
                    for j in range(N):
                        da[da_at + row, j] = 0
                    continue
                call_rows(
                    undo, height, H, place(dc0, (begin + row) * H), H,
                    place(gates, at * N), N, place(gates, at * N + H), N,
                    place(gates, at * N + 2 * H), N, place(gates, at * N + 3 * H), N,
                    place(s, at * H), H, place(c, at * H), H, place(dh, at * H), H, place(dh0, (begin + row) * H), H,
                    place(da, da_row), N_row, place(da, da_row + H), N_row,
                    place(da, da_row + 2 * H), N_row, place(da, da_row + 3 * H), N_row,
                )  # fmt: skip
            if once:
                one_row_into(da[0, :N], W_h, dh0[0])
                one_row_into(da[0, :N], W_x, dx[0, 0])
            else:
                product_at_into(
                    addresses, lanes, da, da_at * N_row, N_row, 1, P, 0, N * width, width,
                    dh0, begin * H, H, n, H, N, False,
                )  # fmt: skip
            if masked:
                for row in range(n):
                    if not mask[t, begin + row]:
                        call_rows(copy, 1, H, place(held, row * H), H, place(dh0, (begin + row) * H), H)
        if not keep:
            whole = n == B
            for t in range(low, low if once else high, high - low if whole else 1):
                product_at_into(
                    addresses, lanes, da, (t - low) * n * N_row, N_row, 1, P, for_x, N * width, width,
                    dx, (t * B + begin) * D, D, (high - low) * n if whole else n, D, N, False,
                )  # fmt: skip
                if not whole:
                    call_rows(copy, n, R, place(xh, (t * B + begin) * R), R, place(rows, (t - low) * n * R), R)
            product_at_into(
                addresses, lanes, rows, low * B * R if whole else 0, 1, R, da, 0, width, N_row,
                dW, 0, N, R, N, (high - low) * n, high < T,
            )  # fmt: skip
        high = low
