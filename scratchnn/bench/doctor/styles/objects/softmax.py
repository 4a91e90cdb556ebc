"""Softmax as a class."""

import numpy as np


class Softmax:
    def forward(self, z):
        e = np.exp(z - z.max(axis=-1, keepdims=True))
        self.p = e / e.sum(axis=-1, keepdims=True)
        return self.p

    def backward(self, dp):
        inner = np.sum(dp * self.p, axis=-1, keepdims=True)
        self.dz = self.p * (dp - inner)
        return self.dz
