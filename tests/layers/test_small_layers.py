"""Linear, Embedding and Dropout: their meaning, their gradients, and PyTorch's numbers."""

import numpy as np
import pytest

from scratchnn.interop import from_torch
from scratchnn.layers import Dropout, Embedding, Linear


def rng():
    return np.random.default_rng(4)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("leading", [(), (3,), (2, 3)])
def test_linear_backward_equals_the_complex_step(check_layer, leading, bias):
    layer = Linear(4, 5, bias=bias, dtype=np.float64, rng=rng())

    def forward(inputs):
        y, cache = layer.forward(inputs["x"])
        return {"y": y}, cache

    def backward(upstream, cache):
        return {"x": layer.backward(upstream["y"], cache)}

    check_layer(layer, forward, backward, {"x": rng().normal(size=(*leading, 4))})


def test_linear_by_hand():
    layer = Linear(2, 1, init="zeros", dtype=np.float64)
    layer.load_state_dict({"W": [[2], [3]], "b": [5]})
    y, cache = layer.forward(np.array([[7.0, 11.0]]))
    assert y == 2 * 7 + 3 * 11 + 5
    np.testing.assert_array_equal(layer.backward(np.array([[10.0]]), cache), [[20, 30]])
    np.testing.assert_array_equal(layer.grads["W"], [[70], [110]])
    np.testing.assert_array_equal(layer.grads["b"], [10])


def test_embedding_backward_equals_the_complex_step(check_layer):
    layer = Embedding(6, 3, padding_idx=2, dtype=np.float64, rng=rng())
    ids = np.array([[0, 2, 0, 5], [0, 1, 2, 5]])  # repeated ids, padding, rows never used

    def forward(inputs):
        y, cache = layer.forward(ids)
        return {"y": y}, cache

    def backward(upstream, cache):
        assert layer.backward(upstream["y"], cache) is None
        return {}

    check_layer(layer, forward, backward, {})
    assert (layer.grads["W"][[2, 3, 4]] == 0).all()
    assert (layer.grads["W"][[0, 1, 5]] != 0).all()


def test_embedding_padding_gives_zeros_whatever_its_row_holds():
    layer = Embedding(3, 2, padding_idx=0, dtype=np.float64, rng=rng())
    layer.params["W"][...] = 7
    y, _ = layer.forward(np.array([0, 1]))
    np.testing.assert_array_equal(y, [[0, 0], [7, 7]])


def test_dropout_keeps_the_mean_and_passes_in_evaluation():
    layer, x = Dropout(0.25), np.ones((100, 100))
    y, cache = layer.forward(x, rng=np.random.default_rng(0))
    assert set(np.unique(y)) == {0, 1 / 0.75}
    assert abs((y == 0).mean() - 0.25) < 4 * np.sqrt(0.25 * 0.75 / y.size)
    dx = layer.backward(np.full_like(x, 3), cache)
    np.testing.assert_array_equal(dx, 3 * y)
    y, cache = layer.forward(x)
    np.testing.assert_array_equal(y, x)
    np.testing.assert_array_equal(layer.backward(2 * x, cache), 2 * x)


@pytest.mark.parametrize("time_axis", [0, 1])
def test_dropout_per_sequence_holds_one_mask_over_time(time_axis):
    y, _ = Dropout(0.5, per="sequence", time_axis=time_axis).forward(np.ones((6, 7, 8)), rng=np.random.default_rng(0))
    first = y.take([0], axis=time_axis)
    np.testing.assert_array_equal(y, np.broadcast_to(first, y.shape))
    other = y.take([0], axis=1 - time_axis)
    assert (y != other).any()


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: Linear(4, 5, rng=rng()).forward(np.ones((2, 3))), r"Linear.forward: x has shape \(2, 3\), expected"),
        (lambda: Linear(4, 5, rng=rng()).forward(np.ones((), float)), r"Linear.forward: x has shape \(\)"),
        (lambda: Linear(4, 5, rng=rng()).forward([[1.0] * 4]), r"Linear.forward: x is a list, expected"),
        (lambda: Linear(0, 5, rng=rng()), r"Linear: in_features is 0, expected a whole number of at least 1"),
        (lambda: Embedding(4, 5, rng=rng()).forward(np.array([1, 4])), r"ids\[1\] is 4, expected 0 to 3"),
        (lambda: Embedding(4, 5, rng=rng()).forward(np.array([1.0])), r"ids has dtype float64, expected integers"),
        (lambda: Embedding(4, 5, padding_idx=4, rng=rng()), r"Embedding: padding_idx is 4, expected 0 to 3"),
        (lambda: Dropout(1.0), r"Dropout: p is 1.0, expected 0 <= p < 1"),
        (lambda: Dropout(float("nan")), r"Dropout: p is nan, expected 0 <= p < 1"),
        (lambda: Dropout(0.5, per="batch"), r"Dropout: per is 'batch', expected one of 'step', 'sequence'"),
        (lambda: Dropout(0.5).forward(np.ones(3), rng=1), r"Dropout.forward: rng is a int, expected"),
    ],
)  # fmt: skip
def test_wrong_input_gets_one_sentence(call, sentence):
    with pytest.raises((ValueError, TypeError), match=sentence):
        call()


@pytest.mark.parametrize("bias", [True, False])
def test_linear_equals_pytorch(bias):
    torch = pytest.importorskip("torch", reason="PyTorch is the peer here and is not installed")
    torch.manual_seed(0)
    theirs = torch.nn.Linear(4, 5, bias=bias, dtype=torch.float64)
    ours = Linear(4, 5, bias=bias, init="zeros", dtype=np.float64)
    ours.load_state_dict(from_torch(theirs.state_dict()))
    x, dy = rng().normal(size=(2, 3, 4)), rng().normal(size=(2, 3, 5))
    x_t = torch.tensor(x, requires_grad=True)
    y_t = theirs(x_t)
    y_t.backward(torch.tensor(dy))
    y, cache = ours.forward(x)
    pairs = [(y, y_t.detach()), (ours.backward(dy, cache), x_t.grad), (ours.grads["W"].T, theirs.weight.grad)]
    if bias:
        pairs.append((ours.grads["b"], theirs.bias.grad))
    for mine, peer in pairs:
        np.testing.assert_allclose(mine, peer.numpy(), rtol=0, atol=1e-12 * peer.abs().max().item())


@pytest.mark.parametrize("padding_idx", [None, 2])
def test_embedding_equals_pytorch(padding_idx):
    torch = pytest.importorskip("torch", reason="PyTorch is the peer here and is not installed")
    torch.manual_seed(0)
    theirs = torch.nn.Embedding(6, 3, padding_idx=padding_idx, dtype=torch.float64)
    ours = Embedding(6, 3, padding_idx=padding_idx, init="zeros", dtype=np.float64)
    ours.load_state_dict(from_torch(theirs.state_dict(), embeddings=[""]))
    ids, dy = np.array([[0, 2, 0, 5], [0, 1, 2, 5]]), rng().normal(size=(2, 4, 3))
    y_t = theirs(torch.tensor(ids))
    y_t.backward(torch.tensor(dy))
    y, cache = ours.forward(ids)
    ours.backward(dy, cache)
    np.testing.assert_array_equal(y, y_t.detach().numpy())
    np.testing.assert_allclose(ours.grads["W"], theirs.weight.grad.numpy(), rtol=0, atol=1e-12)
