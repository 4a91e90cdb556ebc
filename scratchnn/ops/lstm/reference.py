"""LSTM in NumPy: the readable truth. Each numbered line is one equation of equations.py."""

from typing import NamedTuple

import numpy as np

from scratchnn import shapes
from scratchnn.ops.activations.reference import sigmoid, sigmoid_slope, tanh_slope


class Params(NamedTuple):
    """Weights; column blocks in the order i f g o."""

    W_x: np.ndarray  # (D, 4H)
    W_h: np.ndarray  # (H, 4H)
    b: np.ndarray  # (4H,)


class Step(NamedTuple):
    """Every node of one step."""

    x_t: np.ndarray  # (B, D)
    h_prev: np.ndarray  # (B, H)
    c_prev: np.ndarray  # (B, H)
    a_t: np.ndarray  # (B, 4H)
    i: np.ndarray  # (B, H)
    f: np.ndarray  # (B, H)
    g: np.ndarray  # (B, H)
    o: np.ndarray  # (B, H)
    c_t: np.ndarray  # (B, H)
    s: np.ndarray  # (B, H), tanh(c_t)
    h_t: np.ndarray  # (B, H)


class Cache(NamedTuple):
    """Every node of the whole sequence.

    At padding ``c`` and ``h`` are held, while ``a, i, f, g, o, s`` are those of the step that was computed and
    thrown away (on an input of zeros).
    """

    x: np.ndarray  # (T, B, D), zero at padding
    mask: np.ndarray  # (T, B), True is a real step
    a: np.ndarray  # (T, B, 4H)
    i: np.ndarray  # (T, B, H)
    f: np.ndarray  # (T, B, H)
    g: np.ndarray  # (T, B, H)
    o: np.ndarray  # (T, B, H)
    s: np.ndarray  # (T, B, H), tanh of the cell state of that step
    c: np.ndarray  # (T+1, B, H), c[0] = c0, c[t+1] = c_t
    h: np.ndarray  # (T+1, B, H), h[0] = h0, h[t+1] = h_t


class Grads(NamedTuple):
    """Gradients, each the shape of the input whose name it bears."""

    x: np.ndarray  # (T, B, D)
    h0: np.ndarray  # (B, H)
    c0: np.ndarray  # (B, H)
    W_x: np.ndarray  # (D, 4H)
    W_h: np.ndarray  # (H, 4H)
    b: np.ndarray  # (4H,)


def step(x_t: np.ndarray, h_prev: np.ndarray, c_prev: np.ndarray, params: Params) -> Step:
    """Run one LSTM step.

    Parameters
    ----------
    x_t : (B, D)
        Input at t.
    h_prev, c_prev : (B, H)
        States after step t-1.
    params : Params

    Returns
    -------
    Step
        All nodes; ``h_t`` and ``c_t`` are the new states.

    Notes
    -----
    Source: equations (1)-(8).  Checked by: tests/ops/test_lstm.py::test_step_by_hand
    """
    W_x, W_h, b = params
    a_t = x_t @ W_x + h_prev @ W_h + b  # (1)
    a_i, a_f, a_g, a_o = np.split(a_t, 4, axis=1)
    i = sigmoid(a_i)  # (2)
    f = sigmoid(a_f)  # (3)
    g = np.tanh(a_g)  # (4)
    o = sigmoid(a_o)  # (5)
    c_t = f * c_prev + i * g  # (6)
    s = np.tanh(c_t)  # (7)
    h_t = o * s  # (8)
    return Step(x_t, h_prev, c_prev, a_t, i, f, g, o, c_t, s, h_t)


