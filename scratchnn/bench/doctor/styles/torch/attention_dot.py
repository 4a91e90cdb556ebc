"""Scaled dot-product attention, named as in PyTorch's functional."""

import math

import numpy as np


def attention_forward(query, key, value):
    scale = 1 / math.sqrt(query.shape[-1])
    attn = query @ key.transpose(0, 2, 1) * scale
    attn = np.exp(attn - attn.max(axis=-1, keepdims=True))
    attn_weight = attn / attn.sum(axis=-1, keepdims=True)
    return attn_weight @ value, attn_weight, (query, key, value)


def attention_backward(grad_output, attn_weight, query, key, value):
    scale = 1 / math.sqrt(query.shape[-1])
    grad_value = attn_weight.transpose(0, 2, 1) @ grad_output
    grad_weight = grad_output @ value.transpose(0, 2, 1)
    grad_attn = attn_weight * (grad_weight - (grad_weight * attn_weight).sum(axis=-1, keepdims=True))
    grad_query = grad_attn @ key * scale
    grad_key = grad_attn.transpose(0, 2, 1) @ query * scale
    return grad_query, grad_key, grad_value
