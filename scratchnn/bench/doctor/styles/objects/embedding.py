"""Embedding layer as a class; the gradient is an attribute."""

import numpy as np


class Embedding:
    def __init__(self, vocab_size, embedding_size):
        self.W = np.zeros((vocab_size, embedding_size))

    def forward(self, ids):
        self.ids = ids
        return self.W[ids]

    def backward(self, dy):
        self.dW = np.zeros_like(self.W)
        np.add.at(self.dW, self.ids, dy)
        return None
