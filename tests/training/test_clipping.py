"""Clipping by norm and by value: by hand, extreme numbers, beside torch."""

import math

import numpy as np
import pytest

from scratchnn.training import clip_grad_norm, clip_grad_value, gradient_norm


def test_norm_by_hand():
    assert gradient_norm({"a": np.array([[1.0, 2.0], [2.0, 4.0]]), "b": np.array([12.0])}) == pytest.approx(
        13, abs=1e-14
    )


def test_clip_by_hand():
    """Norm 5 clipped to 2: both arrays, one factor."""
    grads = {"a": np.array([3.0]), "b": np.array([[-4.0]])}
    a = grads["a"]
    assert clip_grad_norm(grads, 2.0) == 5.0
    assert grads["a"] is a
    assert a[0] == pytest.approx(1.2, abs=1e-6)
    assert grads["b"][0, 0] == pytest.approx(-1.6, abs=1e-6)


def test_a_small_gradient_is_left_alone():
    grads = {"a": np.array([3.0]), "b": np.array([4.0])}
    assert clip_grad_norm(grads, 5.1) == 5.0
    assert grads == {"a": 3.0, "b": 4.0}


def test_zero_and_empty_gradients_have_norm_zero():
    zeros = {"a": np.zeros((2, 3)), "b": np.zeros(0)}
    assert clip_grad_norm(zeros, 1.0) == 0.0
    assert not zeros["a"].any()
    assert gradient_norm({}) == 0.0


@pytest.mark.parametrize("bad", [math.inf, -math.inf, math.nan])
def test_a_gradient_that_is_not_finite_is_reported_and_not_touched(bad):
    grads = {"a": np.array([1.0, bad]), "b": np.array([100.0])}
    norm = clip_grad_norm(grads, 1.0)
    assert not math.isfinite(norm)
    np.testing.assert_array_equal(grads["a"], [1.0, bad])
    assert grads["b"][0] == 100.0


@pytest.mark.parametrize(
    ("dtype", "size"), [(np.float32, 3e38), (np.float32, 1e-40), (np.float64, 1e300), (np.float64, 1e-300)]
)
def test_squares_neither_overflow_nor_vanish(dtype, size):
    a = np.array([3, 4], dtype) * dtype(size / 5)
    assert gradient_norm({"a": a, "b": np.zeros(1, np.float32)}) == pytest.approx(float(dtype(size)), rel=1e-5)


def test_float32_gradients_stay_float32():
    grads = {"a": np.full(3, 7, np.float32)}
    clip_grad_norm(grads, np.float64(1.0))
    assert grads["a"].dtype == np.float32
    assert gradient_norm(grads) == pytest.approx(1.0, rel=1e-6)


@pytest.mark.parametrize("bad", [0, -1.0, math.nan])
def test_the_limit_must_be_positive(bad):
    with pytest.raises(ValueError, match="clip_grad_norm: max_norm is"):
        clip_grad_norm({"a": np.ones(1)}, bad)


@pytest.mark.parametrize("max_norm", [0.01, 1.0, 3.0, 100.0])
def test_beside_torch(max_norm):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: nothing to compare with")
    rng = np.random.default_rng(0)
    grads = {"a": rng.normal(size=(3, 4)), "b": rng.normal(size=5), "zero": np.zeros(2)}
    peers = []
    for g in grads.values():
        peers.append(torch.nn.Parameter(torch.zeros(g.shape, dtype=torch.float64)))
        peers[-1].grad = torch.tensor(g)
    theirs = torch.nn.utils.clip_grad_norm_(peers, max_norm).item()
    assert clip_grad_norm(grads, max_norm) == pytest.approx(theirs, rel=1e-14)
    for g, peer in zip(grads.values(), peers, strict=True):
        np.testing.assert_allclose(g, peer.grad.numpy(), rtol=1e-14, atol=0)


def test_clip_by_value_by_hand():
    """Two of three entries are clamped: the direction changes, which is why this is not clipping by the norm."""
    grads = {"a": np.array([3.0, -0.5]), "b": np.array([[-4.0]])}
    a = grads["a"]
    assert clip_grad_value(grads, 1.0) == pytest.approx(2 / 3)
    assert grads["a"] is a
    assert a.tolist() == [1.0, -0.5]
    assert grads["b"].tolist() == [[-1.0]]


def test_clipping_by_norm_keeps_the_direction_and_by_value_does_not():
    by_norm, by_value = {"a": np.array([3.0, 4.0])}, {"a": np.array([3.0, 4.0])}
    clip_grad_norm(by_norm, 1.0)
    clip_grad_value(by_value, 1.0)
    assert by_norm["a"][1] / by_norm["a"][0] == pytest.approx(4 / 3)
    assert by_value["a"][1] / by_value["a"][0] == 1.0


def test_clip_by_value_of_nothing_and_of_what_is_not_finite():
    assert clip_grad_value({}, 1.0) == 0.0
    assert clip_grad_value({"a": np.zeros(0)}, 1.0) == 0.0
    grads = {"a": np.array([math.nan, math.inf, -math.inf, 0.5])}
    assert clip_grad_value(grads, 2.0) == 0.5
    np.testing.assert_array_equal(grads["a"], [math.nan, 2.0, -2.0, 0.5])


def test_clip_by_value_keeps_float32():
    grads = {"a": np.full(3, 7, np.float32)}
    clip_grad_value(grads, np.float64(0.1))
    assert grads["a"].dtype == np.float32


@pytest.mark.parametrize("bad", [0, -1.0, math.nan])
def test_the_value_must_be_positive(bad):
    with pytest.raises(ValueError, match="clip_grad_value: value is"):
        clip_grad_value({"a": np.ones(1)}, bad)


@pytest.mark.parametrize("value", [0.01, 0.5, 100.0])
def test_clip_by_value_beside_torch(value):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: nothing to compare with")
    grads = {"a": np.random.default_rng(0).normal(size=(3, 4))}
    peer = torch.nn.Parameter(torch.zeros((3, 4), dtype=torch.float64))
    peer.grad = torch.tensor(grads["a"])
    torch.nn.utils.clip_grad_value_([peer], value)
    clip_grad_value(grads, value)
    assert np.array_equal(grads["a"], peer.grad.numpy())
