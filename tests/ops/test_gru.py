"""GRU: by hand, meaning, every gradient against two oracles. Shared with rnn and lstm: test_recurrent.py."""

import math

import numpy as np
import pytest

from scratchnn.ops import gru
from scratchnn.ops.gru import Params, reference

# by hand: x @ W_x = (1.5, 5, 5), h_prev @ W_h = (1, -2, 4); the biases make
# a_r = 0 (r = 1/2), a_z = ln 3 (z = 3/4), m = 2, a_n = ln 2 - 1, so a_n + r*m = ln 2 and n = 3/5;
# h_t = 1/4 * 3/5 + 3/4 * 1 = 9/10
X_T = np.array([[2.0, -1.0]])
H_PREV = np.array([[1.0]])
PARAMS = Params(
    W_x=np.array([[1.0, 2.0, 3.0], [0.5, -1.0, 1.0]]),
    W_h=np.array([[1.0, -2.0, 4.0]]),
    b=np.array([-2.5, math.log(3) - 3, math.log(2) - 6]),
    b_hn=np.array([-2.0]),
)


def test_step_by_hand():
    nodes = reference.step(X_T, H_PREV, PARAMS)
    np.testing.assert_allclose(nodes.a_t, [[0, math.log(3), math.log(2) - 1]], rtol=0, atol=2e-15)
    for name, value in {"r": 1 / 2, "z": 3 / 4, "m": 2, "n": 3 / 5, "h_t": 9 / 10}.items():
        np.testing.assert_allclose(getattr(nodes, name), [[value]], rtol=1e-14, err_msg=name)


def test_backward_by_hand():
    """Worked out on paper for dh = 2.

    dz = 2 * (1 - 3/5) = 4/5, dn = 2 * 1/4 = 1/2, da_n = 1/2 * 16/25 = 8/25, dr = 8/25 * 2 = 16/25,
    dm = 8/25 * 1/2 = 4/25, da_r = 16/25 * 1/4 = 4/25, da_z = 4/5 * 3/16 = 3/20,
    dx = (0.16 + 0.30 + 0.96, 0.08 - 0.15 + 0.32), dh_prev = 1.5 + 0.16 - 0.30 + 0.64.
    """
    nodes = reference.step(X_T, H_PREV, PARAMS)
    dx_t, dh_prev, da_t, dm = reference.step_backward(np.array([[2.0]]), nodes, PARAMS)
    np.testing.assert_allclose(da_t, [[0.16, 0.15, 0.32]], rtol=1e-14)
    np.testing.assert_allclose(dm, [[0.16]], rtol=1e-14)
    np.testing.assert_allclose(dx_t, [[1.42, 0.25]], rtol=1e-14)
    np.testing.assert_allclose(dh_prev, [[2.0]], rtol=1e-14)
    cache = reference.forward(X_T[None], H_PREV, PARAMS)
    grads = reference.backward(np.array([[[2.0]]]), cache, PARAMS)
    np.testing.assert_allclose(grads.x, [[[1.42, 0.25]]], rtol=1e-14)
    np.testing.assert_allclose(grads.h0, [[2.0]], rtol=1e-14)
    np.testing.assert_allclose(grads.W_x, [[0.32, 0.30, 0.64], [-0.16, -0.15, -0.32]], rtol=1e-14)
    np.testing.assert_allclose(grads.W_h, [[0.16, 0.15, 0.16]], rtol=1e-14)
    np.testing.assert_allclose(grads.b, [0.16, 0.15, 0.32], rtol=1e-14)
    np.testing.assert_allclose(grads.b_hn, [0.16], rtol=1e-14)


def test_a_sequence_equals_scalar_code():
    """Every state computed again with plain numbers and the math module, unit by unit."""
    x, h0, params = gru.sample(np.random.default_rng(0), T=3, B=2, D=2, H=3)
    H = 3

    def dot(row, column):
        return math.fsum(float(u) * float(v) for u, v in zip(row, column, strict=True))

    def sigmoid(a):
        return 1 / (1 + math.exp(-a))

    cache = reference.forward(x, h0, params)
    for b in range(2):
        h = [float(v) for v in h0[b]]
        for t in range(3):
            new = []
            for k in range(H):
                from_x = [dot(x[t, b], params.W_x[:, k + j * H]) + float(params.b[k + j * H]) for j in range(3)]
                from_h = [dot(h, params.W_h[:, k + j * H]) for j in range(3)]
                r, z = sigmoid(from_x[0] + from_h[0]), sigmoid(from_x[1] + from_h[1])
                n = math.tanh(from_x[2] + r * (from_h[2] + float(params.b_hn[k])))
                new.append((1 - z) * n + z * h[k])
            h = new
            np.testing.assert_allclose(cache.h[t + 1, b], h, rtol=1e-13)


