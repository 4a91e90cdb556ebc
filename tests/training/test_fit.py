"""The fit loop: beside gradient descent by hand, same seed same result, schedules, clipping, averaging."""

import math
import subprocess
import sys

import numpy as np
import pytest

from scratchnn.training import SGD, Adam, EarlyStopping, WeightAverage, cosine, evaluate, fit


def descent(x, y, *, steps, lr, factor=lambda step: 1.0, max_norm=math.inf, w=0.5, b=-0.25):
    """Logistic regression with plain numbers: (w, b) after the steps, losses, gradient norms."""
    losses, norms = [], []
    for step in range(steps):
        a = [w * xi + b for xi in x]
        losses.append(
            math.fsum(math.log1p(math.exp(-ai if yi else ai)) for ai, yi in zip(a, y, strict=True)) / len(x)
        )
        da = [(1 / (1 + math.exp(-ai)) - yi) / len(x) for ai, yi in zip(a, y, strict=True)]
        dw, db = math.fsum(d * xi for d, xi in zip(da, x, strict=True)), math.fsum(da)
        norms.append(math.hypot(dw, db))
        scale = min(1, max_norm / (norms[-1] + 1e-6)) * lr * factor(step)
        w, b = w - scale * dw, b - scale * db
    return w, b, losses, norms


@pytest.mark.parametrize("max_norm", [None, 0.05])
def test_fit_is_gradient_descent(toys, max_norm):
    """One batch an epoch: 12 steps by hand with a schedule, with and without clipping."""
    data = toys.logistic_data()
    model = toys.Logistic()
    optimizer = SGD(model.params, lr=2.0)
    history = fit(
        model, toys.SoftmaxLoss(), optimizer, lambda rng: data.validation(), epochs=12, schedule=cosine(12, 3),
        max_norm=max_norm, rng=np.random.default_rng(0), progress=False,
    )  # fmt: skip
    w, b, losses, norms = descent(
        data.x.tolist(), data.y.tolist(), steps=12, lr=2.0, factor=cosine(12, 3), max_norm=max_norm or math.inf
    )
    assert model.params["w"][0] == pytest.approx(w, rel=1e-13)
    assert model.params["b"][0] == pytest.approx(b, rel=1e-13)
    assert history.column("train_loss") == pytest.approx(losses, rel=1e-13)
    assert history.column("gradient_norm") == pytest.approx(norms, rel=1e-12)
    assert history.column("lr") == [2.0 * cosine(12, 3)(k) for k in range(12)]
    assert history.column("epoch") == list(range(1, 13))
    assert history.column("valid_loss") == [None] * 12
    assert history.best_epoch is None
    assert optimizer.lr == 2.0


def test_rows_are_means_over_the_batches(toys):
    """40 sequences in batches of 16, 16, 8; with lr = 0 the mean is that of the whole set."""
    data = toys.logistic_data(size=16)
    model = toys.Logistic()
    run = fit(
        model, toys.SoftmaxLoss(), SGD(model.params, lr=0.0), data.batches, epochs=1, validation=data.validation,
        rng=np.random.default_rng(0), progress=False,
    )  # fmt: skip
    row = run.rows[0]
    predictions = 0.5 * data.x - 0.25 > 0
    assert row["train_loss"] == pytest.approx(row["valid_loss"], rel=1e-14)
    assert row["valid_loss"] == pytest.approx(descent(data.x, data.y, steps=1, lr=0)[2][0], rel=1e-14)
    assert row["train_accuracy"] == row["valid_accuracy"] == (predictions == data.y).mean()
    assert row["seconds"] > 0
    assert row["sequences_per_second"] > 0
    found = evaluate(model, toys.SoftmaxLoss(), data.validation)
    assert (found.loss, found.accuracy) == (row["valid_loss"], row["valid_accuracy"])
    assert np.array_equal(found.predictions, predictions)
    assert np.array_equal(found.targets, data.y)


def noisy_run(toys, seed, average=None):
    data = toys.logistic_data(seed=3)
    model = toys.Logistic(noise=0.3, dtype=np.float32)
    history = fit(
        model, toys.SoftmaxLoss(), Adam(model.params, lr=0.1), data.batches, epochs=5, validation=data.validation,
        max_norm=1.0, rng=np.random.default_rng(seed), average=average, progress=False,
    )  # fmt: skip
    clocks = ("seconds", "sequences_per_second")
    rows = [{name: value for name, value in row.items() if name not in clocks} for row in history.rows]
    return {name: p.tobytes() for name, p in model.params.items()}, rows


