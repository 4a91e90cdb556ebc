"""LSTM as plain loops over numbers: the equations, one scalar at a time. Python runs it, or Numba compiles it."""

import math

import numpy as np
from numba import njit

from .reference import Cache, Grads, Params


def forward_loops(x, W_x, W_h, b, a, i, f, g, o, s, c, h):
    """Fill a i f g o s c h; row 0 of c and h holds the initial state."""
    T, B, D = x.shape
    H = c.shape[2]
    for t in range(T):
        for row in range(B):
            for j in range(4 * H):
                total = b[j]
                for k in range(D):
                    total += x[t, row, k] * W_x[k, j]
                for k in range(H):
                    total += h[t, row, k] * W_h[k, j]
                a[t, row, j] = total
            for j in range(H):
                i[t, row, j] = 0.5 + 0.5 * math.tanh(0.5 * a[t, row, j])
                f[t, row, j] = 0.5 + 0.5 * math.tanh(0.5 * a[t, row, H + j])
                g[t, row, j] = math.tanh(a[t, row, 2 * H + j])
                o[t, row, j] = 0.5 + 0.5 * math.tanh(0.5 * a[t, row, 3 * H + j])
                c[t + 1, row, j] = f[t, row, j] * c[t, row, j] + i[t, row, j] * g[t, row, j]
                s[t, row, j] = math.tanh(c[t + 1, row, j])
                h[t + 1, row, j] = o[t, row, j] * s[t, row, j]


def backward_loops(dh, x, W_x, W_h, i, f, g, o, s, c, h, da, dx, dh_next, dc_next, dW_x, dW_h, db):
    """Fill dx, add up the others; dh_next and dc_next begin as gradients of the final state, end as the first's."""
    T, B, D = x.shape
    H = c.shape[2]
    for t in range(T - 1, -1, -1):
        for row in range(B):
            for j in range(H):
                dh_t = dh[t, row, j] + dh_next[row, j]
                dc_t = dc_next[row, j] + dh_t * o[t, row, j] * (1 - s[t, row, j] ** 2)
                da[j] = dc_t * g[t, row, j] * i[t, row, j] * (1 - i[t, row, j])
                da[H + j] = dc_t * c[t, row, j] * f[t, row, j] * (1 - f[t, row, j])
                da[2 * H + j] = dc_t * i[t, row, j] * (1 - g[t, row, j] ** 2)
                da[3 * H + j] = dh_t * s[t, row, j] * o[t, row, j] * (1 - o[t, row, j])
                dc_next[row, j] = dc_t * f[t, row, j]
            for k in range(D):
                dx[t, row, k] = 0
                for j in range(4 * H):
                    dx[t, row, k] += da[j] * W_x[k, j]
                    dW_x[k, j] += x[t, row, k] * da[j]
            for k in range(H):
                dh_next[row, k] = 0
                for j in range(4 * H):
                    dh_next[row, k] += da[j] * W_h[k, j]
                    dW_h[k, j] += h[t, row, k] * da[j]
            for j in range(4 * H):
                db[j] += da[j]


compiled_forward, compiled_backward = njit(forward_loops), njit(backward_loops)


def forward(x: np.ndarray, h0: np.ndarray, c0: np.ndarray, params: Params) -> Cache:
    """Run an LSTM with Python's own loops. See reference.forward."""
    return _forward(forward_loops, x, h0, c0, params)


def backward(dh: np.ndarray, dc_last: np.ndarray, cache: Cache, params: Params) -> Grads:
    """Undo ``forward``. See reference.backward."""
    return _backward(backward_loops, dh, dc_last, cache, params)


def forward_compiled(x: np.ndarray, h0: np.ndarray, c0: np.ndarray, params: Params) -> Cache:
    """Run the same loops, compiled as they stand. See reference.forward."""
    return _forward(compiled_forward, x, h0, c0, params)


def backward_compiled(dh: np.ndarray, dc_last: np.ndarray, cache: Cache, params: Params) -> Grads:
    """Undo ``forward_compiled``. See reference.backward."""
    return _backward(compiled_backward, dh, dc_last, cache, params)


def _forward(loops, x, h0, c0, params):
    (T, B, _), H = x.shape, h0.shape[1]
    x = x.copy()
    a = np.empty((T, B, 4 * H), x.dtype)
    i, f, g, o, s = (np.empty((T, B, H), x.dtype) for _ in range(5))
    c, h = (np.empty((T + 1, B, H), x.dtype) for _ in range(2))
    c[0], h[0] = c0, h0
    loops(x, *params, a, i, f, g, o, s, c, h)
    return Cache(x, np.ones((T, B), bool), a, i, f, g, o, s, c, h)


def _backward(loops, dh, dc_last, cache, params):
    x, _, _, i, f, g, o, s, c, h = cache
    W_x, W_h, b = params
    dx, dW_x, dW_h, db, da = (
        np.empty_like(x),
        np.zeros_like(W_x),
        np.zeros_like(W_h),
        np.zeros_like(b),
        np.empty_like(b),
    )
    dh_next, dc_next = np.zeros_like(dc_last), dc_last.copy()
    loops(dh, x, W_x, W_h, i, f, g, o, s, c, h, da, dx, dh_next, dc_next, dW_x, dW_h, db)
    return Grads(dx, dh_next, dc_next, dW_x, dW_h, db)
