"""My RNN: parameters in a dictionary, all steps in lists."""

import numpy as np


def forward(inputs, start, p):
    hidden, before = [start], []
    for step, x in enumerate(inputs):
        before.append(x @ p["Wxh"] + hidden[step] @ p["Whh"] + p["bh"])
        hidden.append(np.tanh(before[step]))
    return {"hidden": hidden, "before": before, "inputs": inputs}


def backward(d_hidden, memory, p):
    hidden, inputs = memory["hidden"], memory["inputs"]
    grads = {name: np.zeros_like(array) for name, array in p.items()}
    d_inputs = [None] * len(inputs)
    from_right = np.zeros_like(hidden[0])
    for step in reversed(range(len(inputs))):
        x, prev, now = inputs[step], hidden[step], hidden[step + 1]
        err = d_hidden[step] + from_right
        d = err * (1 - now**2)
        grads["Wxh"] += x.T @ d
        grads["Whh"] += prev.T @ d
        grads["bh"] += d.sum(axis=0)
        d_inputs[step] = d @ p["Wxh"].T
        from_right = d @ p["Whh"].T
    return grads | {"inputs": d_inputs, "start": from_right}
