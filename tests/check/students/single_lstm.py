"""An LSTM in single precision, not complex-safe: everything is stored in float32."""

import numpy as np


def logistic(a):
    return 1 / (1 + np.exp(-a))


def forward(x, h0, c0, W, U, b):
    x, W, U, b = (array.astype(np.float32) for array in (x, W, U, b))
    T, B, _ = x.shape
    H = h0.shape[1]
    h, c = np.zeros((2, T + 1, B, H), np.float32)
    gates = np.zeros((T, 4, B, H), np.float32)
    h[0], c[0] = h0, c0
    for t in range(T):
        i, f, g, o = np.split(x[t] @ W + h[t] @ U + b, 4, axis=1)
        gates[t] = logistic(i), logistic(f), np.tanh(g), logistic(o)
        i, f, g, o = gates[t]
        c[t + 1] = f * c[t] + i * g
        h[t + 1] = o * np.tanh(c[t + 1])
    return h, c, gates, x


def backward(dh, dc_last, cache, W, U, b):
    h, c, gates, x = cache
    W, U = W.astype(np.float32), U.astype(np.float32)
    dx, dW, dU, db = np.zeros_like(x), np.zeros_like(W), np.zeros_like(U), np.zeros(b.shape, np.float32)
    dh_next, dc_next = np.zeros_like(h[0]), dc_last.astype(np.float32)
    for t in reversed(range(len(x))):
        i, f, g, o = gates[t]
        s = np.tanh(c[t + 1])
        dh_t = dh[t].astype(np.float32) + dh_next
        dc_t = dc_next + dh_t * o * (1 - s * s)
        da = [dc_t * g * i * (1 - i), dc_t * c[t] * f * (1 - f), dc_t * i * (1 - g * g), dh_t * s * o * (1 - o)]
        da_t = np.concatenate(da, axis=1)
        dx[t] = da_t @ W.T
        dW += x[t].T @ da_t
        dU += h[t].T @ da_t
        db += da_t.sum(axis=0)
        dh_next = da_t @ U.T
        dc_next = dc_t * f
    return {"x": dx, "h0": dh_next, "c0": dc_next, "W": dW, "U": dU, "b": db}
