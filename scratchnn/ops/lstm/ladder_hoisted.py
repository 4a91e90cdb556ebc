"""LSTM in NumPy with everything that does not depend on the step before taken out of the loop over time."""

import numpy as np

from scratchnn.ops.activations.reference import sigmoid, sigmoid_slope, tanh_slope

from .reference import Cache, Grads, Params


def forward(x: np.ndarray, h0: np.ndarray, c0: np.ndarray, params: Params) -> Cache:
    """Run an LSTM: the inputs' product for all steps at once, then the steps. See reference.forward."""
    W_x, W_h, b = params
    (T, B, D), H = x.shape, h0.shape[1]
    x = x.copy()
    a = (x.reshape(T * B, D) @ W_x + b).reshape(T, B, 4 * H)
    i, f, g, o, s = (np.empty((T, B, H), a.dtype) for _ in range(5))
    c, h = (np.empty((T + 1, B, H), a.dtype) for _ in range(2))
    c[0], h[0] = c0, h0
    for t in range(T):
        a[t] += h[t] @ W_h
        a_i, a_f, a_g, a_o = np.split(a[t], 4, axis=1)
        i[t], f[t], g[t], o[t] = sigmoid(a_i), sigmoid(a_f), np.tanh(a_g), sigmoid(a_o)
        c[t + 1] = f[t] * c[t] + i[t] * g[t]
        s[t] = np.tanh(c[t + 1])
        h[t + 1] = o[t] * s[t]
    return Cache(x, np.ones((T, B), bool), a, i, f, g, o, s, c, h)


def backward(dh: np.ndarray, dc_last: np.ndarray, cache: Cache, params: Params) -> Grads:
    """Undo ``forward``: one product a step; those of dx, dW_x and dW_h after the loop. See reference.backward."""
    W_x, W_h, _ = params
    (T, B, H), D = dh.shape, cache.x.shape[2]
    i, f, g, o, s, c = cache.i, cache.f, cache.g, cache.o, cache.s, cache.c
    slopes = [sigmoid_slope(i), sigmoid_slope(f), tanh_slope(g), sigmoid_slope(o), tanh_slope(s)]
    da = np.empty((T, B, 4 * H), dh.dtype)
    dh_next, dc_next = np.zeros_like(dc_last), dc_last
    for t in reversed(range(T)):
        dh_t = dh[t] + dh_next
        dc_t = dc_next + dh_t * o[t] * slopes[4][t]
        da[t, :, :H] = dc_t * g[t] * slopes[0][t]
        da[t, :, H : 2 * H] = dc_t * c[t] * slopes[1][t]
        da[t, :, 2 * H : 3 * H] = dc_t * i[t] * slopes[2][t]
        da[t, :, 3 * H :] = dh_t * s[t] * slopes[3][t]
        dh_next, dc_next = da[t] @ W_h.T, dc_t * f[t]
    da = da.reshape(T * B, 4 * H)
    dW_x, dW_h = cache.x.reshape(T * B, D).T @ da, cache.h[:-1].reshape(T * B, H).T @ da
    return Grads((da @ W_x.T).reshape(T, B, D), dh_next, dc_next, dW_x, dW_h, da.sum(axis=0))
