"""Attention that keeps only the logarithm of each row's sum; the weights are computed again from it."""

import numpy as np
from variants.drawing import E, attend, attention_inputs

FAULT = ('row = (upstream["context"] * context).sum(axis=-1, keepdims=True)', "row = 0")
draw = attention_inputs


def reference(inputs):
    return attend(**inputs)


def scores_of(q, k, mask):
    return np.where(mask, q @ k.swapaxes(1, 2) / np.sqrt(E), -1e30)


def forward(inputs):
    q, k, v, mask = inputs.values()
    scores = scores_of(q, k, mask)
    top = scores.real.max(axis=-1, keepdims=True)
    log_sum = top + np.log(np.exp(scores - top).sum(axis=-1, keepdims=True))
    context = np.exp(scores - log_sum) @ v
    return {"context": context}, (q, k, v, mask, log_sum, context.copy())


def backward(upstream, cache):
    q, k, v, mask, log_sum, context = cache
    alpha = np.exp(scores_of(q, k, mask) - log_sum)
    row = (upstream["context"] * context).sum(axis=-1, keepdims=True)
    d_scores = alpha * (upstream["context"] @ v.swapaxes(1, 2) - row) / np.sqrt(E)
    d_v = alpha.swapaxes(1, 2) @ upstream["context"]
    return {"q": d_scores @ k, "k": d_scores.swapaxes(1, 2) @ q, "v": d_v}
