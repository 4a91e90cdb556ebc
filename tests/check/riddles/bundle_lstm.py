"""An LSTM whose forward takes one tuple: nobody can tell what is in it."""

import numpy as np


def s(a):
    return 1 / (1 + np.exp(-a))


def lstm_forward(bundle):
    x, h, c, W, b = bundle
    H = h.shape[1]
    keep = []
    hs = []
    for x_t in x:
        a = np.hstack([x_t, h]) @ W + b
        i, f, g, o = s(a[:, :H]), s(a[:, H : 2 * H]), np.tanh(a[:, 2 * H : 3 * H]), s(a[:, 3 * H :])
        keep.append((x_t, h, c, i, f, g, o))
        c = f * c + i * g
        h = o * np.tanh(c)
        hs.append(h)
    return np.stack(hs), c, keep


def lstm_backward(dh, dc, keep, W, c):
    D = keep[0][0].shape[1]
    dW = np.zeros_like(W)
    db = 0
    dhn = 0
    dx = []
    for t in reversed(range(len(keep))):
        x_t, h, c0, i, f, g, o = keep[t]
        d = dh[t] + dhn
        dct = dc + d * o * (1 - np.tanh(c) ** 2)
        da = np.hstack(
            [dct * g * i * (1 - i), dct * c0 * f * (1 - f), dct * i * (1 - g**2), d * np.tanh(c) * o * (1 - o)]
        )
        dW += np.hstack([x_t, h]).T @ da
        db = db + da.sum(0)
        z = da @ W.T
        dx.append(z[:, :D])
        dhn = z[:, D:]
        dc = dct * f
        c = c0
    return np.stack(dx[::-1]), dhn, dc, dW, db
