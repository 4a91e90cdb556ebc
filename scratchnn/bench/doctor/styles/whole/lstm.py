"""LSTM on whole tensors: every slope is made before the loop, the loop carries one product, sums come after it."""

import numpy as np


def forward(X, h0, c0, W, U, b):
    T, B, _ = X.shape
    H = h0.shape[1]
    A = X @ W + b
    G = np.zeros((4, T, B, H))
    C, S = np.zeros((2, T + 1, B, H))
    S[0], C[0] = h0, c0
    for t in range(T):
        G[:, t] = (A[t] + S[t] @ U).reshape(B, 4, H).transpose(1, 0, 2)
        G[[0, 1, 3], t] = 1 / (1 + np.exp(-G[[0, 1, 3], t]))
        G[2, t] = np.tanh(G[2, t])
        C[t + 1] = G[1, t] * C[t] + G[0, t] * G[2, t]
        S[t + 1] = G[3, t] * np.tanh(C[t + 1])
    return S, C, (X, G, S, C)


def backward(dS, dC, cache, W, U, b):
    X, G, S, C = cache
    T, B, H = dS.shape
    Q = np.tanh(C[1:])
    through = G[3] * (1 - Q**2)
    slopes = G * (1 - G)
    slopes[2] = 1 - G[2] ** 2
    lever = np.stack([G[2], C[:-1], G[0]]) * slopes[:3]
    lever_o = Q * slopes[3]
    D = np.zeros((T, B, 4 * H))
    left, kept = dC, np.zeros((B, H))
    for t in range(T - 1, -1, -1):
        kept = dS[t] + kept
        left = left + kept * through[t]
        D[t] = np.concatenate([*(left * lever[:, t]), kept * lever_o[t]], axis=1)
        left = left * G[1, t]
        kept = D[t] @ U.T
    rows = D.reshape(T * B, 4 * H)
    dX = D @ W.T
    dW = X.reshape(T * B, -1).T @ rows
    dU = S[:-1].reshape(T * B, H).T @ rows
    db = rows.sum(axis=0)
    return dX, kept, left, dW, dU, db
