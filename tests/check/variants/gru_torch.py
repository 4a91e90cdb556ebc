"""GRU in PyTorch's convention and layout: r z n in rows, two biases, the reset after the product."""

import numpy as np
from variants import drawing
from variants.drawing import B, D, H, T

FAULT = ("dn * (1 - n**2) * r", "dn * (1 - n**2)")


def draw(rng, size):
    states = drawing.normal(rng, 1.0, x=(T, B, D), h_0=(B, H))
    weights = {"weight_ih": (3 * H, D), "weight_hh": (3 * H, H), "bias_ih": (3 * H,), "bias_hh": (3 * H,)}
    return states | drawing.normal(rng, size, **weights)


def reference(inputs):
    x, h_0, weight_ih, weight_hh, bias_ih, bias_hh = inputs.values()
    b = bias_ih + np.concatenate([bias_hh[: 2 * H], np.zeros(H)])
    return drawing.gru(x, h_0, weight_ih.T, weight_hh.T, b, bias_hh[2 * H :])


def forward(inputs):
    x, h, weight_ih, weight_hh, bias_ih, bias_hh = inputs.values()
    tape, hs = [], []
    for x_t in x:
        given, past = x_t @ weight_ih.T + bias_ih, h @ weight_hh.T + bias_hh
        r, z = (1 / (1 + np.exp(-(given + past)[:, k * H : (k + 1) * H])) for k in (0, 1))
        n = np.tanh(given[:, 2 * H :] + r * past[:, 2 * H :])
        tape.append((x_t, h, past[:, 2 * H :], r, z, n))
        h = (1 - z) * n + z * h
        hs.append(h)
    return {"h": np.stack(hs)}, (tape, weight_ih, weight_hh)


def backward(upstream, cache):
    tape, weight_ih, weight_hh = cache
    grads = {"weight_ih": np.zeros_like(weight_ih), "weight_hh": np.zeros_like(weight_hh)}
    grads |= {"bias_ih": np.zeros(3 * H), "bias_hh": np.zeros(3 * H), "x": np.zeros((T, B, D))}
    dh = np.zeros((B, H))
    for t in reversed(range(T)):
        x_t, h, past, r, z, n = tape[t]
        dh = dh + upstream["h"][t]
        dn, dz = dh * (1 - z), dh * (h - n)
        d_r = dn * (1 - n**2) * past * r * (1 - r)
        d_z = dz * z * (1 - z)
        d_given = np.hstack([d_r, d_z, dn * (1 - n**2)])
        d_past = np.hstack([d_r, d_z, dn * (1 - n**2) * r])
        grads["weight_ih"] += d_given.T @ x_t
        grads["weight_hh"] += d_past.T @ h
        grads["bias_ih"] += d_given.sum(axis=0)
        grads["bias_hh"] += d_past.sum(axis=0)
        grads["x"][t] = d_given @ weight_ih
        dh = dh * z + d_past @ weight_hh
    return grads | {"h_0": dh}
