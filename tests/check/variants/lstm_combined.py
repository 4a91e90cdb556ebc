"""LSTM with one matrix for everything: the rows of x, of h, and a last row that is the bias."""

import numpy as np
from variants import drawing
from variants.drawing import B, D, H, T

FAULT = ("dh = dv[:, D : D + H]", "dh = dv[:, 1 : 1 + H]")


def draw(rng, size):
    states = drawing.normal(rng, 1.0, x=(T, B, D), h0=(B, H), c0=(B, H))
    return states | drawing.normal(rng, size, W=(D + H + 1, 4 * H))


def reference(inputs):
    W = inputs["W"]
    return drawing.lstm(inputs["x"], inputs["h0"], inputs["c0"], W[:D], W[D:-1], W[-1])


def forward(inputs):
    x, h, c, W = inputs.values()
    seen, gates, cells, hs = [], [], [c], []
    for x_t in x:
        seen.append(np.hstack([x_t, h, np.ones((B, 1))]))
        a = seen[-1] @ W
        z = np.tanh(a * np.repeat([0.5, 0.5, 1, 0.5], H))  # sigmoid(a) = (tanh(a/2) + 1) / 2
        gates.append(np.where(np.repeat([1, 1, 0, 1], H) == 1, (z + 1) / 2, z))
        i, f, g, o = np.hsplit(gates[-1], 4)
        cells.append(f * cells[-1] + i * g)
        h = o * np.tanh(cells[-1])
        hs.append(h)
    return {"h": np.stack(hs), "c_last": cells[-1]}, (W, seen, gates, cells)


def backward(upstream, cache):
    W, seen, gates, cells = cache
    dW, dx = np.zeros_like(W), []
    dh, dc = np.zeros((B, H)), upstream["c_last"]
    for t in range(T - 1, -1, -1):
        i, f, g, o = np.hsplit(gates[t], 4)
        s = np.tanh(cells[t + 1])
        dh = dh + upstream["h"][t]
        dc = dc + dh * o * (1 - s * s)
        da = np.hstack(
            [dc * g * i * (1 - i), dc * cells[t] * f * (1 - f), dc * i * (1 - g * g), dh * s * o * (1 - o)]
        )
        dW += seen[t].T @ da
        dv = da @ W.T
        dx.append(dv[:, :D])
        dh = dv[:, D : D + H]
        dc = dc * f
    return {"x": np.stack(dx[::-1]), "h0": dh.copy(), "c0": dc, "W": dW}
