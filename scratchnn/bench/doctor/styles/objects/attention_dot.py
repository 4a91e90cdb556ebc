"""Scaled dot-product attention as a class; gradients are attributes."""

import numpy as np


class Attention:
    def forward(self, q, k, v):
        self.q, self.k, self.v = q, k, v
        self.scale = q.shape[-1] ** -0.5
        self.scores = self.scale * np.einsum("bqe,bse->bqs", q, k)
        e = np.exp(self.scores - self.scores.max(axis=-1, keepdims=True))
        self.alpha = e / e.sum(axis=-1, keepdims=True)
        return np.einsum("bqs,bsf->bqf", self.alpha, v)

    def backward(self, dout, dalpha=None):
        dalpha_given = 0 if dalpha is None else dalpha
        self.dv = np.einsum("bqs,bqf->bsf", self.alpha, dout)
        dalpha = dalpha_given + np.einsum("bqf,bsf->bqs", dout, self.v)
        row = np.einsum("bqs,bqs->bq", dalpha, self.alpha)
        dscores = self.alpha * (dalpha - row[:, :, None])
        self.dq = self.scale * np.einsum("bqs,bse->bqe", dscores, self.k)
        self.dk = self.scale * np.einsum("bqs,bqe->bse", dscores, self.q)
        return self.dq, self.dk, self.dv
