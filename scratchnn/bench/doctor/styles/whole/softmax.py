"""Softmax through its full Jacobian."""

import numpy as np


def forward(Z):
    E = np.exp(Z)
    return E / E.sum(axis=1, keepdims=True)


def backward(dP, P):
    J = P[:, :, None] * np.eye(P.shape[1]) - P[:, :, None] * P[:, None, :]
    return np.einsum("nij,nj->ni", J, dP)