@pytest.mark.parametrize("average", [None, 0.9])
def test_the_same_seed_gives_the_same_bits(toys, average):
    first = noisy_run(toys, 7, average)
    assert first == noisy_run(toys, 7, average)
    assert first[0] != noisy_run(toys, 8, average)[0]


SCRIPT = [(3.0, 1), (2.0, 3), (1.0, 2), (1.5, 3), (5.0, 3), (4.0, 0)]  # (loss, right of 4) after each epoch


@pytest.mark.parametrize(
    ("monitor", "best", "kept"), [("valid_accuracy", 4, 4.0), ("valid_loss", 3, 3.0), (None, None, 6.0)]
)
def test_the_best_weights_are_kept(toys, monitor, best, kept):
    """Accuracy 3/4 is reached in epochs 2, 4 and 5, with the lowest loss in epoch 4."""
    model = toys.Walk(SCRIPT)
    history = fit(
        model, toys.SumLoss(), SGD(model.params, lr=1.0), toys.walk_batches(), epochs=6,
        validation=toys.walk_batches(), rng=np.random.default_rng(0), monitor=monitor, progress=False,
    )  # fmt: skip
    assert model.params["w"][0] == kept
    assert history.best_epoch == best
    assert history.column("valid_accuracy") == [0.25, 0.75, 0.5, 0.75, 0.75, 0.0]
    assert history.column("valid_loss") == pytest.approx([3, 2, 1, 1.5, 5, 4], rel=1e-14)
    assert model.seen == [1, 2, 3, 4, 5, 6]
    assert not history.stopped_early


@pytest.mark.parametrize("monitor", ["valid_accuracy", "valid_loss"])
def test_among_equals_the_earliest_epoch_is_kept(toys, monitor):
    model = toys.Walk([(2.0, 1), (1.0, 3), (1.0, 3)])
    history = fit(
        model, toys.SumLoss(), SGD(model.params, lr=1.0), toys.walk_batches(), epochs=3,
        validation=toys.walk_batches(), rng=np.random.default_rng(0), monitor=monitor, progress=False,
    )  # fmt: skip
    assert history.best_epoch == model.params["w"][0] == 2


@pytest.mark.parametrize(("monitor", "epochs", "kept"), [("valid_accuracy", 4, 4.0), ("valid_loss", 5, 3.0)])
def test_early_stopping_waits_and_stops(toys, monitor, epochs, kept):
    """Patience 2: the accuracy is not above 3/4 in epochs 3 and 4, the loss not below 1 in epochs 4 and 5."""
    stop = EarlyStopping(2)
    for _ in range(2):  # the second fit starts it anew
        model = toys.Walk(SCRIPT)
        history = fit(
            model, toys.SumLoss(), SGD(model.params, lr=1.0), toys.walk_batches(), epochs=6,
            validation=toys.walk_batches(), rng=np.random.default_rng(0), monitor=monitor, early_stopping=stop,
            progress=False,
        )  # fmt: skip
        assert len(history) == epochs
        assert history.stopped_early
        assert model.params["w"][0] == kept


def test_weight_average_by_hand():
    """Decay 1/2 over the values 1, 2, 6: weights 1/7, 2/7, 4/7."""
    p = np.array([0.0])
    average = WeightAverage({"p": p}, 0.5)
    assert average.values()["p"][0] == 0.0
    found = []
    for value in (1.0, 2.0, 6.0):
        p[0] = value
        average.update()
        found.append(average.values()["p"][0])
    assert found == pytest.approx([1, 5 / 3, 29 / 7], rel=1e-15)
    assert p[0] == 6.0
    with pytest.raises(ValueError, match="WeightAverage: decay is 1"):
        WeightAverage({"p": p}, 1)


def test_validation_and_the_final_weights_use_the_average(toys):
    """Two steps an epoch walk w through 1..4 by SGD; the average never touches what the optimiser moves."""
    model = toys.Walk([(1.0, 0)] * 4)
    fit(
        model, toys.SumLoss(), SGD(model.params, lr=1.0), toys.walk_batches(2), epochs=2,
        validation=toys.walk_batches(), rng=np.random.default_rng(0), average=0.5, monitor=None, progress=False,
    )  # fmt: skip
    expected = [(1 + 2 * 2) / 3, (1 + 2 * 2 + 4 * 3 + 8 * 4) / 15]
    assert model.seen == pytest.approx(expected, rel=1e-15)
    assert model.params["w"][0] == pytest.approx(expected[1], rel=1e-15)


