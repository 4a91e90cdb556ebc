"""CrossEntropyLoss: by hand, its gradient, beside torch, and in the fit loop."""

import math

import numpy as np
import pytest

from scratchnn.probe import complex_step, richardson
from scratchnn.training import SGD, CrossEntropyLoss, balanced_weights, evaluate, fit

SETTINGS = [
    {},
    {"reduction": "sum"},
    {"label_smoothing": 0.1},
    {"weight": [0.5, 1.0, 2.0, 0.25]},
    {"weight": [0.5, 1.0, 2.0, 0.25], "label_smoothing": 0.2, "ignore_index": 1},
]


def problem(dtype=np.float64):
    rng = np.random.default_rng(0)
    return (2 * rng.normal(size=(5, 4))).astype(dtype), np.array([3, 1, 0, -100, 2])


def test_by_hand():
    """Logits 0 and ln 3: probabilities 1/4 and 3/4."""
    logits = np.array([[0.0, math.log(3)], [0.0, math.log(3)]])
    criterion = CrossEntropyLoss()
    loss, cache = criterion.forward(logits, np.array([0, 1]))
    assert loss == pytest.approx((math.log(4) + math.log(4 / 3)) / 2, rel=1e-15)
    dlogits = criterion.backward(cache)
    assert dlogits.ravel().tolist() == pytest.approx([-3 / 8, 3 / 8, 1 / 8, -1 / 8], rel=1e-14)
    assert criterion.backward(cache, 2.0).ravel() == pytest.approx(2 * dlogits.ravel(), rel=1e-15)


def test_weights_by_hand():
    """Probabilities 1/4 and 3/4, class 1 counts three times as much."""
    logits = np.array([[0.0, math.log(3)], [0.0, math.log(3)]])
    loss, _ = CrossEntropyLoss(weight=[1, 3]).forward(logits, np.array([0, 1]))
    assert loss == pytest.approx((math.log(4) + 3 * math.log(4 / 3)) / 4, rel=1e-15)


@pytest.mark.parametrize("settings", SETTINGS)
def test_backward(settings):
    logits, targets = problem()
    if settings.get("ignore_index") == 1:
        targets = np.where(targets == -100, 1, targets)
    criterion = CrossEntropyLoss(**settings)
    got = criterion.backward(criterion.forward(logits, targets)[1])

    def loss(i):
        return criterion.forward(i["logits"], targets)[0]

    exact = complex_step(loss, {"logits": logits})["logits"]
    np.testing.assert_allclose(got, exact, rtol=0, atol=1e-10 * np.abs(exact).max())
    differences, errors = richardson(loss, {"logits": logits})[:2]
    assert (np.abs(got - differences["logits"]) <= 10 * errors["logits"]).all()
    assert errors["logits"].max() < 1e-6


@pytest.mark.parametrize("settings", [*SETTINGS, {"reduction": "none"}])
def test_beside_torch(settings):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: nothing to compare with")
    logits, targets = problem()
    if settings.get("ignore_index") == 1:
        targets = np.where(targets == -100, 1, targets)
    upstream = np.arange(1.0, 6.0) if settings.get("reduction") == "none" else 1.5
    criterion = CrossEntropyLoss(**settings)
    loss, cache = criterion.forward(logits, targets)
    peer = torch.tensor(logits, requires_grad=True)
    weight = settings.get("weight")
    their = {**settings, "weight": None if weight is None else torch.tensor(weight, dtype=torch.float64)}
    theirs = torch.nn.CrossEntropyLoss(**their)(peer, torch.tensor(targets))
    theirs.backward(torch.tensor(upstream, dtype=torch.float64))
    np.testing.assert_allclose(loss, theirs.detach().numpy(), rtol=1e-14, atol=0)
    np.testing.assert_allclose(criterion.backward(cache, upstream), peer.grad.numpy(), rtol=0, atol=1e-14)


@pytest.mark.parametrize("settings", SETTINGS)
def test_float32_stays_float32(settings):
    logits, targets = problem(np.float32)
    if settings.get("ignore_index") == 1:
        targets = np.where(targets == -100, 1, targets)
    criterion = CrossEntropyLoss(**settings)
    loss, cache = criterion.forward(logits, targets)
    assert loss.dtype == np.float32
    assert criterion.backward(cache).dtype == np.float32


