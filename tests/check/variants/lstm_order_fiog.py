"""LSTM with the gate blocks in the order f i o g, as in many lecture notes."""

import numpy as np
from variants import drawing
from variants.drawing import B, D, H, T

FAULT = ("np.concatenate([da_f, da_i, da_o, da_g], axis=1)", "np.concatenate([da_i, da_f, da_o, da_g], axis=1)")


def draw(rng, size):
    states = drawing.normal(rng, 1.0, x=(T, B, D), h0=(B, H), c0=(B, H))
    return states | drawing.normal(rng, size, W=(D, 4 * H), U=(H, 4 * H), b=(4 * H,))


def reference(inputs):
    states = [inputs[name] for name in ("x", "h0", "c0")]
    return drawing.lstm(*states, *(drawing.blocks(inputs[name], "fiog", "ifgo") for name in ("W", "U", "b")))


def sigma(a):
    return 1 / (1 + np.exp(-a))


def forward(inputs):
    W, U, b = inputs["W"], inputs["U"], inputs["b"]
    h, c, tape = inputs["h0"], inputs["c0"], []
    hs = []
    for t in range(T):
        a = inputs["x"][t] @ W + h @ U + b
        f, i, o, g = sigma(a[:, :H]), sigma(a[:, H : 2 * H]), sigma(a[:, 2 * H : 3 * H]), np.tanh(a[:, 3 * H :])
        tape.append((h, c, f, i, o, g))
        c = f * c + i * g
        h = o * np.tanh(c)
        hs.append(h)
    return {"h": np.stack(hs), "c_last": c}, (inputs, tape, c)


def backward(upstream, cache):
    inputs, tape, c_after = cache
    x, W, U = inputs["x"], inputs["W"], inputs["U"]
    dW, dU, db, dx = np.zeros_like(W), np.zeros_like(U), np.zeros(4 * H), np.zeros_like(x)
    dh_next, dc_next = np.zeros((B, H)), upstream["c_last"].copy()
    for t in range(T - 1, -1, -1):
        h_prev, c_prev, f, i, o, g = tape[t]
        dh = upstream["h"][t] + dh_next
        dc = dc_next + dh * o / np.cosh(c_after) ** 2
        da_f, da_i = dc * c_prev * f * (1 - f), dc * g * i * (1 - i)
        da_o, da_g = dh * np.tanh(c_after) * o * (1 - o), dc * i * (1 - g**2)
        da = np.concatenate([da_f, da_i, da_o, da_g], axis=1)
        dx[t] = da @ W.T
        dW += x[t].T @ da
        dU += h_prev.T @ da
        db += da.sum(axis=0)
        dh_next, dc_next = da @ U.T, dc * f
        c_after = c_prev
    return {"x": dx, "h0": dh_next, "c0": dc_next, "W": dW, "U": dU, "b": db}
