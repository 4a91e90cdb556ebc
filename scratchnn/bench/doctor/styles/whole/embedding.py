"""Embedding as a product with one-hot rows."""

import numpy as np


def forward(ids, W):
    one_hot = np.eye(len(W))[ids]
    return one_hot @ W, one_hot


def backward(dY, one_hot):
    return np.tensordot(one_hot, dY, axes=((0, 1), (0, 1)))
