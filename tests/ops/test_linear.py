"""Linear map: by hand, meaning, backward against two oracles."""

import re

import numpy as np
import pytest

from scratchnn.ops import linear

reference = linear.reference


def test_forward_and_backward_by_hand():
    x = np.array([[1.0, 2.0]])
    params = linear.Params(W=np.array([[1.0, 0.0, 3.0], [2.0, -1.0, 0.5]]), b=np.array([10.0, 20.0, 30.0]))
    cache = reference.forward(x, params)
    assert cache.y.tolist() == [[15.0, 18.0, 34.0]]
    grads = reference.backward(np.array([[1.0, 2.0, 4.0]]), cache, params)
    assert grads.x.tolist() == [[13.0, 2.0]]  # 1*1 + 2*0 + 4*3, 1*2 - 2*1 + 4*0.5
    assert grads.W.tolist() == [[1.0, 2.0, 4.0], [2.0, 4.0, 8.0]]
    assert grads.b.tolist() == [1.0, 2.0, 4.0]


@pytest.mark.parametrize("bias", [True, False])
def test_backward(compare, bias):
    x, params = linear.sample(np.random.default_rng(0), bias=bias)
    inputs = {"x": x, "W": params.W} | ({"b": params.b} if bias else {})

    def params_of(i):
        return linear.Params(i["W"], i.get("b"))

    def outputs(i):
        return {"y": reference.forward(i["x"], params_of(i)).y}

    def gradients(i, d):
        cache = reference.forward(i["x"], params_of(i))
        found = reference.backward(d["y"], cache, params_of(i))._asdict()
        return {name: g for name, g in found.items() if g is not None}

    compare(outputs, gradients, inputs)


def test_leading_axes_do_not_matter():
    rng = np.random.default_rng(1)
    x, params = linear.sample(rng)
    dy = rng.normal(size=(4, 3, 5))
    whole = reference.backward(dy, reference.forward(x, params), params)
    flat = reference.backward(dy.reshape(12, 5), reference.forward(x.reshape(12, 2), params), params)
    assert np.allclose(whole.x.reshape(12, 2), flat.x, rtol=0, atol=1e-14)
    assert np.array_equal(whole.W, flat.W)
    assert np.array_equal(whole.b, flat.b)
    one = reference.forward(x[0, 0], params)
    assert np.allclose(one.y, reference.forward(x, params).y[0, 0], rtol=0, atol=1e-15)
    assert reference.backward(dy[0, 0], one, params).W.shape == (2, 5)


def test_without_bias_there_is_no_gradient_of_it():
    x, params = linear.sample(np.random.default_rng(2), bias=False)
    cache = reference.forward(x, params)
    assert np.array_equal(cache.y, x @ params.W)
    assert reference.backward(np.ones_like(cache.y), cache, params).b is None


def test_float32_stays_float32():
    x, params = linear.sample(np.random.default_rng(3), dtype=np.float32)
    cache = reference.forward(x, params)
    grads = reference.backward(np.ones_like(cache.y), cache, params)
    assert {cache.y.dtype, grads.x.dtype, grads.W.dtype, grads.b.dtype} == {np.dtype(np.float32)}


def test_arguments_are_untouched_and_backward_repeats(untouched):
    x, params = linear.sample(np.random.default_rng(4))
    cache = reference.forward(x, params)
    dy = np.random.default_rng(5).normal(size=cache.y.shape)
    with untouched(x, params, cache, dy):
        reference.forward(x, params)
        first = reference.backward(dy, cache, params)
        second = reference.backward(dy, cache, params)
    for a, b in zip(first, second, strict=True):
        assert np.array_equal(a, b)


def test_no_rows_give_gradient_zero():
    _, params = linear.sample(np.random.default_rng(6))
    cache = reference.forward(np.zeros((0, 2)), params)
    grads = reference.backward(np.zeros((0, 5)), cache, params)
    assert not grads.W.any()
    assert not grads.b.any()


@pytest.mark.parametrize(
    ("x", "params", "error", "sentence"),
    [
        (
            np.zeros((3, 4)),
            (np.zeros((2, 5)), None),
            ValueError,
            "linear.forward: x has shape (3, 4), expected (..., D)",
        ),
        (np.array(1.0), (np.zeros((2, 5)), None), ValueError, "linear.forward: x has shape (), expected (..., D)"),
        (
            np.zeros((3, 2)),
            (np.zeros((2, 5)), np.zeros(4)),
            ValueError,
            "linear.forward: b has shape (4,), expected (N,)",
        ),
        (
            np.zeros((3, 2)),
            (np.zeros(2), None),
            ValueError,
            "linear.forward: W has shape (2,), expected 2 axes (D, N)",
        ),
        (np.zeros((3, 2), int), (np.zeros((2, 5)), None), TypeError, "linear.forward: x has dtype int64"),
    ],
)
def test_wrong_arguments_get_one_sentence(x, params, error, sentence):
    with pytest.raises(error, match=re.escape(sentence)):
        reference.forward(x, linear.Params(*params))


def test_wrong_upstream_gets_one_sentence():
    x, params = linear.sample(np.random.default_rng(7))
    cache = reference.forward(x, params)
    with pytest.raises(
        ValueError, match=re.escape("linear.backward: dy has shape (4, 3, 2), expected the shape of y")
    ):
        reference.backward(np.zeros((4, 3, 2)), cache, params)
