"""Attention with the online softmax: one source after the other, the running sum rescaled at every new maximum."""

import numpy as np
from variants.drawing import B, E, F, Q, S, attend, attention_inputs

FAULT = ("d_score = weight * (d_weight - row)", "d_score = weight * (1 - weight) * d_weight")
draw = attention_inputs


def reference(inputs):
    return attend(**inputs)


def forward(inputs):
    q, k, v, mask = inputs.values()
    top, total, context = np.full((B, Q, 1), -np.inf), np.zeros((B, Q, 1)), np.zeros((B, Q, F))
    for s in range(S):
        score = (q * k[:, s : s + 1]).sum(axis=-1, keepdims=True) / np.sqrt(E)
        score = np.where(mask[:, :, s : s + 1], score, -np.inf)
        higher = np.where(score.real > top.real, score.real, top.real)
        with np.errstate(invalid="ignore"):
            shrink = np.where(np.isinf(top), 0, np.exp(top - higher))
        power = np.exp(score - higher)
        total = total * shrink + power
        context = context * shrink + power * v[:, s : s + 1]
        top = higher
    context = context / total
    return {"context": context}, (q, k, v, mask, top, total, context.copy())


def backward(upstream, cache):
    q, k, v, mask, top, total, context = cache
    row = (upstream["context"] * context).sum(axis=-1)
    d_q, d_k, d_v = np.zeros_like(q), np.zeros_like(k), np.zeros_like(v)
    for s in range(S):
        score = np.where(mask[:, :, s], (q * k[:, s : s + 1]).sum(axis=-1) / np.sqrt(E), -np.inf)
        weight = np.exp(score - top[:, :, 0]) / total[:, :, 0]
        d_v[:, s] = (weight[:, :, None] * upstream["context"]).sum(axis=1)
        d_weight = (upstream["context"] * v[:, s : s + 1]).sum(axis=-1)
        d_score = weight * (d_weight - row)
        d_q += d_score[:, :, None] * k[:, s : s + 1] / np.sqrt(E)
        d_k[:, s] = (d_score[:, :, None] * q).sum(axis=1) / np.sqrt(E)
    return {"q": d_q, "k": d_k, "v": d_v}
