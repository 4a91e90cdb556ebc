"""LSTM without a name for any step: whole tensors, slopes prepared for all steps before the loop."""

import numpy as np
from variants import drawing
from variants.drawing import B, D, H, T

FAULT = ("delta = (left + kept * through) * lever[:, t]", "delta = kept * through * lever[:, t]")


def draw(rng, size):
    states = drawing.normal(rng, 1.0, x=(T, B, D), state=(2, B, H))
    return states | drawing.normal(rng, size, weights=(D + H, 4, H), bias=(4, H))


def reference(inputs):
    W = inputs["weights"].reshape(D + H, 4 * H)
    return drawing.lstm(inputs["x"], *inputs["state"], W[:D], W[D:], inputs["bias"].reshape(4 * H))


def forward(inputs):
    x, state, weights, bias = inputs.values()
    kind = np.result_type(*inputs.values())
    record = np.zeros((7, T + 1, B, H), kind)  # i, f, g, o, c, tanh(c), h
    record[4, 0], record[6, 0] = state[1], state[0]
    for t in range(1, T + 1):
        a = np.tensordot(np.hstack([x[t - 1], record[6, t - 1]]), weights, 1).swapaxes(0, 1) + bias[:, None]
        record[:4, t] = np.where(np.arange(4)[:, None, None] == 2, np.tanh(a), 1 / (1 + np.exp(-a)))
        record[4, t] = (record[[1, 0], t] * np.stack([record[4, t - 1], record[2, t]])).sum(axis=0)
        record[5, t] = np.tanh(record[4, t])
        record[6, t] = record[3, t] * record[5, t]
    return {"h": record[6, 1:].copy(), "c_last": record[4, -1].copy()}, (x, weights, record)


def backward(upstream, cache):
    x, weights, record = cache
    i, f, g, o, _, s, _ = record[:, 1:]
    c_before, h_before = record[4, :-1], record[6, :-1]
    lever = np.stack([g * i * (1 - i), c_before * f * (1 - f), i * (1 - g**2)])  # of dc
    lever_o, through_all = s * o * (1 - o), o * (1 - s**2)  # of dh
    deltas = np.zeros((T, 4, B, H))
    left, kept = upstream["c_last"], np.zeros((B, H))
    for t in range(T)[::-1]:
        kept = kept + upstream["h"][t]
        through = through_all[t]
        delta = (left + kept * through) * lever[:, t]
        deltas[t] = np.concatenate([delta, (kept * lever_o[t])[None]])
        left = (left + kept * through) * f[t]
        kept = np.tensordot(deltas[t], weights[D:], ((0, 2), (1, 2)))
    both = np.concatenate([x, h_before], axis=2)
    return {
        "x": np.tensordot(deltas, weights[:D], ((1, 3), (1, 2))),
        "state": np.stack([kept, left]),
        "weights": np.tensordot(both, deltas, ((0, 1), (0, 2))),
        "bias": deltas.sum(axis=(0, 2)),
    }
