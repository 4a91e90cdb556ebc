"""LSTM as objects: a cell that keeps its parameters, its gradients and what it saw as attributes."""

import numpy as np
from variants import drawing
from variants.drawing import B, D, H, T

FAULT = ("self.grad_w += np.outer(d_a, seen)", "self.grad_w = np.outer(d_a, seen)")


def draw(rng, size):
    states = drawing.normal(rng, 1.0, x=(T, B, D), h0=(B, H), c0=(B, H))
    return states | drawing.normal(rng, size, w=(4 * H, H + D), b=(4 * H,))


def reference(inputs):
    w = inputs["w"].T
    return drawing.lstm(inputs["x"], inputs["h0"], inputs["c0"], w[H:], w[:H], inputs["b"])


class Cell:
    """One sequence of the batch, a vector at a time."""

    def __init__(self, w, b, h, c):
        self.w, self.b, self.h, self.c = w, b, h, c
        self.memory = []
        self.grad_w, self.grad_b = np.zeros(w.shape), np.zeros(b.shape)
        self.grad_h, self.grad_c = np.zeros(H), np.zeros(H)

    def read(self, x):
        seen = np.concatenate([self.h, x])
        a = self.w @ seen + self.b
        gates = 1 / (1 + np.exp(-a[:H])), 1 / (1 + np.exp(-a[H : 2 * H])), np.tanh(a[2 * H : 3 * H])
        out = 1 / (1 + np.exp(-a[3 * H :]))
        self.memory.append((seen, self.c, *gates, out))
        self.c = gates[1] * self.c + gates[0] * gates[2]
        self.h = out * np.tanh(self.c)
        return self.h

    def unread(self, memory, c, d_h):
        seen, c_before, i, f, g, o = memory
        d_h = d_h + self.grad_h
        d_c = self.grad_c + d_h * o * (1 - np.tanh(c) ** 2)
        d_a = np.concatenate([d_c * g * i * (1 - i), d_c * c_before * f * (1 - f), d_c * i * (1 - g**2)])
        d_a = np.concatenate([d_a, d_h * np.tanh(c) * o * (1 - o)])
        self.grad_w += np.outer(d_a, seen)
        self.grad_b += d_a
        self.grad_c = d_c * f
        d_seen = self.w.T @ d_a
        self.grad_h = d_seen[:H]
        return d_seen[H:]


def forward(inputs):
    cells = [Cell(inputs["w"], inputs["b"], inputs["h0"][k], inputs["c0"][k]) for k in range(B)]
    hs = [[cell.read(inputs["x"][t, k]) for k, cell in enumerate(cells)] for t in range(T)]
    return {"h": np.array(hs), "c_last": np.array([cell.c for cell in cells])}, cells


def backward(upstream, cells):
    grads = {"x": np.zeros((T, B, D)), "h0": np.zeros((B, H)), "c0": np.zeros((B, H))}
    grads |= {"w": np.zeros((4 * H, H + D)), "b": np.zeros(4 * H)}
    for k, seen in enumerate(cells):
        cell = Cell(seen.w, seen.b, seen.h, seen.c)  # a fresh one, so that calling twice gives the same
        cell.grad_c = upstream["c_last"][k]
        after = seen.c
        for t in reversed(range(T)):
            grads["x"][t, k] = cell.unread(seen.memory[t], after, upstream["h"][t, k])
            after = seen.memory[t][1]
        grads["h0"][k], grads["c0"][k] = cell.grad_h, cell.grad_c
        grads["w"] += cell.grad_w
        grads["b"] += cell.grad_b
    return grads
