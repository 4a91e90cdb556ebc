"""LSTM in loops that LLVM can turn into vector code: contiguous, without library calls, one helper for each idea."""

import numpy as np

from scratchnn.jit import apart, kernel, plain, scalar, wide_vectors
from scratchnn.ops.activations.formula import sigmoid, sigmoid_slope, tanh, tanh_slope

from .reference import Cache, Grads, Params


@scalar
def add_scaled_into(total, factor, row):
    """total += factor * row: neighbours in memory, so 16 at a time."""
    apart()
    for j in range(total.size):
        total[j] += factor * row[j]


@scalar
def cell_into(i, f, g, o, c_prev, c_t, s_t, h_t):
    """Turn a row's products, in i f g o, into its gates and states: equations (2)-(8)."""
    apart()
    wide_vectors()
    for j in range(c_t.size):
        i[j] = sigmoid(i[j])
        f[j] = sigmoid(f[j])
        g[j] = tanh(g[j])
        o[j] = sigmoid(o[j])
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
def forward_into(x, W_x, W_h, b, a, gates, s, c, h):
    """Fill a, gates (i f g o side by side), s, c and h; row 0 of c and h holds the initial state."""
    wide_vectors()
    T, B, D = x.shape
    H = c.shape[2]
    for t in range(T):
        for row in range(B):
            a_t, z = a[t, row], gates[t, row]
            for j in range(4 * H):
                a_t[j] = b[j]
            for k in range(D):
                add_scaled_into(a_t, x[t, row, k], W_x[k])
            for k in range(H):
                add_scaled_into(a_t, h[t, row, k], W_h[k])
            for j in range(4 * H):
                z[j] = a_t[j]
            i, f, g, o = z[:H], z[H : 2 * H], z[2 * H : 3 * H], z[3 * H :]
            c_prev, c_t = c[t, row], c[t + 1, row]
            cell_into(i, f, g, o, c_prev, c_t, s[t, row], h[t + 1, row])


@kernel
def backward_into(dh, x, W_xT, W_hT, gates, s, c, h, dx, dh_next, dc_next, dW_x, dW_h, db):
    """Fill dx and add up the others; dh_next and dc_next as in ladder_loops, W_xT and W_hT are W.T, row by row."""
    wide_vectors()
    T, B, D = x.shape
    H = c.shape[2]
    da, dh_t = np.empty(4 * H, dh.dtype), np.empty(H, dh.dtype)
    one = da.dtype.type(1)
    da_i, da_f, da_g, da_o = da[:H], da[H : 2 * H], da[2 * H : 3 * H], da[3 * H :]
    for t in range(T - 1, -1, -1):
        for row in range(B):
            z, dh_out, carried = gates[t, row], dh[t, row], dh_next[row]
            for j in range(H):
                dh_t[j] = dh_out[j] + carried[j]
            i, f, g, o = z[:H], z[H : 2 * H], z[2 * H : 3 * H], z[3 * H :]
            cell_backward_into(i, f, g, o, s[t, row], c[t, row], dh_t, dc_next[row], da_i, da_f, da_g, da_o)
            dx_t = dx[t, row]
            for k in range(D):
                dx_t[k] = 0
                add_scaled_into(dW_x[k], x[t, row, k], da)
            for k in range(H):
                carried[k] = 0
                add_scaled_into(dW_h[k], h[t, row, k], da)
            for j in range(4 * H):
                add_scaled_into(dx_t, da[j], W_xT[j])
                add_scaled_into(carried, da[j], W_hT[j])
            add_scaled_into(db, one, da)


def forward(x: np.ndarray, h0: np.ndarray, c0: np.ndarray, params: Params) -> Cache:
    """Run an LSTM. See reference.forward."""
    (T, B, _), H, dtype = x.shape, h0.shape[1], x.dtype
    x = x.copy()
    a, gates, s = np.empty((T, B, 4 * H), dtype), np.empty((T, B, 4 * H), dtype), np.empty((T, B, H), dtype)
    c, h = np.empty((T + 1, B, H), dtype), np.empty((T + 1, B, H), dtype)
    c[0], h[0] = c0, h0
    forward_into(x, *(plain(p, dtype) for p in params), a, gates, s, c, h)
    return Cache(x, np.ones((T, B), bool), a, *np.split(gates, 4, axis=2), s, c, h)


def backward(dh: np.ndarray, dc_last: np.ndarray, cache: Cache, params: Params) -> Grads:
    """Undo ``forward``. See reference.backward."""
    dtype = dh.dtype
    x, (W_x, W_h, b) = cache.x, (plain(p, dtype) for p in params)
    dx, dW_x, dW_h, db = np.empty_like(x), np.zeros_like(W_x), np.zeros_like(W_h), np.zeros_like(b)
    dh_next, dc_next = np.zeros_like(dc_last), np.array(dc_last, dtype, order="C")
    gates = cache.i.base
    W_xT, W_hT = np.ascontiguousarray(W_x.T), np.ascontiguousarray(W_h.T)
    backward_into(
        plain(dh, dtype), x, W_xT, W_hT, gates, cache.s, cache.c, cache.h, dx, dh_next, dc_next, dW_x, dW_h, db
    )
    return Grads(dx, dh_next, dc_next, dW_x, dW_h, db)
