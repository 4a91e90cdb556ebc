"""Attention in loops over sequences and queries, each with only the sources that it may see."""

import numpy as np
from variants.drawing import B, E, Q, attend, attention_inputs

FAULT = ('grads["k"][b, seen] += np.outer(d_score, q[b, i])', 'grads["k"][b, seen] = np.outer(d_score, q[b, i])')
draw = attention_inputs


def reference(inputs):
    return attend(**inputs)


def forward(inputs):
    q, k, v, mask = inputs.values()
    rows, kept = [], []
    for b in range(B):
        for i in range(Q):
            seen = np.flatnonzero(mask[b, i])
            score = k[b, seen] @ q[b, i] / E**0.5
            power = np.exp(score - score.real.max())
            alpha = power / power.sum()
            rows.append(alpha @ v[b, seen])
            kept.append((b, i, seen, alpha))
    return {"context": np.array(rows).reshape(B, Q, -1)}, (q, k, v, kept)


def backward(upstream, cache):
    q, k, v, kept = cache
    grads = {"q": np.zeros_like(q), "k": np.zeros_like(k), "v": np.zeros_like(v)}
    for b, i, seen, alpha in kept:
        d_context = upstream["context"][b, i]
        grads["v"][b, seen] += np.outer(alpha, d_context)
        d_alpha = v[b, seen] @ d_context
        d_score = alpha * (d_alpha - alpha @ d_alpha) / E**0.5
        grads["q"][b, i] = d_score @ k[b, seen]
        grads["k"][b, seen] += np.outer(d_score, q[b, i])
    return grads
