"""Layers, models, losses and optimisers with backend="gpu": the reference's numbers, nothing copied on the way."""

import numpy as np
import pytest

from scratchnn import arrays, data, device, layers, training
from scratchnn.models import Committee, LanguageModel, SequenceClassifier
from scratchnn.training import (
    SGD,
    Adam,
    Checkpoints,
    CrossEntropyLoss,
    RMSprop,
    WeightAverage,
    clip_grad_norm,
    clip_grad_value,
)

B, T = 3, 4
LENGTHS, TARGETS = np.array([4, 2, 3]), np.array([0, 2, 1])
IDS = np.array([[1, 3, 2, 4], [4, 2, 0, 0], [2, 2, 1, 0]])
MODELS = {
    "the article's": {"input_size": 2, "pooling": "self_attention", "bidirectional": False, "score": "dot"},
    "both ways, learned query": {"vocabulary_size": 5, "embedding_size": 2, "pooling": "attention"},
    "last states": {"vocabulary_size": 5, "embedding_size": 2, "pooling": "last", "cell": "gru", "dropout": 0.2},
    "two layers": {"input_size": 2, "query": "last", "cell": "rnn", "num_layers": 2, "dropout": 0.2},
    "mean": {"input_size": 2, "pooling": "mean", "forget_bias": 1.0, "dropout_per": "sequence", "input_dropout": 0.2},
    "n-grams": {"vocabulary_size": 5, "embedding_size": 2, "ngram_sizes": (2,), "ngram_buckets": 5},
}
REAL = {"dtype", "ndim", "size", "strides", "nbytes", "itemsize", "flags", "is_c_contiguous", "squeeze"}


@pytest.fixture
def secretive(monkeypatch):
    """Let a device array of the simulator do what a real one does, and no more: NumPy cannot look into it."""
    if not device.simulated():
        return
    from numba.cuda.simulator.cudadrv.devicearray import FakeCUDAArray

    def only(self, name):
        if name not in REAL:
            raise AttributeError(f"a device array has no {name}")
        return getattr(self.__dict__["_ary"], name)

    monkeypatch.setattr(FakeCUDAArray, "__getattr__", only)
    for name in ("__eq__", "__lt__", "__len__"):
        monkeypatch.setattr(FakeCUDAArray, name, lambda *_: pytest.fail("computed with a device array"))
    monkeypatch.setattr(FakeCUDAArray, "__hash__", object.__hash__, raising=False)


def classifier(backend, options, dtype=np.float64):
    rng = np.random.default_rng(0)
    return SequenceClassifier(3, rng=rng, backend=backend, dtype=dtype, hidden_size=3, **options)


def inputs_of(options):
    return IDS if "vocabulary_size" in options else np.random.default_rng(1).normal(size=(B, T, 2))


def train(backend, options, steps):
    """Take some steps; give what came home."""
    model, x = classifier(backend, options), inputs_of(options)
    criterion = CrossEntropyLoss(backend=backend, weight=[1, 2, 3], label_smoothing=0.1)
    optimizer = Adam(model.params, lr=0.1, backend=backend)
    told = []
    for _ in range(steps):
        logits, cache = model.forward(x, LENGTHS, rng=np.random.default_rng(5))
        loss, scores = criterion.forward(logits, TARGETS)
        model.zero_grad()
        model.backward(criterion.backward(scores), cache)
        norm = clip_grad_norm(model.grads, 0.1)
        optimizer.step(model.grads)
        alpha = () if cache.alpha is None else arrays.as_numpy(cache.alpha)
        told.append((np.asarray(loss), np.asarray(norm), arrays.as_numpy(logits), alpha))
    return told, model, optimizer


@pytest.mark.parametrize("name", MODELS)
def test_training_goes_as_with_the_reference(name, close, secretive):
    steps = 2 if name == "both ways, learned query" else 1
    told, model, optimizer = train("gpu", MODELS[name], steps)
    wanted, twin, other = train("reference", MODELS[name], steps)
    for got, expected in zip(told, wanted, strict=True):
        for a, b in zip(got, expected, strict=True):
            close(np.asarray(a), np.asarray(b), tolerance=1e-12)
    assert all(map(device.on_device, (*model.params.values(), *model.grads.values())))
    for ours, theirs in ((model, twin), (optimizer, other)):
        state, expected = ours.state_dict(), theirs.state_dict()
        assert list(state) == list(expected)
        for key, array in state.items():
            assert isinstance(array, np.ndarray)
            close(array, expected[key], key, tolerance=1e-11)


def test_only_inputs_go_there_and_only_results_come_home(secretive):
    """Whatever the number of steps and layers: the batch goes to the device, loss, logits and norm come home."""
    options = MODELS["the article's"]
    x = inputs_of(options).astype(np.float32)
    counts = []
    for length in (2, 4):
        model = classifier("gpu", options, np.float32)
        criterion, optimizer = CrossEntropyLoss(backend="gpu"), SGD(model.params, lr=0.1, backend="gpu")
        with device.counting() as count:
            logits, cache = model.forward(x[:, :length], np.minimum(LENGTHS, length))
            _, scores = criterion.forward(logits, TARGETS)
            model.backward(criterion.backward(scores), cache)
            clip_grad_norm(model.grads, 0.1)
            optimizer.step(model.grads)
            arrays.to_host(logits)
        counts.append((count.to_device, count.to_host))
    inputs = ["x", "lengths of the LSTM", "of attention", "of pooling", "the step it reads", "targets"]
    results = ["loss", "norm", "logits"]
    assert counts == 2 * [(len(inputs), len(results))]


