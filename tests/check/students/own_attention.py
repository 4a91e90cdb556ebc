"""Scaled dot-product attention; forward returns (context, alpha, inputs)."""

import numpy as np


def forward(q, k, v):
    scores = q @ k.swapaxes(1, 2) / np.sqrt(q.shape[-1])
    power = np.exp(scores - scores.real.max(axis=-1, keepdims=True))
    alpha = power / power.sum(axis=-1, keepdims=True)
    return alpha @ v, alpha, (q, k, v)


def backward(dcontext, cache, dalpha=None):
    _, alpha, (q, k, v) = cache
    dv = alpha.swapaxes(1, 2) @ dcontext
    dalpha_all = dcontext @ v.swapaxes(1, 2) + (0 if dalpha is None else dalpha)
    dscores = alpha * (dalpha_all - (alpha * dalpha_all).sum(axis=-1, keepdims=True))
    dscores = dscores / np.sqrt(q.shape[-1])
    return {"q": dscores @ k, "k": dscores.swapaxes(1, 2) @ q, "v": dv}