# meaning


def gated(seed, r=None, z=None):
    """Draw a problem whose gates r, z are forced to exactly 0 or 1 by a bias of -1000 or 1000."""
    x, h0, params = gru.sample(np.random.default_rng(seed))
    b = params.b.copy()
    for k, value in enumerate((r, z)):
        if value is not None:
            b[5 * k : 5 * (k + 1)] = 1000 * (2 * value - 1)
    return x, h0, params._replace(b=b)


def test_update_gate_at_one_keeps_h():
    x, h0, params = gated(1, z=1)
    cache = reference.forward(x, h0, params)
    np.testing.assert_array_equal(cache.h, np.broadcast_to(h0, cache.h.shape))
    dh = np.random.default_rng(2).normal(size=(4, 3, 5))
    grads = reference.backward(dh, cache, params)
    np.testing.assert_allclose(grads.h0, dh.sum(axis=0), rtol=0, atol=1e-15)
    for name in ("x", "W_x", "W_h", "b", "b_hn"):
        np.testing.assert_array_equal(getattr(grads, name), 0, err_msg=name)


def test_update_gate_at_zero_takes_the_candidate():
    cache = reference.forward(*gated(3, z=0))
    np.testing.assert_array_equal(cache.h[1:], cache.n)


def test_reset_gate_at_zero_hides_the_state_from_the_candidate():
    """Both gates shut: h_t = tanh(a_n), no memory at all."""
    x, h0, params = gated(4, r=0, z=0)
    cache = reference.forward(x, h0, params)
    np.testing.assert_allclose(cache.h[1:], np.tanh(x @ params.W_x[:, 10:] + params.b[10:]), rtol=0, atol=1e-15)
    grads = reference.backward(np.ones((4, 3, 5)), cache, params)
    np.testing.assert_array_equal(grads.h0, 0)
    np.testing.assert_array_equal(grads.W_h, 0)
    np.testing.assert_array_equal(grads.b_hn, 0)


def test_reset_gate_at_one_is_a_leaky_rnn():
    """With r = 1 and z = 0 the unit is a tanh RNN with the biases b_n + b_hn."""
    x, h0, params = gated(5, r=1, z=0)
    h = h0
    cache = reference.forward(x, h0, params)
    for t in range(4):
        h = np.tanh(x[t] @ params.W_x[:, 10:] + h @ params.W_h[:, 10:] + params.b[10:] + params.b_hn)
        np.testing.assert_allclose(cache.h[t + 1], h, rtol=0, atol=1e-14)


def test_state_stays_between_the_old_state_and_the_candidate():
    cache = reference.forward(*gru.sample(np.random.default_rng(6), T=8))
    low = np.minimum(cache.h[:-1], cache.n)
    high = np.maximum(cache.h[:-1], cache.n)
    assert ((cache.h[1:] >= low - 1e-15) & (cache.h[1:] <= high + 1e-15)).all()


# backward


@pytest.mark.parametrize("lengths", [(4, 4, 4), (4, 1, 2)], ids=["full", "ragged"])
def test_backward(lengths, compare):
    mask = np.arange(4)[:, None] < np.array(lengths)
    x, h0, params = gru.sample(np.random.default_rng(7))

    def run(inputs):
        params = Params(inputs["W_x"], inputs["W_h"], inputs["b"], inputs["b_hn"])
        return reference.forward(inputs["x"], inputs["h0"], params, mask), params

    def outputs(inputs):
        return {"h": run(inputs)[0].h[1:]}

    def gradients(inputs, upstream):
        return reference.backward(upstream["h"], *run(inputs))._asdict()

    compare(outputs, gradients, {"x": x, "h0": h0, **params._asdict()})