def test_weights_come_from_the_reference_and_go_back(close):
    options = MODELS["both ways, learned query"]
    model, twin = classifier("gpu", options), classifier("reference", options)
    for p in twin.params.values():
        p += 0.25
    model.load_state_dict(twin.state_dict())
    logits, _ = model.forward(IDS, LENGTHS)
    close(logits, twin.forward(IDS, LENGTHS)[0], tolerance=1e-13)
    close(model.state_dict()["recurrent.W_h_l0"], twin.params["recurrent.W_h_l0"])


def test_a_committee_and_a_language_model(close):
    def committee(backend):
        members = [classifier(backend, MODELS["mean"] | {"cell": "gru"}) for _ in range(2)]
        model = Committee(members)
        logits, cache = model.forward(inputs_of(MODELS["mean"]), LENGTHS)
        model.backward(np.ones((B, 3)) - 2 * np.eye(3), cache)
        return logits, {name: arrays.as_numpy(grad) for name, grad in model.grads.items()}

    def language(backend):
        rng = np.random.default_rng(0)
        model = LanguageModel(5, rng=rng, backend=backend, dtype=np.float64, hidden_size=3, embedding_size=2)
        criterion, state = CrossEntropyLoss(backend=backend), None
        for chunk in (IDS, IDS[:, ::-1].copy()):
            logits, cache = model.forward(chunk, state=state)
            state = model.carry(cache)
            loss, scores = criterion.forward(logits, np.roll(chunk, 1, axis=1))
            model.backward(criterion.backward(scores), cache)
        return np.asarray(loss), {name: arrays.as_numpy(grad) for name, grad in model.grads.items()}

    for what in (committee, language):
        (got, grads), (expected, wanted) = what("gpu"), what("reference")
        close(got, expected, tolerance=1e-12)
        for name, grad in grads.items():
            close(grad, wanted[name], name, tolerance=1e-12)


def test_states_in_and_out_without_lengths_without_bias(close):
    def run(backend):
        rng = np.random.default_rng(0)
        options = {"num_layers": 2, "bidirectional": True, "bias": False, "dtype": np.float64}
        layer = layers.LSTM(2, 3, rng=rng, backend=backend, **options)
        x, h0, c0 = rng.normal(size=(T, B, 2)), rng.normal(size=(4, B, 3)), rng.normal(size=(4, B, 3))
        y, cache = layer.forward(x, (h0, c0))
        dx, dstate = layer.backward(np.cos(np.arange(T * B * 6.0).reshape(T, B, 6)), cache, (c0, h0), with_state=True)
        return [arrays.as_numpy(array) for array in (y, *cache.state, dx, *dstate, *layer.grads.values())]

    for got, expected in zip(run("gpu"), run("reference"), strict=True):
        close(got, expected, tolerance=1e-13)


def test_clipping_and_averaging_on_the_device(close, moved):
    rng = np.random.default_rng(3)
    grads = {"a": rng.normal(size=(3, 5)), "b": rng.normal(size=7)}
    there = {name: moved(g) for name, g in grads.items()}
    assert clip_grad_value(there, 0.8) == pytest.approx(clip_grad_value(grads, 0.8))
    assert clip_grad_norm(there, 0.5) == pytest.approx(clip_grad_norm(grads, 0.5), rel=1e-14)
    ours, theirs = WeightAverage(there, 0.9), WeightAverage(grads, 0.9)
    for average in (ours, ours, theirs, theirs):
        average.update()
    for name in grads:
        close(there[name], grads[name], tolerance=1e-14)
        close(ours.values()[name], theirs.values()[name], tolerance=1e-14)


@pytest.mark.filterwarnings("ignore:.*overflow encountered")  # the simulator computes with NumPy's numbers
def test_a_norm_whose_squares_overflow_is_found_all_the_same(moved):
    grads = {"a": np.array([3e30, 4e30], np.float32)}
    assert clip_grad_norm({"a": moved(grads["a"])}, 1e31) == pytest.approx(5e30, rel=1e-6)


def test_a_fit_on_the_device_ends_as_with_the_reference_and_a_checkpoint_resumes_it(close, tmp_path):
    """Averaged weights, a validation part; it fails in the second epoch and is taken up again."""
    batches = data.Batches([IDS[k, : LENGTHS[k]] for k in range(B)], TARGETS, 2)

    class Failing:
        """Batches that fail in the second epoch."""

        def __init__(self):
            self.passes = 0

        def __len__(self):
            return len(batches)

        def __call__(self, rng=None):
            self.passes += 1
            for number, batch in enumerate(batches(rng)):
                if self.passes == 2 and number == 1:
                    raise OSError("the disk is gone")
                yield batch

    def fit(backend, taught, folder):
        model = classifier(backend, MODELS["last states"] | {"dropout": 0.0, "bidirectional": False})
        optimizer = RMSprop(model.params, lr=0.05, momentum=0.5, backend=backend)
        checkpoint = Checkpoints(folder, steps=1, say=[].append) if folder else None
        common = {"average": 0.5, "max_norm": 1.0, "accumulate": 1, "validation": batches, "checkpoint": checkpoint}
        criterion = CrossEntropyLoss(backend=backend)
        rng = np.random.default_rng(4)
        history = training.fit(model, criterion, optimizer, taught, epochs=2, rng=rng, progress=False, **common)
        return model.state_dict(), [row["train_loss"] for row in history.rows]

    wanted, losses = fit("reference", batches, None)
    with pytest.raises(OSError, match="the disk is gone"):
        fit("gpu", Failing(), tmp_path)
    assert list(tmp_path.iterdir()), "nothing was kept"
    got, told = fit("gpu", batches, tmp_path)
    np.testing.assert_allclose(told, losses, rtol=1e-12)
    for name, array in got.items():
        close(array, wanted[name], name, tolerance=1e-11)
