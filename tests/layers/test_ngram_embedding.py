"""N-grams added to an embedding: which ones are seen, what shares a row, dropout, gradients."""

import numpy as np
import pytest

from scratchnn.layers import NGramEmbedding
from scratchnn.layers.ngram_embedding import ngram_rows
from scratchnn.probe import complex_step

IDS = np.array([[2, 5, 6, 5, 6, 3], [2, 7, 3, 0, 0, 0]])


def make(**options):
    options = {"sizes": (2, 3), "buckets": 50, "dtype": np.float64, "rng": np.random.default_rng(0)} | options
    return NGramEmbedding(9, 4, **options)


def test_the_same_ngram_has_the_same_row_wherever_it_stands():
    rows = ngram_rows(IDS, 2, 10_000)
    assert rows[0, 2] == rows[0, 4] > 0  # "5 6" twice
    assert len({rows[0, 1], rows[0, 2], rows[0, 3], rows[0, 5]}) == 4


def test_order_matters():
    rows = ngram_rows(np.array([[5, 6], [6, 5]]), 2, 10_000)
    assert rows[0, 1] != rows[1, 1]


def test_no_ngram_reaches_over_the_edges():
    for n in (2, 3):
        rows = ngram_rows(IDS, n, 10_000)
        assert (rows[:, : n - 1] == 0).all(), "before the first n ids there is none"
        assert (rows[1, 3:] == 0).all(), "none ends in padding"
        assert (rows[0, n - 1 :] > 0).all()
    assert (ngram_rows(IDS, 9, 100) == 0).all()


def test_a_hash_is_the_same_everywhere_and_always():
    """By hand: code = n, then code * 1000003 + id + 1 modulo 2**31 - 1, then 1 + code modulo (buckets - 1)."""
    code = 2
    for k in (5, 6):
        code = (code * 1000003 + k + 1) % (2**31 - 1)
    assert ngram_rows(np.array([[5, 6]]), 2, 8192)[0, 1] == 1 + code % 8191


def test_the_output_is_the_sum_of_the_vectors():
    layer = make()
    y, _ = layer.forward(IDS)
    W = layer.params
    expected = W["single.W"][6].copy()
    for n in (2, 3):
        expected += W[f"grams_{n}.W"][ngram_rows(IDS, n, 50)[0, 2]]
    np.testing.assert_allclose(y[0, 2], expected, rtol=1e-14)
    np.testing.assert_array_equal(y[1, 3:], 0)


@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_every_gradient(dropout):
    dy = np.random.default_rng(1).normal(size=(2, 6, 4))
    layer = make(dropout=dropout)
    _, cache = layer.forward(IDS, rng=np.random.default_rng(3))
    layer.backward(dy, cache)
    found = {name: grad.copy() for name, grad in layer.grads.items()}

    def loss(arrays):
        probe = make(dropout=dropout)
        probe.set_params(arrays)
        return (probe.forward(IDS, rng=np.random.default_rng(3))[0] * dy).sum()

    for name, true in complex_step(loss, layer.state_dict()).items():
        assert np.abs(true).max() > 0
        np.testing.assert_allclose(found[name], true, rtol=0, atol=1e-12, err_msg=name)


def test_dropout_drops_whole_ngrams_and_keeps_the_mean():
    layer = make(dropout=0.4, sizes=(2,))
    calm, _ = layer.forward(IDS)
    single, _ = layer.single.forward(IDS)
    gram = (calm - single)[0, 2]
    rng = np.random.default_rng(0)
    kept = 0
    for _ in range(2000):
        part = (layer.forward(IDS, rng=rng)[0] - single)[0, 2]
        if np.abs(part).max() > 0:
            kept += 1
            np.testing.assert_allclose(part, gram / 0.6)
    # a binomial share of 0.6 in 2000 draws has deviation 0.011: five of them
    assert abs(kept / 2000 - 0.6) < 0.055


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"sizes": ()}, "sizes is"),
        ({"sizes": (1,)}, "at least 2"),
        ({"dropout": 1.0}, "dropout is 1.0"),
        ({"buckets": 0}, "buckets is 0"),
    ],
)
def test_what_it_refuses(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        make(**options)
