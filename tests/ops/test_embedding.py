"""Embedding: by hand, repeated ids, padding, backward against two oracles."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchnn.ops import embedding

reference = embedding.reference


def test_forward_and_backward_by_hand():
    """Id 2 stands twice, so its gradient rows add up; id 0 never, so its row has gradient zero."""
    params = embedding.Params(W=np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]))
    cache = reference.forward(np.array([2, 1, 2]), params)
    assert cache.y.tolist() == [[5.0, 6.0], [3.0, 4.0], [5.0, 6.0]]
    dW = reference.backward(np.array([[1.0, 10.0], [2.0, 20.0], [4.0, 40.0]]), cache, params).W
    assert dW.tolist() == [[0.0, 0.0], [2.0, 20.0], [5.0, 50.0]]


def test_padding_by_hand():
    params = embedding.Params(W=np.array([[np.nan, np.inf], [3.0, 4.0]]))
    cache = reference.forward(np.array([[1, 0], [1, 1]]), params, padding_id=0)
    assert cache.y.tolist() == [[[3.0, 4.0], [0.0, 0.0]], [[3.0, 4.0], [3.0, 4.0]]]
    dy = np.ones((2, 2, 2))
    dy[0, 1] = np.nan
    dW = reference.backward(dy, cache, params).W
    assert dW.tolist() == [[0.0, 0.0], [3.0, 3.0]]


@pytest.mark.parametrize("padding_id", [None, 0, 3])
def test_backward(compare, padding_id):
    ids, params = embedding.sample(np.random.default_rng(0))
    ids[0, 0] = 3
    assert len(np.unique(ids)) < ids.size

    def outputs(i):
        return {"y": reference.forward(ids, embedding.Params(i["W"]), padding_id=padding_id).y}

    def gradients(i, d):
        cache = reference.forward(ids, embedding.Params(i["W"]), padding_id=padding_id)
        return reference.backward(d["y"], cache, embedding.Params(i["W"]))._asdict()

    compare(outputs, gradients, {"W": params.W})


@given(st.integers(1, 4), st.integers(0, 9), st.booleans(), st.integers(0, 2**32 - 1))
def test_it_is_the_product_of_one_hot_rows(V, count, padded, seed):
    rng = np.random.default_rng(seed)
    ids = rng.integers(V, size=count)
    params = embedding.Params(rng.normal(size=(V, 3)))
    padding_id = 0 if padded else None
    one_hot = np.eye(V)[ids] * ((ids != padding_id) if padded else np.ones(count))[:, None]
    cache = reference.forward(ids, params, padding_id=padding_id)
    assert np.array_equal(cache.y, one_hot @ params.W)
    dy = rng.normal(size=(count, 3))
    expected = one_hot.T @ dy
    # at most 9 additions of numbers below 10
    assert np.allclose(reference.backward(dy, cache, params).W, expected, rtol=0, atol=1e-13)


def test_float32_stays_float32():
    ids, params = embedding.sample(np.random.default_rng(1), dtype=np.float32)
    cache = reference.forward(ids, params, padding_id=1)
    assert cache.y.dtype == np.float32
    assert reference.backward(np.ones_like(cache.y), cache, params).W.dtype == np.float32


def test_arguments_are_untouched_and_backward_repeats(untouched):
    ids, params = embedding.sample(np.random.default_rng(2))
    cache = reference.forward(ids, params, padding_id=0)
    dy = np.random.default_rng(3).normal(size=cache.y.shape)
    with untouched(ids, params, cache, dy):
        reference.forward(ids, params, padding_id=0)
        first = reference.backward(dy, cache, params).W
        assert np.array_equal(first, reference.backward(dy, cache, params).W)


@pytest.mark.parametrize(
    ("ids", "padding_id", "error", "sentence"),
    [
        (np.array([[0, 5]]), None, ValueError, "embedding.forward: ids[0, 1] is 5, expected 0 to 4"),
        (np.array([0, -1]), None, ValueError, "embedding.forward: ids[1] is -1, expected 0 to 4"),
        (np.array([0.0]), None, TypeError, "embedding.forward: ids has dtype float64, expected integers"),
        (np.array([0]), 5, ValueError, "embedding.forward: padding_id is 5, expected 0 to 4"),
        (np.array([0]), -1, ValueError, "embedding.forward: padding_id is -1, expected 0 to 4"),
    ],
)
def test_wrong_ids_get_one_sentence(ids, padding_id, error, sentence):
    _, params = embedding.sample(np.random.default_rng(4))
    with pytest.raises(error, match=re.escape(sentence)):
        reference.forward(ids, params, padding_id=padding_id)


def test_wrong_upstream_gets_one_sentence():
    ids, params = embedding.sample(np.random.default_rng(5))
    cache = reference.forward(ids, params)
    with pytest.raises(
        ValueError, match=re.escape("embedding.backward: dy has shape (4, 3), expected the shape of y")
    ):
        reference.backward(np.zeros((4, 3)), cache, params)
