"""The other GRU: the reset gate acts on the state before the product. Another convention, not a mistake."""

from types import SimpleNamespace

import numpy as np

from scratchnn.ops.activations.reference import sigmoid, sigmoid_slope, tanh_slope
from scratchnn.ops.gru import reference

SENTENCE = (
    "your reset gate acts on h_prev before the product, n = tanh(x W + (r * h_prev) U + b), the GRU as it was first "
    "published; ours, like PyTorch's, acts after it. That is another convention and no mistake; its gradients are "
    "judged by the oracles alone, since the catalogue knows ours only"
)


def forward(x, h0, params, mask=None):
    """Run a GRU whose reset gate comes first; arguments and cache as in ``gru.reference.forward``.

    Parameters
    ----------
    x : (T, B, D)
    h0 : (B, H)
    params : Params
        ``b_hn`` adds to the candidate's bias.
    mask : None

    Returns
    -------
    Cache
        ``m`` is r * h_prev.
    """
    if mask is not None:
        raise ValueError("the other GRU is compared without padding only")
    (T, B, _), H = x.shape, h0.shape[1]
    dtype = np.result_type(x, h0, *params)
    a = np.zeros((T, B, 3 * H), dtype)
    m, r, z, n = (np.zeros((T, B, H), dtype) for _ in range(4))
    h = np.zeros((T + 1, B, H), dtype)
    h[0] = h0
    W_hr, W_hz, W_hn = np.split(params.W_h, 3, axis=1)
    for t in range(T):
        a_r, a_z, a_n = np.split(x[t] @ params.W_x + params.b, 3, axis=1)
        a_r, a_z = a_r + h[t] @ W_hr, a_z + h[t] @ W_hz
        r[t], z[t] = sigmoid(a_r), sigmoid(a_z)
        m[t] = r[t] * h[t]
        a_n = a_n + m[t] @ W_hn + params.b_hn
        n[t] = np.tanh(a_n)
        a[t] = np.concatenate([a_r, a_z, a_n], axis=1)
        h[t + 1] = (1 - z[t]) * n[t] + z[t] * h[t]
    return reference.Cache(x, np.ones((T, B), bool), a, m, r, z, n, h)


def backward(dh, cache, params):
    """Undo ``forward``.

    Parameters
    ----------
    dh : (T, B, H)
    cache : Cache
    params : Params

    Returns
    -------
    Grads
    """
    T, B, H = cache.n.shape
    W_hr, W_hz, W_hn = np.split(params.W_h, 3, axis=1)
    dx = np.zeros_like(cache.x)
    dW_x, dW_h, db, db_hn = (np.zeros_like(p) for p in params)
    dh_next = np.zeros((B, H))
    for t in reversed(range(T)):
        h_prev, r, z, n = cache.h[t], cache.r[t], cache.z[t], cache.n[t]
        dh_t = dh[t] + dh_next
        da_n = dh_t * (1 - z) * tanh_slope(n)
        da_z = dh_t * (h_prev - n) * sigmoid_slope(z)
        dm = da_n @ W_hn.T
        da_r = dm * h_prev * sigmoid_slope(r)
        da_t = np.concatenate([da_r, da_z, da_n], axis=1)
        dx[t] = da_t @ params.W_x.T
        dW_x += cache.x[t].T @ da_t
        dW_h += np.concatenate([h_prev.T @ da_r, h_prev.T @ da_z, cache.m[t].T @ da_n], axis=1)
        db += da_t.sum(axis=0)
        db_hn += da_n.sum(axis=0)
        dh_next = dh_t * z + dm * r + da_r @ W_hr.T + da_z @ W_hz.T
    return reference.Grads(x=dx, h0=dh_next, W_x=dW_x, W_h=dW_h, b=db, b_hn=db_hn)


RESET_FIRST = SimpleNamespace(**vars(reference) | {"forward": forward, "backward": backward})
