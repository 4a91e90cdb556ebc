"""Plain RNN with relu, which has a kink at zero: the slope is kept as a mask."""

import numpy as np
from variants import drawing
from variants.drawing import B, D, H, T

from scratchnn import ops

FAULT = ("da = dh * open_", "da = dh")


def draw(rng, size):
    states = drawing.normal(rng, 1.0, x=(T, B, D), h0=(B, H))
    return states | drawing.normal(rng, size, W_x=(D, H), W_h=(H, H), b=(H,))


def reference(inputs):
    x, h0, *params = inputs.values()
    rnn = ops.rnn.reference
    return {"h": rnn.forward(x, h0, rnn.Params(*params), nonlinearity="relu").h[1:]}


def forward(inputs):
    x, h, W_x, W_h, b = inputs.values()
    hs, opened = [h], []
    for x_t in x:
        a = x_t @ W_x + hs[-1] @ W_h + b
        opened.append(a.real > 0)
        hs.append(a * opened[-1])
    return {"h": np.stack(hs[1:])}, (x, W_x, W_h, hs, opened)


def backward(upstream, cache):
    x, W_x, W_h, hs, opened = cache
    dW_x, dW_h, db, dx = np.zeros_like(W_x), np.zeros_like(W_h), np.zeros(H), np.zeros_like(x)
    dh = np.zeros((B, H))
    for t in reversed(range(T)):
        dh, open_ = dh + upstream["h"][t], opened[t]
        da = dh * open_
        dW_x += x[t].T @ da
        dW_h += hs[t].T @ da
        db += da.sum(axis=0)
        dx[t] = da @ W_x.T
        dh = da @ W_h.T
    return {"x": dx, "h0": dh, "W_x": dW_x, "W_h": dW_h, "b": db}
