"""LSTM with the gates on an axis of their own and every product an einsum."""

import numpy as np
from variants import drawing
from variants.drawing import B, D, H, T

FAULT = ('np.einsum("gbk,jgk->bj", da, W_h)', 'np.einsum("gbk,kgj->bj", da, W_h)')


def draw(rng, size):
    states = drawing.normal(rng, 1.0, x=(T, B, D), h0=(B, H), c0=(B, H))
    return states | drawing.normal(rng, size, W_x=(D, 4, H), W_h=(H, 4, H), b=(4, H))


def reference(inputs):
    x, h0, c0, W_x, W_h, b = inputs.values()
    return drawing.lstm(x, h0, c0, W_x.reshape(D, 4 * H), W_h.reshape(H, 4 * H), b.reshape(4 * H))


def forward(inputs):
    x, h, c, W_x, W_h, b = inputs.values()
    steps, hs = [], []
    for t in range(T):
        a = np.einsum("bd,dgk->gbk", x[t], W_x) + np.einsum("bj,jgk->gbk", h, W_h) + b[:, None]
        gates = np.stack([1 / (1 + np.exp(-a[0])), 1 / (1 + np.exp(-a[1])), np.tanh(a[2]), 1 / (1 + np.exp(-a[3]))])
        c_new = np.einsum("bk,bk->bk", gates[1], c) + np.einsum("bk,bk->bk", gates[0], gates[2])
        steps.append((h, c, c_new, gates))
        c, h = c_new, gates[3] * np.tanh(c_new)
        hs.append(h)
    return {"h": np.stack(hs), "c_last": c}, (x, W_x, W_h, steps)


def backward(upstream, cache):
    x, W_x, W_h, steps = cache
    grads = {"W_x": np.zeros_like(W_x), "W_h": np.zeros_like(W_h), "b": np.zeros((4, H)), "x": np.zeros_like(x)}
    dh, dc = np.zeros((B, H)), upstream["c_last"]
    for t in reversed(range(T)):
        h_prev, c_prev, c_t, (i, f, g, o) = steps[t]
        dh = dh + upstream["h"][t]
        dc = dc + np.einsum("bk,bk,bk->bk", dh, o, 1 - np.tanh(c_t) ** 2)
        da = np.stack([dc * g * i * (1 - i), dc * c_prev * f * (1 - f), dc * i * (1 - g**2), dh * np.tanh(c_t)])
        da[3] *= o * (1 - o)
        grads["W_x"] += np.einsum("bd,gbk->dgk", x[t], da)
        grads["W_h"] += np.einsum("bj,gbk->jgk", h_prev, da)
        grads["b"] += np.einsum("gbk->gk", da)
        grads["x"][t] = np.einsum("gbk,dgk->bd", da, W_x)
        dh = np.einsum("gbk,jgk->bj", da, W_h)
        dc = dc * f
    return grads | {"h0": dh, "c0": dc}
