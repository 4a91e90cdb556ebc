"""GRU on whole tensors: slopes before the loop, sums after it."""

import numpy as np


def forward(X, h0, W, U, b, b_hn):
    T, B, _ = X.shape
    H = h0.shape[1]
    A = X @ W + b
    R, Z, M, N = np.zeros((4, T, B, H))
    S = np.zeros((T + 1, B, H))
    S[0] = h0
    for t in range(T):
        P = S[t] @ U
        R[t] = 1 / (1 + np.exp(-A[t, :, :H] - P[:, :H]))
        Z[t] = 1 / (1 + np.exp(-A[t, :, H : 2 * H] - P[:, H : 2 * H]))
        M[t] = P[:, 2 * H :] + b_hn
        N[t] = np.tanh(A[t, :, 2 * H :] + R[t] * M[t])
        S[t + 1] = (1 - Z[t]) * N[t] + Z[t] * S[t]
    return S, (X, A, R, Z, M, N, S)


def backward(dS, cache, W, U, b, b_hn):
    X, A, R, Z, M, N, S = cache
    T, B, H = dS.shape
    to_n = (1 - Z) * (1 - N**2)
    to_z = (S[:-1] - N) * Z * (1 - Z)
    n_to_r = M * R * (1 - R)
    DX, DU = np.zeros((2, T, B, 3 * H))
    kept = np.zeros((B, H))
    for t in range(T - 1, -1, -1):
        kept = dS[t] + kept
        new = kept * to_n[t]
        DX[t] = np.concatenate([new * n_to_r[t], kept * to_z[t], new], axis=1)
        DU[t] = np.concatenate([new * n_to_r[t], kept * to_z[t], new * R[t]], axis=1)
        kept = kept * Z[t] + DU[t] @ U.T
    rows, rows_u = DX.reshape(T * B, 3 * H), DU.reshape(T * B, 3 * H)
    dX = DX @ W.T
    dW = X.reshape(T * B, -1).T @ rows
    dU = S[:-1].reshape(T * B, H).T @ rows_u
    db = rows.sum(axis=0)
    db_hn = rows_u[:, 2 * H :].sum(axis=0)
    return dX, kept, dW, dU, db, db_hn
