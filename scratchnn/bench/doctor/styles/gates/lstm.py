"""My LSTM: one matrix for every gate in a dictionary, all steps in lists."""

import numpy as np


def sig(v):
    return 1.0 / (1.0 + np.exp(-v))


def forward(inputs, start_h, start_c, p):
    hidden, cell = [start_h], [start_c]
    forget, write, cand, read, squashed = [], [], [], [], []
    for step, x in enumerate(inputs):
        prev = hidden[step]
        forget.append(sig(x @ p["Wxf"] + prev @ p["Whf"] + p["bf"]))
        write.append(sig(x @ p["Wxi"] + prev @ p["Whi"] + p["bi"]))
        cand.append(np.tanh(x @ p["Wxc"] + prev @ p["Whc"] + p["bc"]))
        read.append(sig(x @ p["Wxo"] + prev @ p["Who"] + p["bo"]))
        cell.append(forget[step] * cell[step] + write[step] * cand[step])
        squashed.append(np.tanh(cell[step + 1]))
        hidden.append(read[step] * squashed[step])
    return {"hidden": hidden, "cell": cell, "gates": (forget, write, cand, read, squashed), "inputs": inputs}


def backward(d_hidden, d_last_cell, memory, p):
    hidden, cell, inputs = memory["hidden"], memory["cell"], memory["inputs"]
    forget, write, cand, read, squashed = memory["gates"]
    grads = {name: np.zeros_like(array) for name, array in p.items()}
    d_inputs = [None] * len(inputs)
    from_right_h = np.zeros_like(hidden[0])
    from_right_c = d_last_cell
    for step in reversed(range(len(inputs))):
        x, prev, old = inputs[step], hidden[step], cell[step]
        err = d_hidden[step] + from_right_h
        err_cell = from_right_c + err * read[step] * (1 - squashed[step] ** 2)
        d_f = err_cell * old * forget[step] * (1 - forget[step])
        d_i = err_cell * cand[step] * write[step] * (1 - write[step])
        d_c = err_cell * write[step] * (1 - cand[step] ** 2)
        d_o = err * squashed[step] * read[step] * (1 - read[step])
        d_x = 0
        back_h = 0
        for gate, d in (("f", d_f), ("i", d_i), ("c", d_c), ("o", d_o)):
            grads["Wx" + gate] += x.T @ d
            grads["Wh" + gate] += prev.T @ d
            grads["b" + gate] += d.sum(axis=0)
            d_x = d_x + d @ p["Wx" + gate].T
            back_h = back_h + d @ p["Wh" + gate].T
        d_inputs[step] = d_x
        from_right_h = back_h
        from_right_c = err_cell * forget[step]
    grads["inputs"] = d_inputs
    grads["start_h"], grads["start_c"] = from_right_h, from_right_c
    return grads
