"""An RNN layer as a class, batch first; gradients are attributes."""

import numpy as np


class RNN:
    def __init__(self, input_size, hidden_size):
        self.W_xh = np.zeros((input_size, hidden_size))
        self.W_hh = np.zeros((hidden_size, hidden_size))
        self.b_h = np.zeros(hidden_size)

    def forward(self, x, h0):
        self.x, self.h0 = x, h0
        self.steps, outputs = [], []
        h = h0
        for t in range(x.shape[1]):
            a = x[:, t] @ self.W_xh + h @ self.W_hh + self.b_h
            h_prev, h = h, np.tanh(a)
            self.steps.append((h_prev, a, h))
            outputs.append(h)
        return np.stack(outputs, axis=1)

    def backward(self, dout):
        T = self.x.shape[1]
        self.dW_xh, self.dW_hh, self.db_h = (
            np.zeros_like(self.W_xh),
            np.zeros_like(self.W_hh),
            np.zeros_like(self.b_h),
        )
        self.dx = np.zeros(self.x.shape)
        self.dh0 = np.zeros_like(self.h0)
        for t in reversed(range(T)):
            h_prev, a, h = self.steps[t]
            dh = dout[:, t] + self.dh0
            da = dh * (1 - h**2)
            self.dW_xh += self.x[:, t].T @ da
            self.dW_hh += h_prev.T @ da
            self.db_h += da.sum(axis=0)
            self.dx[:, t] = da @ self.W_xh.T
            self.dh0 = da @ self.W_hh.T
        return self.dx
