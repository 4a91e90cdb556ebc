"""Linear layer in three loops, number by number."""

import numpy as np
from variants import drawing

from scratchnn import ops

FAULT = ("db[m] += dy[k, m]", "db[m] = dy[k, m]")
N, WIDE, NARROW = 4, 3, 2


def draw(rng, size):
    return drawing.normal(rng, size, x=(N, WIDE), W=(WIDE, NARROW), b=(NARROW,))


def reference(inputs):
    linear = ops.linear.reference
    return {"y": linear.forward(inputs["x"], linear.Params(inputs["W"], inputs["b"])).y}


def forward(inputs):
    x, W, b = inputs.values()
    y = np.zeros((N, NARROW), np.result_type(x, W, b))
    for k in range(N):
        for m in range(NARROW):
            y[k, m] = b[m]
            for j in range(WIDE):
                y[k, m] += x[k, j] * W[j, m]
    return {"y": y}, (x, W)


def backward(upstream, cache):
    x, W = cache
    dy = upstream["y"]
    dx, dW, db = np.zeros_like(x), np.zeros_like(W), np.zeros(NARROW)
    for k in range(N):
        for m in range(NARROW):
            db[m] += dy[k, m]
            for j in range(WIDE):
                dx[k, j] += dy[k, m] * W[j, m]
                dW[j, m] += dy[k, m] * x[k, j]
    return {"x": dx, "W": dW, "b": db}
