"""Attention of two heads in einsums, with -inf in the scores that are masked."""

import numpy as np
from variants import drawing
from variants.drawing import B, F, Q, S

from scratchnn import ops

FAULT = ("/ np.sqrt(WIDTH)\n    d_q", "/ np.sqrt(HEADS * WIDTH)\n    d_q")
HEADS, WIDTH = 2, 3


def draw(rng, size):
    mask = rng.random((B, S)) < 0.7
    mask[:, 0] = True
    return drawing.normal(rng, size, q=(B, Q, HEADS, WIDTH), k=(B, S, HEADS, WIDTH), v=(B, S, HEADS, F)) | {
        "mask": mask
    }


def reference(inputs):
    mask = inputs["mask"][:, None]
    heads = [
        ops.attention.reference.forward(*(inputs[name][:, :, head] for name in "qkv"), mask=mask).context
        for head in range(HEADS)
    ]
    return {"context": np.stack(heads, axis=2)}


def forward(inputs):
    q, k, v, mask = inputs.values()
    scores = np.einsum("bqne,bsne->bnqs", q, k) / np.sqrt(WIDTH)
    scores = np.where(mask[:, None, None], scores, -np.inf)
    alpha = np.exp(scores - scores.real.max(axis=-1, keepdims=True))
    alpha = alpha / np.einsum("bnqs->bnq", alpha)[..., None]
    return {"context": np.einsum("bnqs,bsnf->bqnf", alpha, v)}, (q, k, v, alpha)


def backward(upstream, cache):
    q, k, v, alpha = cache
    d_v = np.einsum("bnqs,bqnf->bsnf", alpha, upstream["context"])
    d_alpha = np.einsum("bqnf,bsnf->bnqs", upstream["context"], v)
    d_scores = alpha * (d_alpha - np.einsum("bnqs,bnqs->bnq", alpha, d_alpha)[..., None]) / np.sqrt(WIDTH)
    d_q = np.einsum("bnqs,bsne->bqne", d_scores, k)
    d_k = np.einsum("bnqs,bqne->bsne", d_scores, q)
    return {"q": d_q, "k": d_k, "v": d_v}
