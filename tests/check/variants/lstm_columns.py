"""LSTM on column vectors (D, 1), one sequence at a time, in float buffers: no complex number gets through it."""

import numpy as np
from variants import drawing
from variants.drawing import B, D, H, T

COMPLEX_SAFE = False
FAULT = ('dh_prev += inputs["U"][rows].T @ da', 'dh_prev = inputs["U"][rows].T @ da')


def draw(rng, size):
    states = drawing.normal(rng, 1.0, x=(T, B, D), h0=(B, H), c0=(B, H))
    return states | drawing.normal(rng, size, W=(4 * H, D), U=(4 * H, H), b=(4 * H, 1))


def reference(inputs):
    x, h0, c0, W, U, b = inputs.values()
    return drawing.lstm(x, h0, c0, W.T, U.T, b[:, 0])


def forward(inputs):
    h, c = np.zeros((B, T + 1, H, 1)), np.zeros((B, T + 1, H, 1))
    z = np.zeros((B, T, 4, H, 1))
    for k in range(B):
        h[k, 0, :, 0], c[k, 0, :, 0] = inputs["h0"][k], inputs["c0"][k]
        for t in range(T):
            a = inputs["W"] @ inputs["x"][t, k].reshape(D, 1) + inputs["U"] @ h[k, t] + inputs["b"]
            z[k, t] = 1 / (1 + np.exp(-a.reshape(4, H, 1)))
            z[k, t, 2] = np.tanh(a[2 * H : 3 * H])
            c[k, t + 1] = z[k, t, 1] * c[k, t] + z[k, t, 0] * z[k, t, 2]
            h[k, t + 1] = z[k, t, 3] * np.tanh(c[k, t + 1])
    return {"h": h[:, 1:, :, 0].swapaxes(0, 1).copy(), "c_last": c[:, -1, :, 0].copy()}, (inputs, h, c, z)


def backward(upstream, cache):
    inputs, h, c, z = cache
    grads = {name: np.zeros_like(array) for name, array in inputs.items()}
    for k in range(B):
        dh, dc = np.zeros((H, 1)), upstream["c_last"][k].reshape(H, 1)
        for t in range(T - 1, -1, -1):
            i, f, g, o = z[k, t]
            s = np.tanh(c[k, t + 1])
            dh = dh + upstream["h"][t, k].reshape(H, 1)
            dc = dc + dh * o * (1 - s**2)
            parts = [dc * g * i * (1 - i), dc * c[k, t] * f * (1 - f), dc * i * (1 - g**2), dh * s * o * (1 - o)]
            dh_prev = np.zeros((H, 1))
            for gate, da in enumerate(parts):
                rows = slice(gate * H, (gate + 1) * H)
                for name, past in (("W", inputs["x"][t, k].reshape(D, 1)), ("U", h[k, t])):
                    grads[name][rows] += da @ past.T
                grads["b"][rows] += da
                grads["x"][t, k] += (inputs["W"][rows].T @ da)[:, 0]
                dh_prev += inputs["U"][rows].T @ da
            dh, dc = dh_prev, dc * f
        grads["h0"][k], grads["c0"][k] = dh[:, 0], dc[:, 0]
    return grads
