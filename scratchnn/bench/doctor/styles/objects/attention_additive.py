"""Additive attention as a class; gradients are attributes."""

import numpy as np


class AdditiveAttention:
    def __init__(self, query_size, key_size, hidden_size):
        self.W_q = np.zeros((query_size, hidden_size))
        self.W_k = np.zeros((key_size, hidden_size))
        self.v_a = np.zeros(hidden_size)

    def forward(self, q, k, v):
        self.q, self.k, self.v = q, k, v
        self.hidden = np.tanh((q @ self.W_q)[:, :, None] + (k @ self.W_k)[:, None])
        self.scores = self.hidden @ self.v_a
        e = np.exp(self.scores - self.scores.max(axis=-1, keepdims=True))
        self.alpha = e / e.sum(axis=-1, keepdims=True)
        return np.einsum("bqs,bsf->bqf", self.alpha, v)

    def backward(self, dout, dalpha=None):
        dalpha_given = 0 if dalpha is None else dalpha
        self.dv = np.einsum("bqs,bqf->bsf", self.alpha, dout)
        dalpha = dalpha_given + np.einsum("bqf,bsf->bqs", dout, self.v)
        row = np.einsum("bqs,bqs->bq", dalpha, self.alpha)
        dscores = self.alpha * (dalpha - row[:, :, None])
        self.dv_a = np.einsum("bqs,bqsa->a", dscores, self.hidden)
        dhidden = dscores[..., None] * self.v_a
        da = dhidden * (1 - self.hidden**2)
        da_q, da_k = da.sum(axis=2), da.sum(axis=1)
        self.dW_q = np.einsum("bqe,bqa->ea", self.q, da_q)
        self.dW_k = np.einsum("bse,bsa->ea", self.k, da_k)
        self.dq = da_q @ self.W_q.T
        self.dk = da_k @ self.W_k.T
        return self.dq, self.dk, self.dv
