"""Initial weights: their distribution, and that every draw comes from the Generator that was passed."""

import numpy as np
import pytest

from scratchnn.layers import GRU, LSTM, RNN, Attention, Embedding, Linear, init

NAMES = ["pytorch", "orthogonal", "xavier_uniform", "xavier_normal", "normal"]


@pytest.mark.parametrize("shape", [(5, 5), (7, 3), (3, 7), (1, 4)])
def test_orthogonal_is_orthogonal(shape):
    W = init.orthogonal(np.random.default_rng(0), shape)
    product = W.T @ W if shape[0] >= shape[1] else W @ W.T
    assert W.shape == shape
    np.testing.assert_allclose(product, np.eye(min(shape)), rtol=0, atol=1e-14)


def test_orthogonal_is_uniform():
    """Without the sign fix the first entry is never positive; among all orthogonal matrices its mean is 0."""
    rng = np.random.default_rng(0)
    first = np.array([init.orthogonal(rng, (4, 4))[0, 0] for _ in range(400)])
    assert abs(first.mean()) < 4 * np.sqrt(1 / 4 / 400)  # variance of an entry is 1/N
    assert first.var() == pytest.approx(1 / 4, rel=0.25)


def test_xavier_has_the_variance_of_glorot_and_bengio():
    shape, expected = (60, 140), 2 / 200
    for draw in (init.xavier_uniform, init.xavier_normal):
        W = draw(np.random.default_rng(1), shape)
        assert W.var() == pytest.approx(expected, rel=0.05)
    W = init.xavier_uniform(np.random.default_rng(1), shape)
    assert 0.99 * np.sqrt(6 / 200) < np.abs(W).max() <= np.sqrt(6 / 200)
    v = init.xavier_uniform(np.random.default_rng(1), (5000,))  # a vector is a matrix with one column
    assert v.var() == pytest.approx(2 / 5001, rel=0.05)


def test_gate_blocks_are_drawn_one_by_one():
    layer = LSTM(30, 20, init="orthogonal", dtype=np.float64, rng=np.random.default_rng(0))
    blocks = np.split(layer.params["W_h_l0"], 4, axis=1)
    for block in blocks:
        np.testing.assert_allclose(block @ block.T, np.eye(20), rtol=0, atol=1e-13)
    assert np.abs(blocks[0] - blocks[1]).max() > 0.1
    assert np.abs(layer.params["W_x_l0"]).max() <= np.sqrt(6 / 50)  # fans of one gate, not of four
    assert (layer.params["b_l0"] == 0).all()


@pytest.mark.parametrize(("cell", "gates"), [(RNN, 1), (LSTM, 4), (GRU, 3)])
def test_pytorch_uniform(cell, gates):
    H, bound = 64, 1 / 8
    params = cell(8, H, dtype=np.float64, rng=np.random.default_rng(0)).params
    for name in ("W_x_l0", "W_h_l0"):
        assert 0.98 * bound < np.abs(params[name]).max() <= bound
        assert params[name].var() == pytest.approx(bound**2 / 3, rel=0.15)
    b = params["b_l0"]
    two = b if cell is not GRU else b[: 2 * H]  # the sum of PyTorch's two biases, each U(-bound, bound)
    assert np.abs(two).max() <= 2 * bound
    assert two.var() == pytest.approx(2 * bound**2 / 3, rel=0.5)
    assert two.size == (gates if cell is not GRU else 2) * H
    if cell is GRU:
        for alone in (b[2 * H :], params["b_hn_l0"]):
            assert 0.8 * bound < np.abs(alone).max() <= bound


def test_linear_and_embedding_start_as_in_pytorch():
    linear = Linear(100, 50, dtype=np.float64, rng=np.random.default_rng(0))
    assert 0.98 / 10 < np.abs(linear.params["W"]).max() <= 1 / 10
    assert 0.8 / 10 < np.abs(linear.params["b"]).max() <= 1 / 10
    embedding = Embedding(200, 50, padding_idx=3, dtype=np.float64, rng=np.random.default_rng(0))
    W = embedding.params["W"]
    assert (W[3] == 0).all()
    assert np.delete(W, 3, axis=0).std() == pytest.approx(1, rel=0.03)


MAKERS = {
    "RNN": lambda **o: RNN(3, 4, **o),
    "LSTM": lambda **o: LSTM(3, 4, 2, bidirectional=True, **o),
    "GRU": lambda **o: GRU(3, 4, **o),
    "Linear": lambda **o: Linear(3, 4, **o),
    "Embedding": lambda **o: Embedding(5, 4, **o),
    "Attention": lambda **o: Attention(3, 4, score="additive", **o),
}


@pytest.mark.parametrize("init_name", NAMES)
@pytest.mark.parametrize("maker", MAKERS)
def test_the_generator_decides_everything(maker, init_name):
    def draw(seed, dtype=np.float64):
        return MAKERS[maker](init=init_name, dtype=dtype, rng=np.random.default_rng(seed)).params

    first, again, other, single = draw(0), draw(0), draw(1), draw(0, np.float32)
    for name, array in first.items():
        np.testing.assert_array_equal(array, again[name])
        np.testing.assert_array_equal(array.astype(np.float32), single[name], strict=True)
        assert name.startswith("b") or (array != other[name]).all()


@pytest.mark.parametrize("maker", MAKERS)
def test_nothing_is_drawn_without_a_generator(maker):
    with pytest.raises(ValueError, match=rf"{maker}: rng is None, expected a numpy.random.Generator to draw from"):
        MAKERS[maker](rng=None)
    with pytest.raises(ValueError, match=rf"{maker}: rng is a int, expected a numpy.random.Generator"):
        MAKERS[maker](rng=0)
    with pytest.raises(ValueError, match=rf"{maker}: init is 'kaiming', expected one of 'pytorch'"):
        MAKERS[maker](rng=np.random.default_rng(0), init="kaiming")
    zeros = MAKERS[maker](init="zeros", rng=None)
    assert all((array == 0).all() for array in zeros.params.values())
