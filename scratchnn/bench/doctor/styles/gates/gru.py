"""My GRU: one matrix for every gate in a dictionary, all steps in lists; z is the share of the new."""

import numpy as np


def sig(v):
    return 1.0 / (1.0 + np.exp(-v))


def forward(inputs, start, p):
    hidden, reset, update, state_part, cand = [start], [], [], [], []
    for step, x in enumerate(inputs):
        prev = hidden[step]
        reset.append(sig(x @ p["Wr"] + prev @ p["Ur"] + p["br"]))
        update.append(sig(x @ p["Wz"] + prev @ p["Uz"] + p["bz"]))
        state_part.append(prev @ p["Uh"] + p["bu"])
        cand.append(np.tanh(x @ p["Wh"] + p["bh"] + reset[step] * state_part[step]))
        hidden.append((1 - update[step]) * prev + update[step] * cand[step])
    return {"hidden": hidden, "reset": reset, "update": update, "part": state_part, "cand": cand, "inputs": inputs}


def backward(d_hidden, memory, p):
    hidden, inputs = memory["hidden"], memory["inputs"]
    reset, update, part, cand = memory["reset"], memory["update"], memory["part"], memory["cand"]
    grads = {name: np.zeros_like(array) for name, array in p.items()}
    d_inputs = [None] * len(inputs)
    from_right = np.zeros_like(hidden[0])
    for step in reversed(range(len(inputs))):
        x, prev = inputs[step], hidden[step]
        err = d_hidden[step] + from_right
        d_cand = err * update[step] * (1 - cand[step] ** 2)
        d_update = err * (cand[step] - prev) * update[step] * (1 - update[step])
        d_reset = d_cand * part[step] * reset[step] * (1 - reset[step])
        d_part = d_cand * reset[step]
        grads["Wr"] += x.T @ d_reset
        grads["Wz"] += x.T @ d_update
        grads["Wh"] += x.T @ d_cand
        grads["Ur"] += prev.T @ d_reset
        grads["Uz"] += prev.T @ d_update
        grads["Uh"] += prev.T @ d_part
        grads["br"] += d_reset.sum(axis=0)
        grads["bz"] += d_update.sum(axis=0)
        grads["bh"] += d_cand.sum(axis=0)
        grads["bu"] += d_part.sum(axis=0)
        d_inputs[step] = d_reset @ p["Wr"].T + d_update @ p["Wz"].T + d_cand @ p["Wh"].T
        gates_back = d_reset @ p["Ur"].T + d_update @ p["Uz"].T
        from_right = err * (1 - update[step]) + gates_back + d_part @ p["Uh"].T
    return grads | {"inputs": d_inputs, "start": from_right}
