"""RNN in NumPy: the readable truth. Each numbered line is one equation of equations.py."""

from typing import NamedTuple

import numpy as np

from scratchnn import shapes
from scratchnn.ops.activations.reference import relu, relu_slope, tanh_slope

NONLINEARITIES = ("tanh", "relu", "identity")


class Params(NamedTuple):
    """Weights and bias."""

    W_x: np.ndarray  # (D, H)
    W_h: np.ndarray  # (H, H)
    b: np.ndarray  # (H,)


class Step(NamedTuple):
    """Every node of one step."""

    x_t: np.ndarray  # (B, D)
    h_prev: np.ndarray  # (B, H)
    a_t: np.ndarray  # (B, H)
    h_t: np.ndarray  # (B, H)
    nonlinearity: str  # one of NONLINEARITIES


class Cache(NamedTuple):
    """Every node of the whole sequence."""

    x: np.ndarray  # (T, B, D), zero at padding
    mask: np.ndarray  # (T, B), True is a real step
    a: np.ndarray  # (T, B, H)
    h: np.ndarray  # (T+1, B, H), h[0] = h0, h[t+1] = h_t
    nonlinearity: str  # one of NONLINEARITIES


class Grads(NamedTuple):
    """Gradients, each the shape of the input whose name it bears."""

    x: np.ndarray  # (T, B, D)
    h0: np.ndarray  # (B, H)
    W_x: np.ndarray  # (D, H)
    W_h: np.ndarray  # (H, H)
    b: np.ndarray  # (H,)


def step(x_t: np.ndarray, h_prev: np.ndarray, params: Params, *, nonlinearity: str = "tanh") -> Step:
    """Run one RNN step.

    Parameters
    ----------
    x_t : (B, D)
        Input at t.
    h_prev : (B, H)
        State after step t-1.
    params : Params
    nonlinearity : {"tanh", "relu", "identity"}

    Returns
    -------
    Step
        All nodes; ``h_t`` is the new state.

    Notes
    -----
    Source: equations (1)-(4).  Checked by: tests/ops/test_rnn.py::test_step_by_hand
    """
    W_x, W_h, b = params
    a_t = x_t @ W_x + h_prev @ W_h + b  # (1)
    if nonlinearity == "tanh":
        h_t = np.tanh(a_t)  # (2)
    elif nonlinearity == "relu":
        h_t = relu(a_t)  # (3)
    else:
        h_t = a_t  # (4)
    return Step(x_t, h_prev, a_t, h_t, nonlinearity)


def step_backward(dh_t: np.ndarray, nodes: Step, params: Params) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Undo one RNN step: from the gradient at t to the gradient at t-1.

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
    da_t : (B, H)
        Gradient before the nonlinearity; the parameters' gradients are products of it.

    Notes
    -----
    forward  was   h_t = tanh(a_t)              or   h_t = relu(a_t)                       or   h_t = a_t
    so now         da_t = dh_t * (1 - h_t**2)   or   da_t = dh_t * (1 if h_t > 0 else 0)   or   da_t = dh_t
    forward  was   a_t = x_t @ W_x + h_prev @ W_h + b
    so now         dx_t = da_t @ W_x.T,  dh_prev = da_t @ W_h.T
    Source: equations (6)-(10).  Checked by: tests/ops/test_rnn.py::test_backward_by_hand
    """
    W_x, W_h, _ = params
    if nodes.nonlinearity == "tanh":
        da_t = dh_t * tanh_slope(nodes.h_t)  # (6)
    elif nodes.nonlinearity == "relu":
        da_t = dh_t * relu_slope(nodes.h_t)  # (7)
    else:
        da_t = dh_t  # (8)
    dx_t = da_t @ W_x.T  # (9)
    dh_prev = da_t @ W_h.T  # (10)
    return dx_t, dh_prev, da_t


def forward(
    x: np.ndarray, h0: np.ndarray, params: Params, mask: np.ndarray | None = None, *, nonlinearity: str = "tanh"
) -> Cache:
    """Run an RNN over a batch of sequences.

    Parameters
    ----------
    x : (T, B, D)
        Inputs, time-major.
    h0 : (B, H)
        Initial hidden state.
    params : Params
    mask : (T, B) bool, optional
        True is a real step. Over padding the state is held, and nothing in ``x`` there is read.
    nonlinearity : {"tanh", "relu", "identity"}

    Returns
    -------
    Cache
        ``h[1:]`` are the outputs, ``h[-1]`` the final state.

    Raises
    ------
    ValueError
        A shape disagrees; the message names array, got, expected. Unknown nonlinearity.
    TypeError
        An array is not floating-point.

    Notes
    -----
    Source: equations (1)-(4).  Checked by: tests/ops/test_rnn.py
    """
    T, B, H = check_inputs(x, h0, params)
    shapes.expect_choice("rnn.forward", "nonlinearity", nonlinearity, NONLINEARITIES)
    mask = shapes.recurrent_mask("rnn.forward", mask, T, B)
    x = np.where(mask[:, :, None], x, 0)
    dtype = np.result_type(x, h0, *params)
    a = np.zeros((T, B, H), dtype)
    h = np.zeros((T + 1, B, H), dtype)
    h[0] = h0
    for t in range(T):
        nodes = step(x[t], h[t], params, nonlinearity=nonlinearity)
        a[t] = nodes.a_t
        h[t + 1] = np.where(mask[t, :, None], nodes.h_t, h[t])
    return Cache(x, mask, a, h, nonlinearity)


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
    Source: equations (5)-(13).  Checked by: tests/ops/test_rnn.py::test_backward
    """
    T, B, H = cache.a.shape
    shapes.expect_shape("rnn.backward", "dh", dh, "T B H", {"T": T, "B": B, "H": H})
    dtype = np.result_type(dh, cache.h, *params)
    dx = np.zeros(cache.x.shape, dtype)
    dW_x, dW_h, db = (np.zeros(p.shape, dtype) for p in params)
    dh_next = np.zeros((B, H), dtype)
    for t in reversed(range(T)):
        nodes = Step(cache.x[t], cache.h[t], cache.a[t], cache.h[t + 1], cache.nonlinearity)
        dh_t = dh[t] + dh_next  # (5)
        real = cache.mask[t, :, None]
        dx[t], dh_prev, da_t = step_backward(np.where(real, dh_t, 0), nodes, params)
        dW_x += nodes.x_t.T @ da_t  # (11)
        dW_h += nodes.h_prev.T @ da_t  # (12)
        db += da_t.sum(axis=0)  # (13)
        dh_next = np.where(real, dh_prev, dh_t)
    return Grads(x=dx, h0=dh_next, W_x=dW_x, W_h=dW_h, b=db)


def check_inputs(x: np.ndarray, h0: np.ndarray, params: Params) -> tuple[int, int, int]:
    """Raise unless the shapes agree and everything is floating-point, as ``forward`` says; give T, B and H."""
    sizes = shapes.sizes_of("rnn.forward", "x", x, "T B D")
    sizes["H"] = shapes.sizes_of("rnn.forward", "h0", h0, "B H")["H"]
    for name, array, spec in (
        ("h0", h0, "B H"),
        ("W_x", params.W_x, "D H"),
        ("W_h", params.W_h, "H H"),
        ("b", params.b, "H"),
    ):
        shapes.expect_shape("rnn.forward", name, array, spec, sizes)
    return sizes["T"], sizes["B"], sizes["H"]
