"""LSTM: by hand, meaning, every gradient against two oracles. Shared with rnn and gru: test_recurrent.py."""

import math

import numpy as np
import pytest

from scratchnn.ops import lstm
from scratchnn.ops.lstm import Params, reference

# by hand: x @ W_x + h_prev @ W_h = (1.5, 5, 5, 6) + (3, -3, 6, 1.5); the biases make
# a_i = ln 3 (i = 3/4), a_f = 0 (f = 1/2), a_g = ln 2 (g = 3/5), a_o = -ln 3 (o = 1/4);
# c_prev = 2 ln 2 - 9/10 makes c_t = c_prev/2 + 9/20 = ln 2, so s = 3/5 and h_t = 3/20
X_T = np.array([[2.0, -1.0]])
H_PREV = np.array([[3.0]])
C = 2 * math.log(2) - 0.9
C_PREV = np.array([[C]])
PARAMS = Params(
    W_x=np.array([[1.0, 2.0, 3.0, 4.0], [0.5, -1.0, 1.0, 2.0]]),
    W_h=np.array([[1.0, -1.0, 2.0, 0.5]]),
    b=np.array([math.log(3) - 4.5, -2.0, math.log(2) - 11, -math.log(3) - 7.5]),
)


def test_step_by_hand():
    nodes = reference.step(X_T, H_PREV, C_PREV, PARAMS)
    np.testing.assert_allclose(nodes.a_t, [[math.log(3), 0, math.log(2), -math.log(3)]], rtol=0, atol=4e-15)
    expected = {"i": 3 / 4, "f": 1 / 2, "g": 3 / 5, "o": 1 / 4, "c_t": math.log(2), "s": 3 / 5, "h_t": 3 / 20}
    for name, value in expected.items():
        np.testing.assert_allclose(getattr(nodes, name), [[value]], rtol=1e-14, err_msg=name)


def test_backward_by_hand():
    """Worked out on paper for dh = 2, dc_next = 1.

    do = 2 * 3/5 = 6/5, ds = 2 * 1/4 = 1/2, dc = 1 + 1/2 * 16/25 = 33/25,
    di = 33/25 * 3/5 = 99/125, df = 33/25 * c_prev, dg = 33/25 * 3/4 = 99/100, dc_prev = 33/50,
    da_i = 99/125 * 3/16, da_f = 33/25 * c_prev / 4, da_g = 99/100 * 16/25, da_o = 6/5 * 3/16.
    """
    i, f, g, o = 99 / 125 * 3 / 16, 33 / 100 * C, 99 / 100 * 16 / 25, 9 / 40
    nodes = reference.step(X_T, H_PREV, C_PREV, PARAMS)
    dx_t, dh_prev, dc_prev, da_t = reference.step_backward(np.array([[2.0]]), np.array([[1.0]]), nodes, PARAMS)
    dx = [i + 2 * f + 3 * g + 4 * o, 0.5 * i - f + g + 2 * o]
    np.testing.assert_allclose(da_t, [[i, f, g, o]], rtol=1e-13)
    np.testing.assert_allclose(dx_t, [dx], rtol=1e-13)
    np.testing.assert_allclose(dh_prev, [[i - f + 2 * g + 0.5 * o]], rtol=1e-13)
    np.testing.assert_allclose(dc_prev, [[0.66]], rtol=1e-13)
    cache = reference.forward(X_T[None], H_PREV, C_PREV, PARAMS)
    grads = reference.backward(np.array([[[2.0]]]), np.array([[1.0]]), cache, PARAMS)
    np.testing.assert_allclose(grads.x, [[dx]], rtol=1e-13)
    np.testing.assert_allclose(grads.h0, dh_prev, rtol=1e-13)
    np.testing.assert_allclose(grads.c0, [[0.66]], rtol=1e-13)
    np.testing.assert_allclose(grads.W_x, [[2 * i, 2 * f, 2 * g, 2 * o], [-i, -f, -g, -o]], rtol=1e-13)
    np.testing.assert_allclose(grads.W_h, [[3 * i, 3 * f, 3 * g, 3 * o]], rtol=1e-13)
    np.testing.assert_allclose(grads.b, [i, f, g, o], rtol=1e-13)


def test_a_sequence_equals_scalar_code():
    """Every state computed again with plain numbers and the math module, unit by unit."""
    x, h0, c0, params = lstm.sample(np.random.default_rng(0), T=3, B=2, D=2, H=3)
    H = 3

    def dot(row, column):
        return math.fsum(float(u) * float(v) for u, v in zip(row, column, strict=True))

    def sigmoid(a):
        return 1 / (1 + math.exp(-a))

    cache = reference.forward(x, h0, c0, params)
    for b in range(2):
        h, c = [float(v) for v in h0[b]], [float(v) for v in c0[b]]
        for t in range(3):
            a = [
                [dot(x[t, b], params.W_x[:, j]) + dot(h, params.W_h[:, j]) + float(params.b[j])
                 for j in (k, k + H, k + 2 * H, k + 3 * H)]
                for k in range(H)
            ]  # fmt: skip
            c = [sigmoid(a[k][1]) * c[k] + sigmoid(a[k][0]) * math.tanh(a[k][2]) for k in range(H)]
            h = [sigmoid(a[k][3]) * math.tanh(c[k]) for k in range(H)]
            np.testing.assert_allclose(cache.c[t + 1, b], c, rtol=1e-13)
            np.testing.assert_allclose(cache.h[t + 1, b], h, rtol=1e-13)


