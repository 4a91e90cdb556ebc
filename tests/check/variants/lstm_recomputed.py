"""LSTM that caches states only and computes the gates again in the backward pass."""

import numpy as np
from variants import drawing
from variants.drawing import B, D, H, T

FAULT = ("gates_of(inputs, t, hs[t])", "gates_of(inputs, t, hs[t + 1])")


def draw(rng, size):
    states = drawing.normal(rng, 1.0, x=(T, B, D), h0=(B, H), c0=(B, H))
    return states | drawing.normal(rng, size, W_x=(D, 4 * H), W_h=(H, 4 * H), b=(4 * H,))


def reference(inputs):
    return drawing.lstm(**inputs)


def gates_of(inputs, t, h):
    a = inputs["x"][t] @ inputs["W_x"] + h @ inputs["W_h"] + inputs["b"]
    a_i, a_f, a_g, a_o = a[:, :H], a[:, H : 2 * H], a[:, 2 * H : 3 * H], a[:, 3 * H :]
    return 1 / (1 + np.exp(-a_i)), 1 / (1 + np.exp(-a_f)), np.tanh(a_g), 1 / (1 + np.exp(-a_o))


def forward(inputs):
    hs, cs = [inputs["h0"]], [inputs["c0"]]
    for t in range(T):
        i, f, g, o = gates_of(inputs, t, hs[-1])
        cs.append(f * cs[-1] + i * g)
        hs.append(o * np.tanh(cs[-1]))
    return {"h": np.stack(hs[1:]), "c_last": cs[-1]}, (inputs, hs, cs)


def backward(upstream, cache):
    inputs, hs, cs = cache
    dW_x = dW_h = db = 0.0
    dh, dc, dx = 0.0, upstream["c_last"], [None] * T
    for t in reversed(range(T)):
        i, f, g, o = gates_of(inputs, t, hs[t])
        tanh_c = np.tanh(cs[t + 1])
        dh = dh + upstream["h"][t]
        dc = dc + dh * o * (1 - tanh_c**2)
        da = np.concatenate(
            (dc * g * (i - i * i), dc * cs[t] * (f - f * f), dc * i * (1 - g * g), dh * tanh_c * (o - o * o)), axis=-1
        )
        dW_x = dW_x + inputs["x"][t].T @ da
        dW_h = dW_h + hs[t].T @ da
        db = db + da.sum(axis=0)
        dx[t] = da @ inputs["W_x"].T
        dh, dc = da @ inputs["W_h"].T, f * dc
    return {"x": np.stack(dx), "h0": dh, "c0": dc, "W_x": dW_x, "W_h": dW_h, "b": db}
