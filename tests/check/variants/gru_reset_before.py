"""GRU as first published: the reset is applied to the state before the product, n = tanh(W x + U (r * h) + b)."""

import numpy as np
from variants import drawing
from variants.drawing import B, D, H, T

FAULT = ("d_masked * r + da_r", "d_masked + da_r")
reference = None  # another function than ours: right by its own forward


def draw(rng, size):
    states = drawing.normal(rng, 1.0, x=(T, B, D), h0=(B, H))
    return states | drawing.normal(rng, size, W=(D, 3 * H), U=(H, 3 * H), b=(3 * H,))


def forward(inputs):
    x, h, W, U, b = inputs.values()
    tape, hs = [], []
    for t in range(T):
        a = x[t] @ W + b
        r = 1 / (1 + np.exp(-(a[:, :H] + h @ U[:, :H])))
        z = 1 / (1 + np.exp(-(a[:, H : 2 * H] + h @ U[:, H : 2 * H])))
        n = np.tanh(a[:, 2 * H :] + (r * h) @ U[:, 2 * H :])
        tape.append((h, r, z, n))
        h = z * h + (1 - z) * n
        hs.append(h)
    return {"h": np.stack(hs)}, (x, W, U, tape)


def backward(upstream, cache):
    x, W, U, tape = cache
    U_r, U_z, U_n = np.split(U, 3, axis=1)
    dW, dU, db, dx = np.zeros_like(W), np.zeros_like(U), np.zeros(3 * H), np.zeros_like(x)
    dh = np.zeros((B, H))
    for t in reversed(range(T)):
        h, r, z, n = tape[t]
        dh = dh + upstream["h"][t]
        da_n = dh * (1 - z) * (1 - n**2)
        da_z = dh * (h - n) * z * (1 - z)
        d_masked = da_n @ U_n.T
        da_r = d_masked * h * r * (1 - r)
        da = np.hstack([da_r, da_z, da_n])
        dU += np.hstack([h.T @ da_r, h.T @ da_z, (r * h).T @ da_n])
        dW += x[t].T @ da
        db += da.sum(axis=0)
        dx[t] = da @ W.T
        dh = dh * z + d_masked * r + da_r @ U_r.T + da_z @ U_z.T
    return {"x": dx, "h0": dh, "W": dW, "U": dU, "b": db}
