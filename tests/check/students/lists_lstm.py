"""An LSTM with its steps in lists; forward and backward return tuples."""

import numpy as np


def logistic(a):
    return 1 / (1 + np.exp(-a))


def forward(x, h0, c0, params):
    W_x, W_h, b = params
    H = h0.shape[1]
    hs, cs, kept = [h0], [c0], []
    for t in range(len(x)):
        a = x[t] @ W_x + hs[-1] @ W_h + b
        i, f, o = logistic(a[:, :H]), logistic(a[:, H : 2 * H]), logistic(a[:, 3 * H :])
        g = np.tanh(a[:, 2 * H : 3 * H])
        c = f * cs[-1] + i * g
        kept.append((x[t], hs[-1], cs[-1], i, f, g, o, np.tanh(c)))
        cs.append(c)
        hs.append(o * np.tanh(c))
    return hs, cs, kept


def backward(dh, dc_last, cache, params):
    W_x, W_h, b = params
    hs, _, kept = cache
    dx = np.zeros((len(dh), len(hs[0]), len(W_x)))
    dW_x, dW_h, db = np.zeros_like(W_x), np.zeros_like(W_h), np.zeros_like(b)
    dh_next, dc_next = np.zeros_like(hs[0]), dc_last
    for t in reversed(range(len(dh))):
        x_t, h_prev, c_prev, i, f, g, o, s = kept[t]
        dh_t = dh[t] + dh_next
        dc_t = dc_next + dh_t * o * (1 - s**2)
        da_i = dc_t * g * i * (1 - i)
        da_f = dc_t * c_prev * f * (1 - f)
        da_g = dc_t * i * (1 - g**2)
        da_o = dh_t * s * o * (1 - o)
        da = np.hstack([da_i, da_f, da_g, da_o])
        dx[t] = da @ W_x.T
        dW_x += x_t.T @ da
        dW_h += h_prev.T @ da
        db += da.sum(axis=0)
        dh_next = da @ W_h.T
        dc_next = dc_t * f
    return dx, dh_next, dc_next, dW_x, dW_h, db
