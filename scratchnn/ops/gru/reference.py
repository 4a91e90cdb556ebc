"""GRU in NumPy: the readable truth. Each numbered line is one equation of equations.py."""

from typing import NamedTuple

import numpy as np

from scratchnn import shapes
from scratchnn.ops.activations.reference import sigmoid, sigmoid_slope, tanh_slope


class Params(NamedTuple):
    """Weights; column blocks in the order r z n."""

    W_x: np.ndarray  # (D, 3H)
    W_h: np.ndarray  # (H, 3H)
    b: np.ndarray  # (3H,)
    b_hn: np.ndarray  # (H,), inside the reset product


class Step(NamedTuple):
    """Every node of one step."""

    x_t: np.ndarray  # (B, D)
    h_prev: np.ndarray  # (B, H)
    a_t: np.ndarray  # (B, 3H)
    m: np.ndarray  # (B, H), the state's share of the candidate
    r: np.ndarray  # (B, H)
    z: np.ndarray  # (B, H)
    n: np.ndarray  # (B, H)
    h_t: np.ndarray  # (B, H)


class Cache(NamedTuple):
    """Every node of the whole sequence."""

    x: np.ndarray  # (T, B, D), zero at padding
    mask: np.ndarray  # (T, B), True is a real step
    a: np.ndarray  # (T, B, 3H)
    m: np.ndarray  # (T, B, H)
    r: np.ndarray  # (T, B, H)
    z: np.ndarray  # (T, B, H)
    n: np.ndarray  # (T, B, H)
    h: np.ndarray  # (T+1, B, H), h[0] = h0, h[t+1] = h_t


class Grads(NamedTuple):
    """Gradients, each the shape of the input whose name it bears."""

    x: np.ndarray  # (T, B, D)
    h0: np.ndarray  # (B, H)
    W_x: np.ndarray  # (D, 3H)
    W_h: np.ndarray  # (H, 3H)
    b: np.ndarray  # (3H,)
    b_hn: np.ndarray  # (H,)


def step(x_t: np.ndarray, h_prev: np.ndarray, params: Params) -> Step:
    """Run one GRU step.

    Parameters
    ----------
    x_t : (B, D)
        Input at t.
    h_prev : (B, H)
        State after step t-1.
    params : Params

    Returns
    -------
    Step
        All nodes; ``h_t`` is the new state.

    Notes
    -----
    Source: equations (1)-(8).  Checked by: tests/ops/test_gru.py::test_step_by_hand
    """
    W_xr, W_xz, W_xn = np.split(params.W_x, 3, axis=1)
    W_hr, W_hz, W_hn = np.split(params.W_h, 3, axis=1)
    b_r, b_z, b_n = np.split(params.b, 3)
    a_r = x_t @ W_xr + h_prev @ W_hr + b_r  # (1)
    a_z = x_t @ W_xz + h_prev @ W_hz + b_z  # (2)
    a_n = x_t @ W_xn + b_n  # (3)
    m = h_prev @ W_hn + params.b_hn  # (4)
    r = sigmoid(a_r)  # (5)
    z = sigmoid(a_z)  # (6)
    n = np.tanh(a_n + r * m)  # (7)
    h_t = (1 - z) * n + z * h_prev  # (8)
    a_t = np.concatenate([a_r, a_z, a_n], axis=1)
    return Step(x_t, h_prev, a_t, m, r, z, n, h_t)


