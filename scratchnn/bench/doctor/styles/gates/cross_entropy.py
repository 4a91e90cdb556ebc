"""My cross-entropy: one row after the other, the mean of all."""

import numpy as np


def forward(scores, labels):
    table, kinds = scores.reshape(-1, scores.shape[-1]), labels.reshape(-1)
    total, probs = 0.0, []
    for row, kind in zip(table, kinds):
        power = np.exp(row - row.max())
        probs.append(power / power.sum())
        total = total - np.log(probs[-1][kind])
    return {"loss": total / len(table), "probs": probs, "kinds": kinds, "shape": scores.shape}


def backward(d_loss, memory):
    d_rows = []
    count = len(memory["kinds"])
    for prob, kind in zip(memory["probs"], memory["kinds"]):
        hot = np.zeros_like(prob)
        hot[kind] = 1.0
        share = d_loss / count
        d_rows.append(share * (prob - hot))
    return {"scores": np.array(d_rows).reshape(memory["shape"])}
