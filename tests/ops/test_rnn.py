"""RNN: by hand, meaning, every gradient against two oracles. Shared with gru and lstm: test_recurrent.py."""

import math

import numpy as np
import pytest

from scratchnn.ops import rnn
from scratchnn.ops.rnn import Params, reference

# by hand: a = x @ W_x + h_prev @ W_h + b = (2*1 - 1*0.5) + 3*0.5 + (ln 2 - 3) = ln 2, and tanh(ln 2) = 3/5
X_T = np.array([[2.0, -1.0]])
H_PREV = np.array([[3.0]])
PARAMS = Params(W_x=np.array([[1.0], [0.5]]), W_h=np.array([[0.5]]), b=np.array([math.log(2) - 3]))


def test_step_by_hand():
    nodes = reference.step(X_T, H_PREV, PARAMS)
    assert nodes.a_t.item() == pytest.approx(math.log(2), abs=1e-15)
    assert nodes.h_t.item() == pytest.approx(3 / 5, abs=1e-15)
    negative = PARAMS._replace(b=np.array([-5.0]))
    assert reference.step(X_T, H_PREV, PARAMS, nonlinearity="relu").h_t.item() == pytest.approx(
        math.log(2), abs=1e-15
    )
    assert reference.step(X_T, H_PREV, negative, nonlinearity="relu").h_t.item() == 0


def test_backward_by_hand():
    """dh = 2: da = 2 * 16/25 = 1.28, dx = (1.28, 0.64), dh_prev = 0.64."""
    nodes = reference.step(X_T, H_PREV, PARAMS)
    dx_t, dh_prev, da_t = reference.step_backward(np.array([[2.0]]), nodes, PARAMS)
    np.testing.assert_allclose(da_t, [[1.28]], rtol=1e-14)
    np.testing.assert_allclose(dx_t, [[1.28, 0.64]], rtol=1e-14)
    np.testing.assert_allclose(dh_prev, [[0.64]], rtol=1e-14)
    cache = reference.forward(X_T[None], H_PREV, PARAMS)
    grads = reference.backward(np.array([[[2.0]]]), cache, PARAMS)
    np.testing.assert_allclose(grads.x, [[[1.28, 0.64]]], rtol=1e-14)
    np.testing.assert_allclose(grads.h0, [[0.64]], rtol=1e-14)
    np.testing.assert_allclose(grads.W_x, [[2.56], [-1.28]], rtol=1e-14)
    np.testing.assert_allclose(grads.W_h, [[3.84]], rtol=1e-14)
    np.testing.assert_allclose(grads.b, [1.28], rtol=1e-14)


def test_two_relu_steps_by_hand_in_whole_numbers():
    """Worked out on paper, D = 1, H = 2.

    h1 = relu((1, -1) + (1, 2) @ W_h + b) = relu((1+1-4+1, -1+2+2-2)) = relu((-1, 1)) = (0, 1)
    h2 = relu((3, -3) + (0, 1) @ W_h + b) = relu((3-2+1, -3+1-2)) = relu((2, -4)) = (2, 0)
    dh2 = (5, 7): da2 = (5, 0), dx2 = 5, carried (5, -10); dh1 = (1, 21) + (5, -10): da1 = (0, 11), dx1 = -11,
    dh0 = (22, 11).
    """
    x = np.array([[[1.0]], [[3.0]]])
    params = Params(W_x=np.array([[1.0, -1.0]]), W_h=np.array([[1.0, 2.0], [-2.0, 1.0]]), b=np.array([1.0, -2.0]))
    cache = reference.forward(x, np.array([[1.0, 2.0]]), params, nonlinearity="relu")
    np.testing.assert_array_equal(cache.a[:, 0], [[-1, 1], [2, -4]])
    np.testing.assert_array_equal(cache.h[:, 0], [[1, 2], [0, 1], [2, 0]])
    grads = reference.backward(np.array([[[1.0, 21.0]], [[5.0, 7.0]]]), cache, params)
    np.testing.assert_array_equal(grads.x.ravel(), [-11, 5])
    np.testing.assert_array_equal(grads.h0, [[22, 11]])
    np.testing.assert_array_equal(grads.W_x, [[15, 11]])
    np.testing.assert_array_equal(grads.W_h, [[0, 11], [5, 22]])
    np.testing.assert_array_equal(grads.b, [5, 11])


# meaning


def test_without_recurrent_weights_there_is_no_memory():
    x, h0, params = rnn.sample(np.random.default_rng(0))
    params = params._replace(W_h=np.zeros_like(params.W_h))
    cache = reference.forward(x, h0, params)
    np.testing.assert_allclose(cache.h[1:], np.tanh(x @ params.W_x + params.b), rtol=0, atol=1e-15)
    dh = np.ones((4, 3, 5))
    np.testing.assert_array_equal(reference.backward(dh, cache, params).h0, 0)


