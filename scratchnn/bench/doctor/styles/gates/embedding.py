"""My embedding: one word after the other."""

import numpy as np


def forward(words, p):
    return {"y": p["table"][words], "words": words}


def backward(d_y, memory, p):
    d_table = np.zeros_like(p["table"])
    ids, rows = memory["words"].reshape(-1), d_y.reshape(-1, d_y.shape[-1])
    for k in range(len(ids)):
        d_table[ids[k]] += rows[k]
    return {"table": d_table}
