"""A GRU as first published: the reset gate acts before the product; one matrix on [h, x] for each gate."""

import numpy as np


def sig(a):
    return 1 / (1 + np.exp(-a))


def forward(x, h0, Wz, Wr, Wh, bz, br, bh):
    h, kept = h0, []
    hs = []
    for x_t in x:
        hx = np.concatenate([h, x_t], axis=1)
        z, r = sig(hx @ Wz + bz), sig(hx @ Wr + br)
        rhx = np.concatenate([r * h, x_t], axis=1)
        n = np.tanh(rhx @ Wh + bh)
        kept.append((h, hx, rhx, z, r, n))
        h = (1 - z) * h + z * n
        hs.append(h)
    return np.stack(hs), kept


def backward(dh, kept, Wz, Wr, Wh):
    H = dh.shape[2]
    dWz, dWr, dWh = np.zeros_like(Wz), np.zeros_like(Wr), np.zeros_like(Wh)
    dbz = dbr = dbh = 0
    carry = 0
    dx = []
    for t in reversed(range(len(kept))):
        h, hx, rhx, z, r, n = kept[t]
        d = dh[t] + carry
        dn = d * z * (1 - n * n)
        dz = d * (n - h) * z * (1 - z)
        drhx = dn @ Wh.T
        dr = drhx[:, :H] * h * r * (1 - r)
        dhx = dz @ Wz.T + dr @ Wr.T
        dWz += hx.T @ dz
        dWr += hx.T @ dr
        dWh += rhx.T @ dn
        dbz = dbz + dz.sum(0)
        dbr = dbr + dr.sum(0)
        dbh = dbh + dn.sum(0)
        dx.insert(0, dhx[:, H:] + drhx[:, H:])
        carry = d * (1 - z) + drhx[:, :H] * r + dhx[:, :H]
    return np.stack(dx), carry, dWz, dWr, dWh, dbz, dbr, dbh