def step_backward(
    dh_t: np.ndarray, nodes: Step, params: Params
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Undo one GRU step: from the gradient at t to the gradient at t-1.

    Parameters
    ----------
    dh_t : (B, H)
        dLoss/dh_t, summed over the loss at t and step t+1.
    nodes : Step
        What ``step`` returned.
    params : Params

    Returns
    -------
    dx_t : (B, D)
        Gradient of the input.
    dh_prev : (B, H)
        Carried to step t-1.
    da_t : (B, 3H)
        Gradient before the nonlinearities, blocks r, z, n.
    dm : (B, H)
        Gradient of the state's share of the candidate; with ``da_t`` all that the parameters' gradients need.

    Notes
    -----
    forward  was   h_t = (1 - z) * n + z * h_prev
    so now         dz = dh_t * (h_prev - n),  dn = dh_t * (1 - z),  and dh_t * z goes straight to h_prev
    forward  was   n = tanh(a_n + r * m)
    so now         da_n = dn * (1 - n**2),  dr = da_n * m,  dm = da_n * r
    forward  was   a_r = x_t @ W_xr + h_prev @ W_hr + b_r  (a_z alike),  a_n = x_t @ W_xn + b_n,
                   m = h_prev @ W_hn + b_hn
    so now         dx_t = da_t @ W_x.T,  and h_prev also gets da_r @ W_hr.T + da_z @ W_hz.T + dm @ W_hn.T
    Source: equations (10)-(19).  Checked by: tests/ops/test_gru.py::test_backward_by_hand
    """
    W_hr, W_hz, W_hn = np.split(params.W_h, 3, axis=1)
    r, z, n = nodes.r, nodes.z, nodes.n
    dz = dh_t * (nodes.h_prev - n)  # (10)
    dn = dh_t * (1 - z)  # (11)
    da_n = dn * tanh_slope(n)  # (12)
    dr = da_n * nodes.m  # (13)
    dm = da_n * r  # (14)
    da_r = dr * sigmoid_slope(r)  # (15)
    da_z = dz * sigmoid_slope(z)  # (16)
    da_t = np.concatenate([da_r, da_z, da_n], axis=1)  # (17)
    dx_t = da_t @ params.W_x.T  # (18)
    dh_prev = dh_t * z + da_r @ W_hr.T + da_z @ W_hz.T + dm @ W_hn.T  # (19)
    return dx_t, dh_prev, da_t, dm


def forward(x: np.ndarray, h0: np.ndarray, params: Params, mask: np.ndarray | None = None) -> Cache:
    """Run a GRU over a batch of sequences.

    Parameters
    ----------
    x : (T, B, D)
        Inputs, time-major.
    h0 : (B, H)
        Initial hidden state.
    params : Params
    mask : (T, B) bool, optional
        True is a real step. Over padding the state is held, and nothing in ``x`` there is read.

    Returns
    -------
    Cache
        ``h[1:]`` are the outputs, ``h[-1]`` the final state.

    Raises
    ------
    ValueError
        A shape disagrees; the message names array, got, expected.
    TypeError
        An array is not floating-point.

    Notes
    -----
    Source: equations (1)-(8).  Checked by: tests/ops/test_gru.py
    """
    T, B, H = check_inputs(x, h0, params)
    mask = shapes.recurrent_mask("gru.forward", mask, T, B)
    x = np.where(mask[:, :, None], x, 0)
    dtype = np.result_type(x, h0, *params)
    a = np.zeros((T, B, 3 * H), dtype)
    m, r, z, n = (np.zeros((T, B, H), dtype) for _ in range(4))
    h = np.zeros((T + 1, B, H), dtype)
    h[0] = h0
    for t in range(T):
        nodes = step(x[t], h[t], params)
        a[t], m[t], r[t], z[t], n[t] = nodes.a_t, nodes.m, nodes.r, nodes.z, nodes.n
        h[t + 1] = np.where(mask[t, :, None], nodes.h_t, h[t])
    return Cache(x, mask, a, m, r, z, n, h)


def backward(dh: np.ndarray, cache: Cache, params: Params) -> Grads:
    """Undo ``forward``: backward through time.

    Parameters
    ----------
    dh : (T, B, H)
        Gradient from outside for h_1..h_T; the final state's own gradient is added to ``dh[-1]``.
    cache : Cache
        What ``forward`` returned.
    params : Params

    Returns
    -------
    Grads

    Raises
    ------
    ValueError
        A shape disagrees; the message names array, got, expected.
    TypeError
        ``dh`` is not floating-point.

    Notes
    -----
    forward  was   h_t = step(x_t, h_prev), t = 0..T-1, with the same parameters at every t
    so now         t = T-1..0: one carry goes to t-1, and each parameter's gradient is the sum over t
    A padded step held its state, so its gradient passes by unchanged.
    Source: equations (9)-(23).  Checked by: tests/ops/test_gru.py::test_backward
    """
    T, B, H = cache.n.shape
    shapes.expect_shape("gru.backward", "dh", dh, "T B H", {"T": T, "B": B, "H": H})
    dtype = np.result_type(dh, cache.h, *params)
    dx = np.zeros(cache.x.shape, dtype)
    dW_x, dW_h, db, db_hn = (np.zeros(p.shape, dtype) for p in params)
    dh_next = np.zeros((B, H), dtype)
    for t in reversed(range(T)):
        nodes = _nodes(cache, t)
        dh_t = dh[t] + dh_next  # (9)
        real = cache.mask[t, :, None]
        dx[t], dh_prev, da_t, dm = step_backward(np.where(real, dh_t, 0), nodes, params)
        da_r, da_z, _ = np.split(da_t, 3, axis=1)
        dW_x += nodes.x_t.T @ da_t  # (20)
        dW_h += nodes.h_prev.T @ np.concatenate([da_r, da_z, dm], axis=1)  # (21)
        db += da_t.sum(axis=0)  # (22)
        db_hn += dm.sum(axis=0)  # (23)
        dh_next = np.where(real, dh_prev, dh_t)
    return Grads(x=dx, h0=dh_next, W_x=dW_x, W_h=dW_h, b=db, b_hn=db_hn)


def _nodes(cache, t):
    return Step(
        cache.x[t], cache.h[t], cache.a[t],
        cache.m[t], cache.r[t], cache.z[t], cache.n[t], cache.h[t + 1],
    )  # fmt: skip


def check_inputs(x: np.ndarray, h0: np.ndarray, params: Params) -> tuple[int, int, int]:
    """Raise unless the shapes agree and everything is floating-point, as ``forward`` says; give T, B and H."""
    sizes = shapes.sizes_of("gru.forward", "x", x, "T B D")
    sizes["H"] = shapes.sizes_of("gru.forward", "h0", h0, "B H")["H"]
    for name, array, spec in (
        ("h0", h0, "B H"),
        ("W_x", params.W_x, "D 3H"),
        ("W_h", params.W_h, "H 3H"),
        ("b", params.b, "3H"),
        ("b_hn", params.b_hn, "H"),
    ):
        shapes.expect_shape("gru.forward", name, array, spec, sizes)
    return sizes["T"], sizes["B"], sizes["H"]
