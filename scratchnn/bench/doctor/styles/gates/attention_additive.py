"""My additive attention: one query after the other, parameters in a dictionary."""

import numpy as np


def forward(queries, keys, values, p):
    weights, contexts, hiddens = [], [], []
    for n in range(queries.shape[1]):
        hiddens.append(np.tanh((queries[:, n] @ p["Wq"])[:, None] + keys @ p["Wk"]))
        score = hiddens[n] @ p["v"]
        power = np.exp(score - score.max(axis=1, keepdims=True))
        weights.append(power / power.sum(axis=1, keepdims=True))
        contexts.append((weights[n][:, :, None] * values).sum(axis=1))
    return {"context": np.stack(contexts, axis=1), "weights": weights, "hiddens": hiddens,
            "given": (queries, keys, values)}  # fmt: skip


def backward(d_context, memory, p):
    queries, keys, values = memory["given"]
    grads = {name: np.zeros_like(array) for name, array in p.items()}
    d_queries, d_keys, d_values = [], np.zeros_like(keys), np.zeros_like(values)
    for n in range(queries.shape[1]):
        weight, hidden, d_out = memory["weights"][n], memory["hiddens"][n], d_context[:, n]
        d_values += weight[:, :, None] * d_out[:, None]
        d_weight = (values * d_out[:, None]).sum(axis=2)
        d_score = weight * (d_weight - (weight * d_weight).sum(axis=1, keepdims=True))
        grads["v"] += (d_score[:, :, None] * hidden).sum(axis=(0, 1))
        d_hidden = d_score[:, :, None] * p["v"]
        d_sum = d_hidden * (1 - hidden**2)
        d_from_query = d_sum.sum(axis=1)
        grads["Wq"] += queries[:, n].T @ d_from_query
        grads["Wk"] += np.tensordot(keys, d_sum, axes=((0, 1), (0, 1)))
        d_queries.append(d_from_query @ p["Wq"].T)
        d_keys += d_sum @ p["Wk"].T
    return grads | {"queries": np.stack(d_queries, axis=1), "keys": d_keys, "values": d_values}