# meaning


def gated(seed, **gates):
    """Draw a problem whose named gates are forced to exactly 0 or 1 by a bias of -1000 or 1000."""
    x, h0, c0, params = lstm.sample(np.random.default_rng(seed))
    b = params.b.copy()
    for gate, value in gates.items():
        k = "ifgo".index(gate)
        b[5 * k : 5 * (k + 1)] = 1000 * (2 * value - 1)
    return x, h0, c0, params._replace(b=b)


def test_forget_gate_at_one_and_input_gate_at_zero_keep_c():
    """The carousel: c passes unchanged forward, and its gradient unchanged back."""
    x, h0, c0, params = gated(1, f=1, i=0)
    cache = reference.forward(x, h0, c0, params)
    np.testing.assert_array_equal(cache.c, np.broadcast_to(c0, cache.c.shape))
    dc_last = np.random.default_rng(2).normal(size=(3, 5))
    grads = reference.backward(np.zeros((4, 3, 5)), dc_last, cache, params)
    np.testing.assert_array_equal(grads.c0, dc_last)
    for name in ("x", "h0", "W_x", "W_h", "b"):
        np.testing.assert_array_equal(getattr(grads, name), 0, err_msg=name)


def test_forget_gate_at_zero_forgets_c0():
    x, h0, c0, params = gated(3, f=0)
    cache = reference.forward(x, h0, c0, params)
    np.testing.assert_array_equal(cache.c[1:], reference.forward(x, h0, c0 + 100, params).c[1:])
    grads = reference.backward(np.ones((4, 3, 5)), np.ones((3, 5)), cache, params)
    np.testing.assert_array_equal(grads.c0, 0)


def test_open_gates_add_up_the_candidates():
    x, h0, c0, params = gated(4, f=1, i=1, g=1)
    cache = reference.forward(x, h0, c0, params)
    steps = np.arange(5)[:, None, None]
    np.testing.assert_allclose(cache.c, c0 + steps, rtol=1e-14)


def test_output_gate_at_zero_hides_the_cell():
    x, h0, c0, params = gated(5, o=0)
    cache = reference.forward(x, h0, c0, params)
    np.testing.assert_array_equal(cache.h[1:], 0)
    grads = reference.backward(np.ones((4, 3, 5)), np.zeros((3, 5)), cache, params)
    for name, grad in grads._asdict().items():
        np.testing.assert_array_equal(grad, 0, err_msg=name)


def test_output_gate_at_one_shows_tanh_of_the_cell():
    cache = reference.forward(*gated(6, o=1))
    np.testing.assert_array_equal(cache.h[1:], np.tanh(cache.c[1:]))


def test_over_padding_the_cell_is_held_while_s_is_that_of_the_step():
    mask = np.array([[True], [False], [True]])
    x, h0, c0, params = lstm.sample(np.random.default_rng(8), T=3, B=1)
    cache = reference.forward(x, h0, c0, params, mask)
    np.testing.assert_array_equal(cache.c[2], cache.c[1])
    a = cache.h[1] @ params.W_h + params.b  # the padded step saw x = 0
    np.testing.assert_allclose(cache.a[1], a, rtol=0, atol=1e-14)
    c_t = cache.f[1] * cache.c[1] + cache.i[1] * cache.g[1]
    np.testing.assert_allclose(cache.s[1], np.tanh(c_t), rtol=0, atol=1e-15)


def test_cell_gradient_has_its_sentence():
    args = lstm.sample(np.random.default_rng(9))
    cache = reference.forward(*args)
    with pytest.raises(
        ValueError, match=r"^lstm\.backward: dc_last has shape \(3, 4\), expected \(B, H\) = \(3, 5\)$"
    ):
        reference.backward(np.ones((4, 3, 5)), np.ones((3, 4)), cache, args[-1])


# backward


@pytest.mark.parametrize("lengths", [(4, 4, 4), (4, 1, 2)], ids=["full", "ragged"])
def test_backward(lengths, compare):
    mask = np.arange(4)[:, None] < np.array(lengths)
    x, h0, c0, params = lstm.sample(np.random.default_rng(7))

    def run(inputs):
        params = Params(inputs["W_x"], inputs["W_h"], inputs["b"])
        return reference.forward(inputs["x"], inputs["h0"], inputs["c0"], params, mask), params

    def outputs(inputs):
        cache, _ = run(inputs)
        return {"h": cache.h[1:], "c_last": cache.c[-1]}

    def gradients(inputs, upstream):
        return reference.backward(upstream["h"], upstream["c_last"], *run(inputs))._asdict()

    compare(outputs, gradients, {"x": x, "h0": h0, "c0": c0, **params._asdict()})
