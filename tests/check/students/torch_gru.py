"""A GRU whose weights are (outputs, inputs) with blocks z r n, given by name; it returns dicts."""

import numpy as np


def logistic(a):
    return 1 / (1 + np.exp(-a))


def forward(x, h0, W_x, W_h, b, b_hn):
    H = h0.shape[1]
    h, kept = [h0], []
    for x_t in x:
        a = x_t @ W_x.T + b
        u = h[-1] @ W_h.T
        z = logistic(a[:, :H] + u[:, :H])
        r = logistic(a[:, H : 2 * H] + u[:, H : 2 * H])
        m = u[:, 2 * H :] + b_hn
        n = np.tanh(a[:, 2 * H :] + r * m)
        kept.append((z, r, m, n))
        h.append((1 - z) * n + z * h[-1])
    return {"states": np.array(h), "kept": kept, "x": x}


def backward(dh, cache, W_x, W_h, b, b_hn):
    h, kept, x = cache["states"], cache["kept"], cache["x"]
    grads = {"dx": np.zeros_like(x), "dW_x": np.zeros_like(W_x), "dW_h": np.zeros_like(W_h)}
    grads |= {"db": np.zeros_like(b), "db_hn": np.zeros_like(b_hn)}
    carry = np.zeros_like(h[0])
    for t in reversed(range(len(x))):
        z, r, m, n = kept[t]
        dh_t = dh[t] + carry
        dn = dh_t * (1 - z) * (1 - n**2)
        dz = dh_t * (h[t] - n) * z * (1 - z)
        dr = dn * m * r * (1 - r)
        da = np.hstack([dz, dr, dn])
        du = np.hstack([dz, dr, dn * r])
        grads["dx"][t] = da @ W_x
        grads["dW_x"] += da.T @ x[t]
        grads["dW_h"] += du.T @ h[t]
        grads["db"] += da.sum(axis=0)
        grads["db_hn"] += (dn * r).sum(axis=0)
        carry = dh_t * z + du @ W_h
    return grads | {"dh0": carry}
