"""My linear layer: one step after the other, parameters in a dictionary."""

import numpy as np


def forward(xs, p):
    outputs = [x @ p["w"] + p["bias"] for x in xs]
    return {"y": outputs, "xs": xs}


def backward(d_y, memory, p):
    xs = memory["xs"]
    d_w, d_bias, d_xs = np.zeros_like(p["w"]), np.zeros_like(p["bias"]), []
    for x, d in zip(xs, d_y):
        d_w += x.T @ d
        d_bias += d.sum(axis=0)
        d_xs.append(d @ p["w"].T)
    return {"xs": d_xs, "w": d_w, "bias": d_bias}