def step_backward(
    dh_t: np.ndarray, dc_next: np.ndarray, nodes: Step, params: Params
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Undo one LSTM step: from gradients at t to gradients at t-1.

    Parameters
    ----------
    dh_t : (B, H)
        dLoss/dh_t, summed over the loss at t and step t+1.
    dc_next : (B, H)
        What step t+1 carries back to c_t; ``dc_last`` at the last step.
    nodes : Step
        What ``step`` returned.
    params : Params

    Returns
    -------
    dx_t : (B, D)
        Gradient of the input.
    dh_prev, dc_prev : (B, H)
        Carried to step t-1.
    da_t : (B, 4H)
        Gradient before the gates, blocks i f g o; the parameters' gradients are products of it.

    Notes
    -----
    forward  was   h_t = o * s,  s = tanh(c_t)
    so now         do = dh_t * s,  ds = dh_t * o,  dc_t = dc_next + ds * (1 - s**2)
    forward  was   c_t = f * c_prev + i * g
    so now         di = dc_t * g,  df = dc_t * c_prev,  dg = dc_t * i,  dc_prev = dc_t * f
    forward  was   a_t = x_t @ W_x + h_prev @ W_h + b
    so now         dx_t = da_t @ W_x.T,  dh_prev = da_t @ W_h.T
    Source: equations (10)-(23).  Checked by: tests/ops/test_lstm.py::test_backward_by_hand
    """
    W_x, W_h, _ = params
    i, f, g, o, s = nodes.i, nodes.f, nodes.g, nodes.o, nodes.s
    do = dh_t * s  # (10)
    ds = dh_t * o  # (11)
    dc_t = dc_next + ds * tanh_slope(s)  # (12)
    di = dc_t * g  # (13)
    df = dc_t * nodes.c_prev  # (14)
    dg = dc_t * i  # (15)
    dc_prev = dc_t * f  # (16)
    da_i = di * sigmoid_slope(i)  # (17)
    da_f = df * sigmoid_slope(f)  # (18)
    da_g = dg * tanh_slope(g)  # (19)
    da_o = do * sigmoid_slope(o)  # (20)
    da_t = np.concatenate([da_i, da_f, da_g, da_o], axis=1)  # (21)
    dx_t = da_t @ W_x.T  # (22)
    dh_prev = da_t @ W_h.T  # (23)
    return dx_t, dh_prev, dc_prev, da_t


def forward(x: np.ndarray, h0: np.ndarray, c0: np.ndarray, params: Params, mask: np.ndarray | None = None) -> Cache:
    """Run an LSTM over a batch of sequences.

    Parameters
    ----------
    x : (T, B, D)
        Inputs, time-major.
    h0, c0 : (B, H)
        Initial hidden and cell state.
    params : Params
    mask : (T, B) bool, optional
        True is a real step. Over padding the states are held, and nothing in ``x`` there is read.

    Returns
    -------
    Cache
        ``h[1:]`` are the outputs, ``h[-1]`` and ``c[-1]`` the final states.

    Raises
    ------
    ValueError
        A shape disagrees; the message names array, got, expected.
    TypeError
        An array is not floating-point.

    Notes
    -----
    Source: equations (1)-(8).  Checked by: tests/ops/test_lstm.py
    """
    T, B, H = check_inputs(x, h0, c0, params)
    mask = shapes.recurrent_mask("lstm.forward", mask, T, B)
    x = np.where(mask[:, :, None], x, 0)
    dtype = np.result_type(x, h0, c0, *params)
    a = np.zeros((T, B, 4 * H), dtype)
    i, f, g, o, s = (np.zeros((T, B, H), dtype) for _ in range(5))
    h, c = (np.zeros((T + 1, B, H), dtype) for _ in range(2))
    h[0] = h0
    c[0] = c0
    for t in range(T):
        nodes = step(x[t], h[t], c[t], params)
        a[t], i[t], f[t], g[t], o[t], s[t] = nodes.a_t, nodes.i, nodes.f, nodes.g, nodes.o, nodes.s
        real = mask[t, :, None]
        c[t + 1] = np.where(real, nodes.c_t, c[t])
        h[t + 1] = np.where(real, nodes.h_t, h[t])
    return Cache(x, mask, a, i, f, g, o, s, c, h)


def backward(dh: np.ndarray, dc_last: np.ndarray, cache: Cache, params: Params) -> Grads:
    """Undo ``forward``: backward through time.

    Parameters
    ----------
    dh : (T, B, H)
        Gradient from outside for h_1..h_T; the final state's own gradient is added to ``dh[-1]``.
    dc_last : (B, H)
        Gradient from outside for the final cell state.
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

    Notes
    -----
    forward  was   h_t, c_t = step(x_t, h_prev, c_prev), t = 0..T-1, with the same parameters at every t
    so now         t = T-1..0: two carries go to t-1, and each parameter's gradient is the sum over t
    A padded step held its state, so its gradient passes by unchanged.
    Source: equations (9)-(26).  Checked by: tests/ops/test_lstm.py::test_backward
    """
    T, B, H = cache.f.shape
    shapes.expect_shape("lstm.backward", "dh", dh, "T B H", {"T": T, "B": B, "H": H})
    shapes.expect_shape("lstm.backward", "dc_last", dc_last, "B H", {"B": B, "H": H})
    dtype = np.result_type(dh, dc_last, cache.h, *params)
    dx = np.zeros(cache.x.shape, dtype)
    dW_x, dW_h, db = (np.zeros(p.shape, dtype) for p in params)
    dh_next = np.zeros((B, H), dtype)
    dc_next = dc_last
    for t in reversed(range(T)):
        nodes = _nodes(cache, t)
        dh_t = dh[t] + dh_next  # (9)
        real = cache.mask[t, :, None]
        dx[t], dh_prev, dc_prev, da_t = step_backward(
            np.where(real, dh_t, 0), np.where(real, dc_next, 0), nodes, params
        )
        dW_x += nodes.x_t.T @ da_t  # (24)
        dW_h += nodes.h_prev.T @ da_t  # (25)
        db += da_t.sum(axis=0)  # (26)
        dh_next = np.where(real, dh_prev, dh_t)
        dc_next = np.where(real, dc_prev, dc_next)
    return Grads(x=dx, h0=dh_next, c0=dc_next, W_x=dW_x, W_h=dW_h, b=db)


def _nodes(cache, t):
    return Step(
        cache.x[t], cache.h[t], cache.c[t], cache.a[t],
        cache.i[t], cache.f[t], cache.g[t], cache.o[t], cache.c[t + 1], cache.s[t], cache.h[t + 1],
    )  # fmt: skip


def check_inputs(x: np.ndarray, h0: np.ndarray, c0: np.ndarray, params: Params) -> tuple[int, int, int]:
    """Raise unless the shapes agree and everything is floating-point, as ``forward`` says; give T, B and H."""
    sizes = shapes.sizes_of("lstm.forward", "x", x, "T B D")
    sizes["H"] = shapes.sizes_of("lstm.forward", "h0", h0, "B H")["H"]
    for name, array, spec in (
        ("h0", h0, "B H"),
        ("c0", c0, "B H"),
        ("W_x", params.W_x, "D 4H"),
        ("W_h", params.W_h, "H 4H"),
        ("b", params.b, "4H"),
    ):
        shapes.expect_shape("lstm.forward", name, array, spec, sizes)
    return sizes["T"], sizes["B"], sizes["H"]