def test_relu_with_identity_weights_adds_up():
    """Le, Jaitly & Hinton's start: with W_h = 1 and inputs that stay positive the state is a running sum."""
    x, h0, _ = rnn.sample(np.random.default_rng(1), D=5)
    x, h0 = np.abs(x), np.abs(h0)
    params = Params(W_x=np.eye(5), W_h=np.eye(5), b=np.zeros(5))
    cache = reference.forward(x, h0, params, nonlinearity="relu")
    np.testing.assert_allclose(cache.h[1:], h0 + np.cumsum(x, axis=0), rtol=1e-14)
    dh = np.random.default_rng(2).normal(size=(4, 3, 5))
    grads = reference.backward(dh, cache, params)
    np.testing.assert_allclose(grads.x, np.cumsum(dh[::-1], axis=0)[::-1], rtol=0, atol=1e-14)
    np.testing.assert_array_equal(grads.h0, grads.x[0])


def test_a_linear_network_superposes_and_carries_powers_of_W_h():
    """No nonlinearity: what h0 adds to h_t is h0 @ W_h^t, and the gradient of h0 is the sum of dh_t @ (W_h^t).T."""
    x, h0, params = rnn.sample(np.random.default_rng(8))
    with_h0 = reference.forward(x, h0, params, nonlinearity="identity")
    without = reference.forward(x, np.zeros_like(h0), params, nonlinearity="identity")
    powers = [np.linalg.matrix_power(params.W_h, t) for t in range(5)]
    np.testing.assert_allclose(with_h0.h - without.h, [h0 @ power for power in powers], rtol=0, atol=1e-14)
    dh = np.random.default_rng(9).normal(size=(4, 3, 5))
    expected = sum(dh[t] @ powers[t + 1].T for t in range(4))
    np.testing.assert_allclose(reference.backward(dh, with_h0, params).h0, expected, rtol=0, atol=1e-13)


def test_tanh_rnn_is_odd():
    x, h0, params = rnn.sample(np.random.default_rng(3))
    plus = reference.forward(x, h0, params).h
    minus = reference.forward(-x, -h0, params._replace(b=-params.b)).h
    np.testing.assert_allclose(minus, -plus, rtol=0, atol=1e-15)


def test_a_saturated_unit_passes_no_gradient():
    x, h0, params = rnn.sample(np.random.default_rng(4))
    params = params._replace(b=np.full(5, 1e3))
    cache = reference.forward(x, h0, params)
    np.testing.assert_array_equal(cache.h[1:], 1)
    for grad in reference.backward(np.ones((4, 3, 5)), cache, params):
        np.testing.assert_array_equal(grad, 0)


def test_tanh_is_the_default():
    x, h0, params = rnn.sample(np.random.default_rng(5))
    cache = reference.forward(x, h0, params)
    assert cache.nonlinearity == "tanh"
    np.testing.assert_array_equal(cache.h, reference.forward(x, h0, params, nonlinearity="tanh").h)


def test_unknown_nonlinearity_is_named():
    sentence = r"^rnn\.forward: nonlinearity is 'gelu', expected one of 'tanh', 'relu', 'identity'$"
    with pytest.raises(ValueError, match=sentence):
        reference.forward(*rnn.sample(np.random.default_rng(6)), nonlinearity="gelu")


# backward


@pytest.mark.parametrize("lengths", [(4, 4, 4), (4, 1, 2)], ids=["full", "ragged"])
@pytest.mark.parametrize("nonlinearity", ["tanh", "relu", "identity"])
def test_backward(nonlinearity, lengths, compare):
    mask = np.arange(4)[:, None] < np.array(lengths)
    x, h0, params = rnn.sample(np.random.default_rng(7))
    if nonlinearity == "relu":  # every unit 0.1 or more away from the kink, on both sides of it
        params = params._replace(b=np.array([3.0, -6.0, 3.0, -3.0, 6.0]), W_h=params.W_h / 4)
        a = reference.forward(x, h0, params, mask, nonlinearity="relu").a
        assert np.min(np.abs(a)) > 0.1
        assert 0.2 < np.mean(a > 0) < 0.8

    def run(inputs):
        params = Params(inputs["W_x"], inputs["W_h"], inputs["b"])
        return reference.forward(inputs["x"], inputs["h0"], params, mask, nonlinearity=nonlinearity), params

    def outputs(inputs):
        return {"h": run(inputs)[0].h[1:]}

    def gradients(inputs, upstream):
        return reference.backward(upstream["h"], *run(inputs))._asdict()

    compare(outputs, gradients, {"x": x, "h0": h0, **params._asdict()})
