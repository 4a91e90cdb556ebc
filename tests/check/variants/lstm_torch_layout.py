"""LSTM with PyTorch's parameters: rows in the order i f g o, two biases."""

import numpy as np
from variants import drawing
from variants.drawing import B, D, H, T

FAULT = ("bias_hh=d_bias", "bias_hh=d_bias / 2")


def draw(rng, size):
    states = drawing.normal(rng, 1.0, input=(T, B, D), h_0=(B, H), c_0=(B, H))
    weights = {"weight_ih": (4 * H, D), "weight_hh": (4 * H, H), "bias_ih": (4 * H,), "bias_hh": (4 * H,)}
    return states | drawing.normal(rng, size, **weights)


def reference(inputs):
    states = [inputs[name] for name in ("input", "h_0", "c_0")]
    return drawing.lstm(*states, inputs["weight_ih"].T, inputs["weight_hh"].T, inputs["bias_ih"] + inputs["bias_hh"])


def forward(inputs):
    x, h, c, w_ih, w_hh, b_ih, b_hh = inputs.values()
    outputs, saved = [], []
    for x_t in x:
        gates = x_t @ w_ih.T + b_ih + h @ w_hh.T + b_hh
        i, f, g, o = np.split(gates, 4, axis=1)
        i, f, o = (0.5 * (1 + np.tanh(0.5 * a)) for a in (i, f, o))
        g = np.tanh(g)
        c_new = f * c + i * g
        saved.append((x_t, h, c, i, f, g, o, np.tanh(c_new)))
        c = c_new
        h = o * np.tanh(c)
        outputs.append(h)
    return {"output": np.stack(outputs), "c_n": c}, (saved, w_ih, w_hh)


def backward(upstream, cache):
    saved, w_ih, w_hh = cache
    d_w_ih, d_w_hh, d_bias = np.zeros_like(w_ih), np.zeros_like(w_hh), np.zeros(4 * H)
    dh, dc = 0, upstream["c_n"]
    dx = []
    for (x_t, h, c, i, f, g, o, tanh_c), d_output in zip(reversed(saved), upstream["output"][::-1], strict=True):
        dh = dh + d_output
        dc = dc + dh * o * (1 - tanh_c * tanh_c)
        d_gates = np.hstack(
            [dc * g * i * (1 - i), dc * c * f * (1 - f), dc * i * (1 - g * g), dh * tanh_c * o * (1 - o)]
        )
        d_w_ih += d_gates.T @ x_t
        d_w_hh += d_gates.T @ h
        d_bias += d_gates.sum(0)
        dx.insert(0, d_gates @ w_ih)
        dh = d_gates @ w_hh
        dc = dc * f
    return dict(
        input=np.stack(dx), h_0=dh, c_0=dc, weight_ih=d_w_ih, weight_hh=d_w_hh, bias_ih=d_bias, bias_hh=d_bias
    )
