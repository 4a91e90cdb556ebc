"""A softmax in Numba."""

import numpy as np
from numba import njit


@njit
def forward(z):
    p = np.empty_like(z)
    for row in range(z.shape[0]):
        total = 0.0
        for k in range(z.shape[1]):
            p[row, k] = np.exp(z[row, k])
            total += p[row, k]
        for k in range(z.shape[1]):
            p[row, k] /= total
    return p


@njit
def backward(dp, p):
    dz = np.empty_like(p)
    for row in range(p.shape[0]):
        inner = 0.0
        for k in range(p.shape[1]):
            inner += dp[row, k] * p[row, k]
        for k in range(p.shape[1]):
            dz[row, k] = p[row, k] * (dp[row, k] - inner)
    return dz
