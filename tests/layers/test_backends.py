"""Who computes: kernels unless asked otherwise, the same numbers, and complex arrays still pass."""

import inspect

import numpy as np
import pytest

from scratchnn import check, layers, models, ops, training
from scratchnn.runs import Settings

T, B, D, H = 5, 4, 3, 6
LENGTHS = np.array([5, 2, 1, 4])
IDS = np.random.default_rng(0).integers(7, size=(B, T))
STATES = np.random.default_rng(1).normal(size=(B, T, D))


def sequences(backend, cell, **options):
    options = {"num_layers": 2, "bidirectional": True, "batch_first": True, "dropout": 0.3} | options
    return cell(D, H, backend=backend, rng=np.random.default_rng(2), dtype=np.float64, **options)


LAYERS = {
    "linear": (lambda b, k: layers.Linear(D, H, backend=b, **k), (STATES,), {}),
    "wide linear": (lambda b, k: layers.Linear(400, 300, backend=b, **k), (np.ones((4, 400)),), {}),
    "embedding": (lambda b, k: layers.Embedding(7, D, padding_idx=0, backend=b, **k), (IDS,), {}),
    "n-grams": (
        lambda b, k: layers.NGramEmbedding(7, D, dropout=0.4, buckets=20, backend=b, **k), (IDS,), {"rng": True},
    ),
    "attention": (
        lambda b, k: layers.Attention(D, D, score="additive", backend=b, **k), (STATES, STATES, STATES),
        {"mask": np.tri(T, dtype=bool)},
    ),
    "self-attention": (lambda b, k: layers.SelfAttention(D, backend=b, **k), (STATES,), {"lengths": LENGTHS}),
    "pooling": (lambda b, k: layers.AttentionPooling(D, backend=b, **k), (STATES,), {"lengths": LENGTHS}),
    "dropout": (lambda b, k: layers.Dropout(0.4, backend=b), (STATES,), {"rng": True}),
    "lstm": (lambda b, k: sequences(b, layers.LSTM), (STATES,), {"rng": True, "lengths": LENGTHS}),
    "gru": (lambda b, k: sequences(b, layers.GRU, dropout_per="sequence"), (STATES,), {"rng": True}),
    "rnn": (lambda b, k: sequences(b, layers.RNN, bidirectional=False), (STATES,), {"lengths": LENGTHS}),
}  # fmt: skip
OWNERS = [
    *(getattr(layers, name) for name in layers.__all__ if name not in ("Layer", "LSTM", "GRU", "RNN")),
    layers.LSTM.__mro__[1], models.SequenceClassifier, models.LanguageModel, training.CrossEntropyLoss, training.SGD,
    training.Adam, training.AdamW, training.Adagrad, training.RMSprop,
]  # fmt: skip


def passes(name, backend, scale=1.0):
    """Run a layer forward and backward; give what came out, and the gradients of the parameters."""
    make, arguments, options = LAYERS[name]
    layer = make(backend, {"rng": np.random.default_rng(2), "dtype": np.float64})
    if options.get("rng"):
        options = options | {"rng": np.random.default_rng(3)}
    arguments = [a * scale if a.dtype.kind == "f" else a for a in arguments]
    y, cache = layer.forward(*arguments, **options)
    dy = np.random.default_rng(4).normal(size=y.shape)
    dx = layer.backward(dy, cache)
    dx = [] if dx is None else list(dx) if isinstance(dx, tuple) else [dx]
    return [y, *(d for d in dx if d is not None), *layer.grads.values()]


def test_kernels_are_the_default():
    for owner in OWNERS:
        assert inspect.signature(owner.__init__).parameters["backend"].default == "cpu", owner
    assert Settings().backend == "cpu"
    assert layers.Linear(2, 3, rng=np.random.default_rng(0))._op is ops.backend(ops.linear, "cpu")


def test_every_op_of_a_layer_has_kernels():
    for room in ("attention", "cross_entropy", "dropout", "embedding", "gru", "linear", "lstm", "optimizers", "rnn"):
        assert ops.backend(getattr(ops, room), "cpu").__name__.endswith("cpu")


@pytest.mark.parametrize("name", LAYERS)
def test_both_backends_give_the_same_numbers(name):
    for found, expected in zip(passes(name, "cpu"), passes(name, "reference"), strict=True):
        assert np.abs(found - expected).max() <= 1e-12 * np.abs(expected).max()


@pytest.mark.parametrize("name", [name for name in LAYERS if name not in ("embedding", "n-grams")])
def test_complex_numbers_pass_through_the_kernels_layer(name):
    """The complex step goes through layers; kernels hand complex arrays to the reference."""
    for found, expected in zip(passes(name, "cpu", 1 + 1e-30j), passes(name, "reference", 1 + 1e-30j), strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("cell", ["LSTM", "GRU", "RNN"])
def test_an_output_that_is_changed_leaves_the_cache_alone(cell):
    layer = getattr(layers, cell)(D, H, rng=np.random.default_rng(0))
    y, cache = layer.forward(STATES.astype(np.float32))
    dy = np.ones_like(y)
    expected = layer.backward(dy, cache)
    y[...] = np.nan
    np.testing.assert_array_equal(layer.backward(dy, cache), expected)
    assert (dy == 1).all()


def test_a_table_used_twice_sums_its_gradients():
    table = layers.Embedding(7, D, rng=np.random.default_rng(0))
    _, cache = table.forward(IDS)
    table.backward(STATES.astype(np.float32), cache)
    once = table.grads["W"].copy()
    table.backward(STATES.astype(np.float32), cache)
    np.testing.assert_allclose(table.grads["W"], 2 * once, rtol=1e-6)


@pytest.mark.parametrize("name", ["linear", "embedding", "dropout", "optimizer"])
def test_reference_stays_one_word_away(name, monkeypatch):
    """With backend="reference" no kernel is called."""
    if name == "optimizer":
        for rule in ("adam", "adam_into", "fits"):
            monkeypatch.setattr(ops.backend(ops.optimizers, "cpu"), rule, None)
        p = np.ones(3)
        training.Adam({"p": p}, backend="reference").step({"p": p.copy()})
        assert (p < 1).all()
        return
    for function in ("forward", "backward"):
        monkeypatch.setattr(ops.backend(getattr(ops, name), "cpu"), function, None)
    passes(name, "reference")


@pytest.mark.parametrize("name", ["linear", "layers.lstm", "layers.attention"])
def test_check_judges_the_kernels(name):
    """The complex step runs the reference's forward, the differences the kernel's own: both prove its backward."""
    chosen = check.select(name)
    assert all(check.judge(subject, backend="cpu").passed for subject in chosen[:1])
