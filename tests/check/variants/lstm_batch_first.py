"""LSTM over (B, T, D), in which time is the second axis everywhere."""

import numpy as np
from variants import drawing
from variants.drawing import B, D, H, T

FAULT = ("d_seq[:, t] + dh", "d_seq[:, t]")


def draw(rng, size):
    states = drawing.normal(rng, 1.0, seq=(B, T, D), h0=(B, H), c0=(B, H))
    return states | drawing.normal(rng, size, W_x=(D, 4 * H), W_h=(H, 4 * H), b=(4 * H,))


def reference(inputs):
    seq, *rest = inputs.values()
    found = drawing.lstm(seq.swapaxes(0, 1), *rest)
    return {"h": found["h"].swapaxes(0, 1), "c_last": found["c_last"]}


def sigmoid(a):
    return np.exp(a) / (1 + np.exp(a))


def forward(inputs):
    seq, h0, c0, W_x, W_h, b = inputs.values()
    h, c, acts = [h0], [c0], []
    for t in range(T):
        a_i, a_f, a_g, a_o = np.split(seq[:, t] @ W_x + h[-1] @ W_h + b, 4, axis=-1)
        acts.append((sigmoid(a_i), sigmoid(a_f), np.tanh(a_g), sigmoid(a_o)))
        i, f, g, o = acts[-1]
        c.append(c[-1] * f + g * i)
        h.append(np.tanh(c[-1]) * o)
    return {"h": np.stack(h[1:], axis=1), "c_last": c[-1]}, (seq, W_x, W_h, h, c, acts)


def backward(upstream, cache):
    seq, W_x, W_h, h, c, acts = cache
    d_seq, dc = upstream["h"], upstream["c_last"]
    dh, da_all = np.zeros((B, H)), np.zeros((B, T, 4 * H))
    for t in range(T - 1, -1, -1):
        (i, f, g, o), s = acts[t], np.tanh(c[t + 1])
        dh = d_seq[:, t] + dh
        dc = dc + dh * o * (1 - s) * (1 + s)
        da_all[:, t] = np.concatenate(
            [dc * g * i * (1 - i), dc * c[t] * f * (1 - f), dc * i * (1 - g) * (1 + g), dh * s * o * (1 - o)], axis=1
        )
        dc = dc * f
        dh = da_all[:, t] @ W_h.T
    h_prev = np.stack(h[:-1], axis=1)
    dW_x = np.tensordot(seq, da_all, axes=([0, 1], [0, 1]))
    dW_h = np.tensordot(h_prev, da_all, axes=([0, 1], [0, 1]))
    return {"seq": da_all @ W_x.T, "h0": dh, "c0": dc, "W_x": dW_x, "W_h": dW_h, "b": da_all.sum(axis=(0, 1))}
