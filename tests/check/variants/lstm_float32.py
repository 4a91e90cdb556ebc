"""LSTM in single precision, which computes in the precision of what it is given."""

import numpy as np
from variants import drawing
from variants.drawing import B, D, H, T

FAULT = ("f * (1 - f)", "f")


def draw(rng, size):
    states = drawing.normal(rng, 1.0, x=(T, B, D), h0=(B, H), c0=(B, H))
    inputs = states | drawing.normal(rng, size, W_x=(D, 4 * H), W_h=(H, 4 * H), b=(4 * H,))
    return {name: array.astype(np.float32) for name, array in inputs.items()}


def reference(inputs):
    return drawing.lstm(**inputs)


def forward(inputs):
    x, h, c, W_x, W_h, b = inputs.values()
    tape, hs = [], []
    for t in range(T):
        i, f, g, o = np.split(x[t] @ W_x + h @ W_h + b, 4, axis=1)
        i, f, g, o = 1 / (1 + np.exp(-i)), 1 / (1 + np.exp(-f)), np.tanh(g), 1 / (1 + np.exp(-o))
        tape.append((h, c, i, f, g, o))
        c = f * c + i * g
        h = o * np.tanh(c)
        hs.append(h)
    return {"h": np.stack(hs), "c_last": c}, (x, W_x, W_h, c, tape)


def backward(upstream, cache):
    x, W_x, W_h, c, tape = cache
    dW_x, dW_h, db, dx = np.zeros_like(W_x), np.zeros_like(W_h), np.zeros_like(W_x[0]), np.zeros_like(x)
    dh, dc = np.zeros_like(c), upstream["c_last"]
    for t in reversed(range(T)):
        h_prev, c_prev, i, f, g, o = tape[t]
        s = np.tanh(c)
        dh = dh + upstream["h"][t]
        dc = dc + dh * o * (1 - s**2)
        da_i, da_f = dc * g * i * (1 - i), dc * c_prev * f * (1 - f)
        da = np.hstack([da_i, da_f, dc * i * (1 - g**2), dh * s * o * (1 - o)])
        dW_x += x[t].T @ da
        dW_h += h_prev.T @ da
        db += da.sum(axis=0)
        dx[t] = da @ W_x.T
        dh, dc, c = da @ W_h.T, dc * f, c_prev
    return {"x": dx, "h0": dh, "c0": dc, "W_x": dW_x, "W_h": dW_h, "b": db}
