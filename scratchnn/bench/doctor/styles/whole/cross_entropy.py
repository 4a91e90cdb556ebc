"""Mean cross-entropy in one expression each way."""

import numpy as np


def forward(Z, y):
    P = np.exp(Z) / np.exp(Z).sum(axis=-1, keepdims=True)
    Y = np.eye(Z.shape[-1])[y]
    return -np.log((P * Y).sum(axis=-1)).mean(), P, Y


def backward(dL, P, Y):
    return dL * (P - Y) / P[..., 0].size
