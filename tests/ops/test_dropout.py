"""Dropout: by hand, expectation, masks per step and per sequence, backward against two oracles."""

import math
import re

import numpy as np
import pytest

from scratchnn.ops import dropout

reference = dropout.reference


def test_forward_and_backward_by_hand():
    """p = 0.75: what is kept grows fourfold."""
    x = np.array([1.0, 2.0, 3.0])
    mask = np.array([True, False, True])
    cache = reference.forward(x, 0.75, mask=mask)
    assert cache.y.tolist() == [4.0, 0.0, 12.0]
    assert reference.backward(np.array([10.0, 20.0, 30.0]), cache).x.tolist() == [40.0, 0.0, 120.0]


@pytest.mark.parametrize("per", ["step", "sequence"])
def test_backward(compare, per):
    x, p = dropout.sample(np.random.default_rng(0))
    mask = reference.forward(x, p, rng=np.random.default_rng(1), per=per).mask
    assert mask.any()
    assert not mask.all()

    def outputs(i):
        return {"y": reference.forward(i["x"], p, mask=mask).y}

    def gradients(i, d):
        return reference.backward(d["y"], reference.forward(i["x"], p, mask=mask))._asdict()

    compare(outputs, gradients, {"x": x})


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_the_expectation_is_the_input(p):
    """y / x is 0 or 1/(1-p): mean 1, variance p/(1-p); the mean of n draws is within 5 standard deviations."""
    n = 40_000
    y = reference.forward(np.full(n, 3.0), p, rng=np.random.default_rng(2)).y
    assert abs(y.mean() / 3 - 1) < 5 * math.sqrt(p / (1 - p) / n)
    assert set(np.round(y / 3 * (1 - p), 12)) == {0.0, 1.0}
    dropped = (y == 0).mean()
    assert abs(dropped - p) < 5 * math.sqrt(p * (1 - p) / n)


def test_per_step_draws_every_entry_anew():
    x = np.ones((50, 3, 2))
    cache = reference.forward(x, 0.5, rng=np.random.default_rng(3), per="step")
    assert cache.mask.shape == (50, 3, 2)
    assert not (cache.mask == cache.mask[0]).all()


@pytest.mark.parametrize(("time_axis", "shape"), [(0, (1, 3, 8)), (1, (50, 1, 8)), (-2, (50, 1, 8))])
def test_per_sequence_has_one_mask_for_all_steps(time_axis, shape):
    x = np.ones((50, 3, 8))
    cache = reference.forward(x, 0.5, rng=np.random.default_rng(4), per="sequence", time_axis=time_axis)
    assert cache.mask.shape == shape
    assert cache.mask.any()
    assert not cache.mask.all()
    steps = np.moveaxis(cache.y, time_axis, 0)
    assert (steps == steps[0]).all()
    grads = reference.backward(np.ones_like(x), cache).x
    assert np.array_equal(grads, cache.y)  # x and dy are both ones


def test_the_same_generator_gives_the_same_mask():
    x, p = dropout.sample(np.random.default_rng(5))
    first = reference.forward(x, p, rng=np.random.default_rng(6))
    again = reference.forward(x, p, rng=np.random.default_rng(6))
    single = reference.forward(x.astype(np.float32), p, rng=np.random.default_rng(6))
    other = reference.forward(x, p, rng=np.random.default_rng(7))
    assert np.array_equal(first.y, again.y)
    assert np.array_equal(first.mask, single.mask)
    assert not np.array_equal(first.mask, other.mask)


def test_without_mask_and_generator_it_is_the_identity():
    x, p = dropout.sample(np.random.default_rng(8))
    cache = reference.forward(x, p)
    assert cache.mask is None
    assert np.array_equal(cache.y, x)
    dy = np.random.default_rng(9).normal(size=x.shape)
    assert np.array_equal(reference.backward(dy, cache).x, dy)


def test_a_given_mask_draws_nothing():
    x, p = dropout.sample(np.random.default_rng(10))
    rng = np.random.default_rng(11)
    before = rng.bit_generator.state
    cache = reference.forward(x, p, mask=np.ones((1, 1, 2), bool), rng=rng)
    assert rng.bit_generator.state == before
    assert np.allclose(cache.y, x / (1 - p), rtol=1e-15)


def test_p_zero_keeps_everything():
    x, _ = dropout.sample(np.random.default_rng(12))
    assert np.array_equal(reference.forward(x, 0, rng=np.random.default_rng(13)).y, x)


def test_nan_and_inf_in_dropped_entries_do_not_leak():
    x = np.array([1.0, np.nan, np.inf])
    cache = reference.forward(x, 0.5, mask=np.array([True, False, False]))
    assert cache.y.tolist() == [2.0, 0.0, 0.0]
    assert reference.backward(np.array([1.0, np.inf, np.nan]), cache).x.tolist() == [2.0, 0.0, 0.0]


@pytest.mark.parametrize("p", [0.4, np.float64(0.4)])
def test_float32_stays_float32(p):
    x, _ = dropout.sample(np.random.default_rng(14), dtype=np.float32)
    cache = reference.forward(x, p, rng=np.random.default_rng(15))
    assert cache.y.dtype == np.float32
    assert reference.backward(np.ones_like(x), cache).x.dtype == np.float32


def test_arguments_are_untouched_and_backward_repeats(untouched):
    x, p = dropout.sample(np.random.default_rng(16))
    cache = reference.forward(x, p, rng=np.random.default_rng(17))
    dy = np.random.default_rng(18).normal(size=x.shape)
    with untouched(x, cache, dy):
        reference.forward(x, p, mask=cache.mask)
        first = reference.backward(dy, cache).x
        assert np.array_equal(first, reference.backward(dy, cache).x)


@pytest.mark.parametrize(
    ("arguments", "error", "sentence"),
    [
        ({"p": 1}, ValueError, "dropout.forward: p is 1, expected 0 <= p < 1"),
        ({"p": -0.1}, ValueError, "dropout.forward: p is -0.1, expected 0 <= p < 1"),
        ({"p": math.nan}, ValueError, "dropout.forward: p is nan, expected 0 <= p < 1"),
        ({"per": "batch"}, ValueError, "dropout.forward: per is 'batch', expected one of 'step', 'sequence'"),
        ({"mask": np.ones((4, 2), bool)}, ValueError, "dropout.forward: mask has shape (4, 2), expected one that"),
        ({"mask": np.ones((4, 3, 2))}, TypeError, "dropout.forward: mask has dtype float64, expected bool"),
        ({"per": "sequence", "time_axis": 3}, ValueError, "dropout.forward: time_axis is 3, x has shape (4, 3, 2)"),
        ({"x": np.ones(3, int)}, TypeError, "dropout.forward: x has dtype int64"),
    ],
)
def test_wrong_arguments_get_one_sentence(arguments, error, sentence):
    x, p = dropout.sample(np.random.default_rng(19))
    given = {"x": x, "p": p, "rng": np.random.default_rng(20)} | arguments
    with pytest.raises(error, match=re.escape(sentence)):
        reference.forward(**given)


def test_wrong_upstream_gets_one_sentence():
    x, p = dropout.sample(np.random.default_rng(21))
    cache = reference.forward(x, p)
    with pytest.raises(ValueError, match=re.escape("dropout.backward: dy has shape (3, 2), expected the shape of y")):
        reference.backward(np.zeros((3, 2)), cache)