def test_nothing_counted_is_loss_zero_and_gradient_zero():
    criterion = CrossEntropyLoss()
    loss, cache = criterion.forward(np.ones((2, 3)), np.array([-100, -100]))
    assert loss == 0
    assert not criterion.backward(cache).any()


class Fixed:
    """A model that answers its inputs."""

    def forward(self, inputs, lengths=None, rng=None):
        return inputs, None


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_ignored_targets_count_in_no_mean(toys, reduction):
    """Two batches of 5 and 2; one target is ignored: six count."""
    logits, targets = problem()
    parts = [toys.Batch(logits, None, targets), toys.Batch(logits[:2], None, targets[:2])]
    found = evaluate(Fixed(), CrossEntropyLoss(reduction=reduction), lambda: parts)
    rows = [0, 1, 2, 4, 0, 1]
    log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    expected = -np.mean([log_p[k, targets[k]] for k in rows])
    assert found.loss == pytest.approx(expected, rel=1e-14)
    assert found.accuracy == np.mean([log_p[k].argmax() == targets[k] for k in rows])
    assert found.targets.tolist() == [targets[k] for k in rows]


def test_fit_with_it_equals_fit_with_the_logistic_loss(toys):
    data = toys.logistic_data()
    models = toys.Logistic(), toys.Logistic()
    losses = [
        fit(
            model, criterion, SGD(model.params, lr=1.0), data.batches, epochs=3, validation=data.validation,
            rng=np.random.default_rng(0), progress=False,
        ).column("valid_loss")
        for model, criterion in zip(models, (CrossEntropyLoss(), toys.SoftmaxLoss()), strict=True)
    ]  # fmt: skip
    assert losses[0] == pytest.approx(losses[1], rel=1e-13)
    assert models[0].params["w"][0] == pytest.approx(models[1].params["w"][0], rel=1e-13)


def test_balanced_weights_by_hand():
    """Classes seen 3, 1 and 0 times of 4: 4/(2*3), 4/(2*1), and 1 for the one that does not occur."""
    assert balanced_weights(np.array([0, 0, -100, 1, 0]), 3) == pytest.approx([2 / 3, 2.0, 1.0], rel=1e-15)


def test_balanced_weights_let_every_class_count_the_same():
    targets = np.random.default_rng(0).choice(4, p=[0.6, 0.3, 0.07, 0.03], size=200)
    weight = balanced_weights(targets, 4)
    sums = np.bincount(targets, weight[targets])
    assert sums == pytest.approx([50.0] * 4, rel=1e-13)
    assert weight[targets].mean() == pytest.approx(1.0, rel=1e-13)


def test_balanced_weights_end_the_bias_of_a_logistic_model(toys):
    """Inputs say nothing and 9 of 10 targets are 0: p(1) must become 1/10, and 1/2 with balanced weights."""
    targets = np.array([1] + [0] * 9)
    batch = toys.Batch(np.zeros(10), None, targets)
    for weight, wanted in ((None, 0.1), (balanced_weights(targets, 2), 0.5)):
        model = toys.Logistic()
        fit(
            model, CrossEntropyLoss(weight), SGD(model.params, lr=5.0), lambda rng: [batch], epochs=100,
            rng=np.random.default_rng(0), progress=False,
        )  # fmt: skip
        assert 1 / (1 + np.exp(-model.params["b"][0])) == pytest.approx(wanted, abs=1e-6)


def test_targets_without_weights_get_one_sentence():
    with pytest.raises(ValueError, match="balanced_weights: no target counts, expected at least one"):
        balanced_weights(np.array([-100]), 3)
    with pytest.raises(ValueError, match="balanced_weights: targets go from 0 to 3, expected 0 to 2"):
        balanced_weights(np.array([0, 3]), 3)


def test_wrong_settings_get_one_sentence(toys):
    logits, targets = problem()
    with pytest.raises(ValueError, match=r"cross_entropy\.forward: reduction is 'average'"):
        CrossEntropyLoss(reduction="average").forward(logits, targets)
    with pytest.raises(ValueError, match="cross_entropy: no backend 'fpga'"):
        CrossEntropyLoss(backend="fpga")
    model = toys.Logistic()
    with pytest.raises(ValueError, match="fit: the criterion's reduction is 'none', expected 'mean' or 'sum'"):
        fit(
            model, CrossEntropyLoss(reduction="none"), SGD(model.params), toys.logistic_data().batches, epochs=1,
            rng=np.random.default_rng(0), progress=False,
        )  # fmt: skip
