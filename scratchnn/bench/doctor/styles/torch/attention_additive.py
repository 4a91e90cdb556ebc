"""Additive attention with matrices as in PyTorch's Linear: (outputs, inputs)."""

import numpy as np


def attention_forward(query, keys, values, weight_q, weight_k, weight_v):
    projected = (query @ weight_q.T)[:, :, None] + (keys @ weight_k.T)[:, None]
    energy = np.tanh(projected)
    scores = energy @ weight_v
    scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
    attn = scores / scores.sum(axis=-1, keepdims=True)
    return attn @ values, attn, (query, keys, values, energy)


def attention_backward(grad_output, attn, cache, weight_q, weight_k, weight_v):
    query, keys, values, energy = cache
    grad_values = attn.transpose(0, 2, 1) @ grad_output
    grad_attn = grad_output @ values.transpose(0, 2, 1)
    grad_scores = attn * (grad_attn - (grad_attn * attn).sum(axis=-1, keepdims=True))
    grad_weight_v = np.einsum("bqs,bqsa->a", grad_scores, energy)
    grad_energy = grad_scores[..., None] * weight_v
    grad_projected = grad_energy * (1 - energy**2)
    grad_q = grad_projected.sum(axis=2)
    grad_k = grad_projected.sum(axis=1)
    grad_query = grad_q @ weight_q
    grad_keys = grad_k @ weight_k
    grad_weight_q = np.einsum("bqa,bqe->ae", grad_q, query)
    grad_weight_k = np.einsum("bsa,bse->ae", grad_k, keys)
    return grad_query, grad_keys, grad_values, grad_weight_q, grad_weight_k, grad_weight_v
