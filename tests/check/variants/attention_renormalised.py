"""Attention that masks after the softmax and divides by what is left: the same as masked scores."""

import numpy as np
from variants.drawing import E, attend, attention_inputs

FAULT = ("d_kept = (d_alpha - (d_alpha * alpha).sum(axis=-1, keepdims=True)) / total", "d_kept = d_alpha / total")
draw = attention_inputs


def reference(inputs):
    return attend(**inputs)


def forward(inputs):
    q, k, v, mask = inputs.values()
    scores = q @ k.swapaxes(1, 2) / np.sqrt(E)
    powers = np.exp(scores - scores.real.max(axis=-1, keepdims=True))
    p = powers / powers.sum(axis=-1, keepdims=True)
    kept = p * mask
    total = kept.sum(axis=-1, keepdims=True)
    alpha = kept / total
    return {"context": alpha @ v}, (q, k, v, mask, p, total, alpha)


def backward(upstream, cache):
    q, k, v, mask, p, total, alpha = cache
    d_alpha = upstream["context"] @ v.swapaxes(1, 2)
    d_kept = (d_alpha - (d_alpha * alpha).sum(axis=-1, keepdims=True)) / total
    d_p = d_kept * mask
    d_scores = p * (d_p - (d_p * p).sum(axis=-1, keepdims=True)) / np.sqrt(E)
    return {"q": d_scores @ k, "k": d_scores.swapaxes(1, 2) @ q, "v": alpha.swapaxes(1, 2) @ upstream["context"]}
