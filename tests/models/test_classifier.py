"""The sequence classifier: gradients from embedding to loss, padding, dropout, what it refuses."""

import numpy as np
import pytest

from scratchnn.models import SequenceClassifier
from scratchnn.probe import complex_step
from scratchnn.training import CrossEntropyLoss

LENGTHS = np.array([5, 1, 3])
TARGETS = np.array([1, 0, 3])


def make(pooling="attention", *, features=False, **options):
    kind = {"input_size": 3} if features else {"vocabulary_size": 9, "embedding_size": 3}
    options = {"hidden_size": 4, "dtype": np.float64, "rng": np.random.default_rng(0)} | kind | options
    return SequenceClassifier(4, pooling=pooling, **options)


def inputs(features=False):
    rng = np.random.default_rng(1)
    if features:
        return rng.normal(size=(3, 5, 3))
    ids = rng.integers(1, 9, size=(3, 5))
    ids[np.arange(5) >= LENGTHS[:, None]] = 0
    return ids


def loss_of(model, x):
    logits, _ = model.forward(x, lengths=LENGTHS)
    return CrossEntropyLoss().forward(logits, TARGETS)[0]


def gradients(model, x, rng=None):
    model.zero_grad()
    criterion = CrossEntropyLoss()
    logits, cache = model.forward(x, lengths=LENGTHS, rng=rng)
    _, scores = criterion.forward(logits, TARGETS)
    dx = model.backward(criterion.backward(scores), cache)
    return dx, {name: grad.copy() for name, grad in model.grads.items()}


VARIANTS = [
    {"pooling": "last"},
    {"pooling": "last", "bidirectional": False, "cell": "gru"},
    {"pooling": "mean", "cell": "rnn"},
    {"pooling": "attention", "score": "additive"},
    {"pooling": "attention", "score": "dot", "query": "last"},
    {"pooling": "attention", "score": "scaled_dot", "num_layers": 2, "cell": "gru"},
    {"pooling": "attention", "score": "general", "query": "last", "bidirectional": False},
    {"pooling": "attention", "score": "additive", "query": "last", "attention_size": 3},
    {"pooling": "attention", "ngram_sizes": (2, 3), "ngram_buckets": 20},
    {"pooling": "self_attention", "score": "dot"},
    {"pooling": "self_attention", "score": "additive", "cell": "rnn"},
]


@pytest.mark.parametrize("options", VARIANTS, ids=lambda o: "-".join(str(v) for v in o.values()))
@pytest.mark.parametrize("features", [False, True], ids=["ids", "features"])
def test_every_gradient_from_loss_to_embedding(options, features):
    x = inputs(features)
    model = make(features=features, **options)
    dx, found = gradients(model, x)
    start = model.state_dict() | ({"inputs": x} if features else {})

    def loss(arrays):
        probe = make(features=features, **options)
        arrays = dict(arrays)
        features_in = arrays.pop("inputs", x)
        probe.set_params(arrays)
        return loss_of(probe, features_in)

    true = complex_step(loss, start)
    if features:
        found["inputs"] = dx
    assert set(found) == set(true)
    for name, value in true.items():
        scale = np.abs(value).max()
        assert scale > 0, f"{name} does not reach the loss: the test could not fail"
        np.testing.assert_allclose(found[name], value, rtol=0, atol=1e-10 * scale, err_msg=name)


@pytest.mark.parametrize("options", VARIANTS, ids=lambda o: "-".join(str(v) for v in o.values()))
def test_padding_is_never_read(options):
    x = inputs(features=True)
    model = make(features=True, **options)
    logits, _ = model.forward(x, lengths=LENGTHS)
    spoiled = x.copy()
    spoiled[np.arange(5) >= LENGTHS[:, None]] = np.nan
    dx, found = gradients(model, spoiled)
    np.testing.assert_array_equal(model.forward(spoiled, lengths=LENGTHS)[0], logits)
    assert all(np.isfinite(grad).all() for grad in found.values())
    assert (dx[np.arange(5) >= LENGTHS[:, None]] == 0).all()


@pytest.mark.parametrize("pooling", ["attention", "self_attention"])
def test_alpha_says_where_it_looked(pooling):
    _, cache = make(pooling).forward(inputs(), lengths=LENGTHS)
    np.testing.assert_allclose(cache.alpha.sum(axis=1), 1)
    assert (cache.alpha[np.arange(5) >= LENGTHS[:, None]] == 0).all()


@pytest.mark.parametrize("pooling", ["last", "mean"])
def test_no_alpha_without_attention(pooling):
    assert make(pooling).forward(inputs(), lengths=LENGTHS)[1].alpha is None


def test_dropout_only_with_a_generator_and_repeatable():
    model = make(dropout=0.5, input_dropout=0.3, output_dropout=0.2, num_layers=2)
    x = inputs()
    calm = model.forward(x, lengths=LENGTHS)[0]
    np.testing.assert_array_equal(model.forward(x, lengths=LENGTHS)[0], calm)
    one = model.forward(x, lengths=LENGTHS, rng=np.random.default_rng(3))[0]
    two = model.forward(x, lengths=LENGTHS, rng=np.random.default_rng(3))[0]
    np.testing.assert_array_equal(one, two)
    assert not np.allclose(one, calm)


@pytest.mark.parametrize("pooling", ["attention", "last", "mean", "self_attention"])
def test_gradients_with_dropout(pooling):
    """With the same draw the dropped network is an ordinary function, and its gradient is checked as one."""
    x = inputs()
    options = {"dropout": 0.4, "input_dropout": 0.3, "output_dropout": 0.2, "num_layers": 2}
    model = make(pooling, **options)
    _, found = gradients(model, x, np.random.default_rng(5))

    def loss(arrays):
        probe = make(pooling, **options)
        probe.set_params(arrays)
        logits, _ = probe.forward(x, lengths=LENGTHS, rng=np.random.default_rng(5))
        return CrossEntropyLoss().forward(logits, TARGETS)[0]

    for name, value in complex_step(loss, model.state_dict()).items():
        np.testing.assert_allclose(found[name], value, rtol=0, atol=1e-10 * np.abs(value).max(), err_msg=name)


def test_same_generator_same_weights():
    one, two = make().state_dict(), make().state_dict()
    assert all((one[name] == two[name]).all() for name in one)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"cell": "transformer"}, "cell is 'transformer', expected one of rnn, lstm, gru|expected one of"),
        ({"pooling": "max"}, "pooling is 'max'"),
        ({"input_size": 3, "vocabulary_size": 9}, "one of the two"),
    ],
)
def test_what_it_refuses(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        make(**options)


@pytest.mark.parametrize("pooling", ["attention", "last", "mean", "self_attention"])
def test_dropout_of_states_reaches_every_pooling(pooling):
    model, x = make(pooling, dropout=0.5), inputs()
    assert not np.allclose(model.forward(x, lengths=LENGTHS, rng=np.random.default_rng(0))[0],
                           model.forward(x, lengths=LENGTHS)[0])  # fmt: skip