def test_the_best_averaged_weights_are_kept(toys):
    model = toys.Walk([(1.0, 4), (1.0, 0), (1.0, 0)])
    history = fit(
        model, toys.SumLoss(), SGD(model.params, lr=1.0), toys.walk_batches(), epochs=3,
        validation=toys.walk_batches(), rng=np.random.default_rng(0), average=0.5, progress=False,
    )  # fmt: skip
    assert history.best_epoch == 1
    assert model.params["w"][0] == 1.0


def test_parameters_the_optimizer_does_not_hold_are_frozen(toys):
    data = toys.logistic_data()
    model = toys.Logistic()
    fit(
        model, toys.SoftmaxLoss(), SGD({"w": model.params["w"]}, lr=1.0), data.batches, epochs=1,
        rng=np.random.default_rng(0), progress=False,
    )  # fmt: skip
    assert model.params["b"][0] == -0.25
    assert model.params["w"][0] != 0.5


def test_the_bar_goes_to_standard_error(toys, capsys):
    data = toys.logistic_data()
    model = toys.Logistic()
    fit(
        model, toys.SoftmaxLoss(), SGD(model.params, lr=1.0), data.batches, epochs=2, validation=data.validation,
        rng=np.random.default_rng(0),
    )  # fmt: skip
    out, err = capsys.readouterr()
    assert out == ""
    for word in (
        "epoch 2/2",
        "\nloss 0.",
        "  accuracy ",
        "  gradient norm ",
        "sequences/s\n",
        "\nvalidation: loss 0.",
    ):
        assert word in err


def test_without_a_bar_nothing_is_written_and_rich_is_not_imported():
    code = """
import sys
import numpy as np
from scratchnn import training
assert "rich" not in sys.modules
class Model:
    params, grads = {"w": np.zeros(1)}, {"w": np.zeros(1)}
    def zero_grad(self): pass
    def forward(self, inputs, lengths, rng): return np.zeros((1, 2)), None
    def backward(self, dlogits, cache): pass
class Loss:
    def forward(self, logits, targets): return 0.5, None
    def backward(self, cache): return None
class Batch:
    inputs = lengths = None
    targets = np.zeros(1, int)
model = Model()
training.fit(model, Loss(), training.SGD(model.params), lambda rng: [Batch], epochs=2,
             rng=np.random.default_rng(0), progress=False)
assert "rich" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout + done.stderr == ""


@pytest.mark.parametrize(
    ("settings", "error", "sentence"),
    [
        ({"epochs": 0}, ValueError, "fit: epochs is 0, expected a whole number of at least 1"),
        ({"max_norm": 0}, ValueError, "fit: max_norm is 0, expected a number above 0"),
        (
            {"monitor": "loss"},
            ValueError,
            "fit: monitor is 'loss', expected one of 'valid_accuracy', 'valid_loss', None",
        ),
        ({"early_stopping": EarlyStopping(1)}, ValueError, "fit: early_stopping needs validation and a monitor"),
        ({"rng": 7}, TypeError, "fit: rng is a int, expected a numpy.random.Generator"),
        ({"average": 1.0}, ValueError, "WeightAverage: decay is 1.0, expected 0 <= decay < 1"),
        ({"batches": lambda rng: iter([])}, ValueError, "fit: the training data yields no batch in epoch 1"),
        ({"validation": lambda: iter([])}, ValueError, "evaluate: the data yields no batch"),
    ],
)
def test_impossible_settings_get_one_sentence(toys, settings, error, sentence):
    data = toys.logistic_data()
    model = toys.Logistic()
    given = {"batches": data.batches, "epochs": 1, "rng": np.random.default_rng(0), "progress": False} | settings
    with pytest.raises(error, match=sentence):
        fit(model, toys.SoftmaxLoss(), SGD(model.params), given.pop("batches"), **given)


def test_an_optimizer_of_another_model_is_refused(toys):
    """Otherwise fit would train nothing, without a word."""
    model, other = toys.Logistic(), toys.Logistic()
    with pytest.raises(ValueError, match="fit: 'w' of the optimizer is not the array"):
        fit(
            model, toys.SoftmaxLoss(), SGD(other.params), toys.logistic_data().batches, epochs=1,
            rng=np.random.default_rng(0), progress=False,
        )  # fmt: skip
