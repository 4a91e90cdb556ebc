"""LSTM with a matrix and a bias for each gate, its steps in lists, and names of its own."""

import numpy as np
from variants import drawing
from variants.drawing import B, D, H, T

FAULT = ("carry_c = grad_c * forget", "carry_c = grad_c")
GATES = ("in", "forget", "cand", "out")


def draw(rng, size):
    shapes = {f"w_{gate}": (D, H) for gate in GATES} | {f"u_{gate}": (H, H) for gate in GATES}
    shapes |= {f"bias_{gate}": (H,) for gate in GATES}
    states = drawing.normal(rng, 1.0, xs=(T, B, D), first_h=(B, H), first_c=(B, H))
    return states | drawing.normal(rng, size, **shapes)


def reference(inputs):
    W_x, W_h, b = (
        np.concatenate([inputs[f"{kind}_{gate}"] for gate in GATES], axis=-1) for kind in ("w", "u", "bias")
    )
    return drawing.lstm(inputs["xs"], inputs["first_h"], inputs["first_c"], W_x, W_h, b)


def logistic(a):
    return 1 / (1 + np.exp(-a))


def forward(inputs):
    hidden, cell = [inputs["first_h"]], [inputs["first_c"]]
    gates = []
    for t in range(T):
        before = {
            gate: inputs["xs"][t] @ inputs[f"w_{gate}"] + hidden[-1] @ inputs[f"u_{gate}"] + inputs[f"bias_{gate}"]
            for gate in GATES
        }
        now = {gate: np.tanh(a) if gate == "cand" else logistic(a) for gate, a in before.items()}
        cell.append(now["forget"] * cell[-1] + now["in"] * now["cand"])
        hidden.append(now["out"] * np.tanh(cell[-1]))
        gates.append(now)
    return {"h": np.array(hidden[1:]), "c_last": cell[-1]}, (inputs, hidden, cell, gates)


def backward(upstream, cache):
    inputs, hidden, cell, gates = cache
    grads = {name: np.zeros_like(array) for name, array in inputs.items()}
    carry_h, carry_c = np.zeros((B, H)), upstream["c_last"]
    for t in reversed(range(T)):
        now, squashed = gates[t], np.tanh(cell[t + 1])
        forget = now["forget"]
        grad_h = upstream["h"][t] + carry_h
        grad_c = carry_c + grad_h * now["out"] * (1 - squashed**2)
        grad_a = {
            "in": grad_c * now["cand"] * now["in"] * (1 - now["in"]),
            "forget": grad_c * cell[t] * forget * (1 - forget),
            "cand": grad_c * now["in"] * (1 - now["cand"] ** 2),
            "out": grad_h * squashed * now["out"] * (1 - now["out"]),
        }
        carry_c = grad_c * forget
        carry_h = np.zeros((B, H))
        for gate in GATES:
            grads[f"w_{gate}"] += inputs["xs"][t].T @ grad_a[gate]
            grads[f"u_{gate}"] += hidden[t].T @ grad_a[gate]
            grads[f"bias_{gate}"] += grad_a[gate].sum(axis=0)
            grads["xs"][t] += grad_a[gate] @ inputs[f"w_{gate}"].T
            carry_h = carry_h + grad_a[gate] @ inputs[f"u_{gate}"].T
    grads["first_h"], grads["first_c"] = carry_h, carry_c
    return grads
