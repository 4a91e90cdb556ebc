"""Mean cross-entropy as a logarithm of the softmax followed by picking; its backward goes through both."""

import numpy as np
from variants import drawing

from scratchnn import ops

FAULT = ("d_log_p - p * d_log_p.sum(axis=1, keepdims=True)", "p * d_log_p")
N, C = 4, 3


def draw(rng, size):
    return drawing.normal(rng, size, logits=(N, C)) | {"targets": rng.integers(0, C, size=N)}


def reference(inputs):
    return {"loss": ops.cross_entropy.reference.forward(inputs["logits"], inputs["targets"]).loss}


def forward(inputs):
    logits, targets = inputs.values()
    shifted = logits - logits.real.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return {"loss": -log_p[np.arange(N), targets].mean()}, (log_p, targets)


def backward(upstream, cache):
    log_p, targets = cache
    d_log_p = np.zeros((N, C))
    d_log_p[np.arange(N), targets] = -upstream["loss"] / N
    p = np.exp(log_p)
    return {"logits": d_log_p - p * d_log_p.sum(axis=1, keepdims=True)}
