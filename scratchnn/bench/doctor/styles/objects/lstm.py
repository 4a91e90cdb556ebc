"""An LSTM layer as a class, batch first: one matrix on [h, x], gates f i o g; gradients are attributes."""

import numpy as np


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


class LSTM:
    def __init__(self, input_size, hidden_size):
        self.hidden_size = hidden_size
        self.W = np.zeros((hidden_size + input_size, 4 * hidden_size))
        self.b = np.zeros(4 * hidden_size)

    def forward(self, x, h0, c0):
        self.x, self.h0, self.c0 = x, h0, c0
        self.steps, outputs = [], []
        h, c = h0, c0
        for t in range(x.shape[1]):
            hx = np.concatenate([h, x[:, t]], axis=1)
            f, i, o, g = np.split(hx @ self.W + self.b, 4, axis=1)
            f, i, o, g = sigmoid(f), sigmoid(i), sigmoid(o), np.tanh(g)
            c_prev, c = c, f * c + i * g
            tanh_c = np.tanh(c)
            h = o * tanh_c
            self.steps.append((hx, c_prev, f, i, o, g, tanh_c, c, h))
            outputs.append(h)
        self.c_last = c
        return np.stack(outputs, axis=1)

    def backward(self, dout, dc_last):
        T, H = self.x.shape[1], self.hidden_size
        self.dW, self.db = np.zeros_like(self.W), np.zeros_like(self.b)
        self.dx = np.zeros(self.x.shape)
        self.dh0 = np.zeros_like(self.h0)
        self.dc0 = dc_last
        for t in reversed(range(T)):
            hx, c_prev, f, i, o, g, tanh_c, c, h = self.steps[t]
            dh = dout[:, t] + self.dh0
            do = dh * tanh_c
            dc = self.dc0 + dh * o * (1 - tanh_c**2)
            df = dc * c_prev
            di = dc * g
            dg = dc * i
            self.dc0 = dc * f
            da = np.hstack([df * f * (1 - f), di * i * (1 - i), do * o * (1 - o), dg * (1 - g**2)])
            self.dW += hx.T @ da
            self.db += da.sum(axis=0)
            dhx = da @ self.W.T
            self.dh0 = dhx[:, :H]
            self.dx[:, t] = dhx[:, H:]
        return self.dx
