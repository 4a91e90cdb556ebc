"""LSTM with the gate blocks in the order i f o g, so that one sigmoid covers three of them."""

import numpy as np
from variants import drawing
from variants.drawing import B, D, H, T

FAULT = ("slope[:, : 3 * H] = z[:, : 3 * H] * (1 - z[:, : 3 * H])", "slope[:, : 3 * H] = 1 - z[:, : 3 * H] ** 2")


def draw(rng, size):
    states = drawing.normal(rng, 1.0, x=(T, B, D), h0=(B, H), c0=(B, H))
    return states | drawing.normal(rng, size, W=(D, 4 * H), U=(H, 4 * H), b=(4 * H,))


def reference(inputs):
    states = [inputs[name] for name in ("x", "h0", "c0")]
    return drawing.lstm(*states, *(drawing.blocks(inputs[name], "ifog", "ifgo") for name in ("W", "U", "b")))


def forward(inputs):
    x, h, c, W, U, b = inputs.values()
    steps = []
    for x_t in x:
        a = x_t @ W + h @ U + b
        z = np.hstack([1 / (1 + np.exp(-a[:, : 3 * H])), np.tanh(a[:, 3 * H :])])
        i, f, o, g = np.split(z, 4, axis=1)
        steps.append({"h_prev": h, "c_prev": c, "z": z})
        c = i * g + f * c
        h = o * np.tanh(c)
        steps[-1] |= {"h": h, "c": c}
    return {"h": np.stack([step["h"] for step in steps]), "c_last": c}, (x, W, U, steps)


def backward(upstream, cache):
    x, W, U, steps = cache
    grads = {"W": np.zeros_like(W), "U": np.zeros_like(U), "b": np.zeros(4 * H), "x": np.zeros_like(x)}
    dh, dc = np.zeros((B, H)), upstream["c_last"]
    for t, step in reversed(list(enumerate(steps))):
        z = step["z"]
        i, f, o, g = np.split(z, 4, axis=1)
        dh = dh + upstream["h"][t]
        dc = dc + dh * o * (1 - np.tanh(step["c"]) ** 2)
        slope = 1 - z**2
        slope[:, : 3 * H] = z[:, : 3 * H] * (1 - z[:, : 3 * H])
        da = np.hstack([dc * g, dc * step["c_prev"], dh * np.tanh(step["c"]), dc * i]) * slope
        grads["W"] += x[t].T @ da
        grads["U"] += step["h_prev"].T @ da
        grads["b"] += np.ones(B) @ da
        grads["x"][t] = da @ W.T
        dh, dc = da @ U.T, dc * f
    return grads | {"h0": dh, "c0": dc}
