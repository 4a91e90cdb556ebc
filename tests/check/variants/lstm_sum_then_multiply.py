"""LSTM that keeps only da in the loop; the gradients of the weights are one product over all steps afterwards."""

import numpy as np
from variants import drawing
from variants.drawing import B, D, H, T

FAULT = ("h_before = np.concatenate([h0[None], h[:-1]])", "h_before = h")


def draw(rng, size):
    states = drawing.normal(rng, 1.0, x=(T, B, D), h0=(B, H), c0=(B, H))
    return states | drawing.normal(rng, size, W_x=(D, 4 * H), W_h=(H, 4 * H), b=(4 * H,))


def reference(inputs):
    return drawing.lstm(**inputs)


def forward(inputs):
    x, h0, c0, W_x, W_h, b = inputs.values()
    a_x = x @ W_x + b  # all steps at once
    kind = np.result_type(*inputs.values())
    z, c, h = np.empty((T, B, 4 * H), kind), np.empty((T, B, H), kind), np.empty((T, B, H), kind)
    h_t, c_t = h0, c0
    for t in range(T):
        a = a_x[t] + h_t @ W_h
        z[t] = 1 / (1 + np.exp(-a))
        z[t, :, 2 * H : 3 * H] = np.tanh(a[:, 2 * H : 3 * H])
        c[t] = z[t, :, H : 2 * H] * c_t + z[t, :, :H] * z[t, :, 2 * H : 3 * H]
        h[t] = z[t, :, 3 * H :] * np.tanh(c[t])
        h_t, c_t = h[t], c[t]
    return {"h": h.copy(), "c_last": c_t.copy()}, (inputs, z, c, h)


def backward(upstream, cache):
    inputs, z, c, h = cache
    x, h0, c0, W_x, W_h, _ = inputs.values()
    da = np.empty((T, B, 4 * H))
    dh_t, dc_t = np.zeros((B, H)), upstream["c_last"]
    for t in reversed(range(T)):
        i, f, g, o = np.split(z[t], 4, axis=1)
        dh_t = dh_t + upstream["h"][t]
        dc_t = dc_t + dh_t * o * (1 - np.tanh(c[t]) ** 2)
        c_before = c[t - 1] if t else c0
        da[t, :, :H] = dc_t * g * i * (1 - i)
        da[t, :, H : 2 * H] = dc_t * c_before * f * (1 - f)
        da[t, :, 2 * H : 3 * H] = dc_t * i * (1 - g**2)
        da[t, :, 3 * H :] = dh_t * np.tanh(c[t]) * o * (1 - o)
        dh_t, dc_t = da[t] @ W_h.T, dc_t * f
    h_before = np.concatenate([h0[None], h[:-1]])
    flat = da.reshape(T * B, 4 * H)
    return {
        "x": (flat @ W_x.T).reshape(x.shape),
        "h0": dh_t,
        "c0": dc_t,
        "W_x": x.reshape(T * B, D).T @ flat,
        "W_h": h_before.reshape(T * B, H).T @ flat,
        "b": flat.sum(axis=0),
    }
