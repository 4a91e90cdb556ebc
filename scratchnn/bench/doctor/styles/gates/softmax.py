"""My softmax: one row after the other."""

import numpy as np


def forward(scores):
    rows = []
    for row in scores:
        power = np.exp(row - row.max())
        rows.append(power / power.sum())
    return {"p": np.array(rows)}


def backward(d_p, memory):
    d_scores = []
    for row, d_row in zip(memory["p"], d_p):
        total = (row * d_row).sum()
        d_scores.append(row * (d_row - total))
    return {"scores": np.array(d_scores)}
