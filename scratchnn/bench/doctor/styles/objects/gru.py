"""A GRU layer as a class, batch first, gates z r n; gradients are attributes."""

import numpy as np


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


class GRU:
    def __init__(self, input_size, hidden_size):
        self.hidden_size = hidden_size
        self.W = np.zeros((input_size, 3 * hidden_size))
        self.U = np.zeros((hidden_size, 3 * hidden_size))
        self.b = np.zeros(3 * hidden_size)
        self.b_n = np.zeros(hidden_size)

    def forward(self, x, h0):
        H = self.hidden_size
        self.x, self.h0 = x, h0
        self.steps, outputs = [], []
        h = h0
        for t in range(x.shape[1]):
            a = x[:, t] @ self.W + self.b
            u = h @ self.U
            z = sigmoid(a[:, :H] + u[:, :H])
            r = sigmoid(a[:, H : 2 * H] + u[:, H : 2 * H])
            m = u[:, 2 * H :] + self.b_n
            n = np.tanh(a[:, 2 * H :] + r * m)
            h_prev, h = h, z * h + (1 - z) * n
            self.steps.append((h_prev, z, r, m, n, a[:, 2 * H :], h))
            outputs.append(h)
        return np.stack(outputs, axis=1)

    def backward(self, dout):
        T, H = self.x.shape[1], self.hidden_size
        self.dW, self.dU = np.zeros_like(self.W), np.zeros_like(self.U)
        self.db, self.db_n = np.zeros_like(self.b), np.zeros_like(self.b_n)
        self.dx = np.zeros(self.x.shape)
        self.dh0 = np.zeros_like(self.h0)
        for t in reversed(range(T)):
            h_prev, z, r, m, n, a_n, h = self.steps[t]
            dh = dout[:, t] + self.dh0
            dz = dh * (h_prev - n)
            dn = dh * (1 - z)
            da_n = dn * (1 - n**2)
            dr = da_n * m
            dm = da_n * r
            da_z = dz * z * (1 - z)
            da_r = dr * r * (1 - r)
            da = np.hstack([da_z, da_r, da_n])
            du = np.hstack([da_z, da_r, dm])
            self.dW += self.x[:, t].T @ da
            self.dU += h_prev.T @ du
            self.db += da.sum(axis=0)
            self.db_n += dm.sum(axis=0)
            self.dx[:, t] = da @ self.W.T
            self.dh0 = dh * z + du @ self.U.T
        return self.dx
