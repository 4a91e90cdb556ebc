"""Micro-batches equal the big batch: by hand, over settings and ragged cuts, in a model, in the fit loop."""

import numpy as np
import pytest

from scratchnn.models import SequenceClassifier
from scratchnn.training import SGD, Accumulator, CrossEntropyLoss, batch_weight, fit

CRITERIA = [
    {},
    {"reduction": "sum"},
    {"ignore_index": 2},
    {"weight": [0.5, 3.0, 0.0, 2.0]},
    {"weight": [0.5, 3.0, 1.0, 2.0], "ignore_index": 1, "label_smoothing": 0.1},
]
CUTS = [[5, 10], [1, 2], [11], [3, 4, 11]]


def test_weight_of_a_batch_by_hand():
    targets = np.array([[0, 1], [1, -100]])
    assert batch_weight(CrossEntropyLoss(), targets) == 3.0
    assert batch_weight(CrossEntropyLoss(weight=[2, 0.5]), targets) == 3.0
    assert batch_weight(CrossEntropyLoss(ignore_index=1), np.array([0, 1, 1])) == 1.0
    assert batch_weight(CrossEntropyLoss(reduction="sum"), targets) == 1.0
    assert batch_weight(object(), targets) == 4.0


def test_ragged_batches_by_hand():
    """Losses 1 over three targets and 5 over one: (3*1 + 5)/4 = 2, not 3. So for the gradients 1 and 5."""
    accumulator, grads = Accumulator(CrossEntropyLoss()), {"w": np.zeros(1)}
    for loss, targets in ((1.0, np.zeros(3, int)), (5.0, np.zeros(1, int))):
        grads["w"] += accumulator.add(loss, targets) * loss
    assert accumulator.finish(grads) == 2.0
    assert grads["w"][0] == 2.0


@pytest.mark.parametrize("settings", CRITERIA)
@pytest.mark.parametrize("cuts", CUTS, ids=str)
def test_micro_batches_equal_the_big_batch(settings, cuts):
    rng = np.random.default_rng(len(cuts))
    logits, targets = 2 * rng.normal(size=(12, 4)), rng.integers(0, 4, size=12)
    targets[:2] = settings.get("ignore_index", -100)  # one of the cuts is a batch in which nothing counts
    criterion = CrossEntropyLoss(**settings)
    loss, cache = criterion.forward(logits, targets)
    wanted = criterion.backward(cache)
    accumulator, found = Accumulator(criterion), []
    for part, classes in zip(np.split(logits, cuts), np.split(targets, cuts), strict=True):
        part_loss, part_cache = criterion.forward(part, classes)
        found.append(accumulator.add(part_loss, classes) * criterion.backward(part_cache))
    grads = {"logits": np.concatenate(found)}
    # a dozen terms of order 1: some 12 roundings
    assert accumulator.finish(grads) == pytest.approx(float(loss), rel=1e-14)
    np.testing.assert_allclose(grads["logits"], wanted, rtol=0, atol=1e-15 * np.abs(wanted).max() * 12)


def test_a_plain_mean_of_the_batches_would_be_noticed():
    """The test above is not empty: weighing ragged batches alike gives another gradient."""
    rng = np.random.default_rng(0)
    logits, targets = rng.normal(size=(4, 3)), np.array([0, 1, 2, 0])
    criterion = CrossEntropyLoss()
    wanted = criterion.backward(criterion.forward(logits, targets)[1])
    parts = [criterion.backward(criterion.forward(logits[s], targets[s])[1]) for s in (slice(0, 3), slice(3, 4))]
    assert np.abs(np.concatenate(parts) / 2 - wanted).max() > 0.01


def test_nothing_counted_is_loss_zero_and_gradient_zero():
    accumulator, grads = Accumulator(CrossEntropyLoss()), {"w": np.zeros(2)}
    assert accumulator.add(0.0, np.array([-100, -100])) == 0.0
    assert accumulator.finish(grads) == 0.0
    assert not grads["w"].any()


def test_it_begins_anew_and_refuses_an_empty_step():
    accumulator = Accumulator(CrossEntropyLoss())
    accumulator.add(2.0, np.zeros(3, int))
    assert accumulator.finish({}) == 2.0
    accumulator.add(7.0, np.zeros(1, int))
    assert accumulator.finish({}) == 7.0
    with pytest.raises(ValueError, match=r"Accumulator\.finish: there was no micro-batch"):
        accumulator.finish({})


def test_float32_gradients_stay_float32():
    criterion = CrossEntropyLoss(weight=np.array([0.5, 2.0]))
    accumulator, logits, targets = Accumulator(criterion), np.ones((3, 2), np.float32), np.array([0, 1, 1])
    loss, cache = criterion.forward(logits, targets)
    grads = {"w": accumulator.add(loss, targets) * criterion.backward(cache)}
    accumulator.finish(grads)
    assert grads["w"].dtype == np.float32


@pytest.mark.parametrize("weight", [None, [1.0, 4.0, 0.5]])
def test_fit_with_micro_batches_equals_fit_with_big_ones(toys, weight):
    """Batches of 3, 3, 2 sequences make one step, as one batch of eight does; lengths are ragged."""
    rng = np.random.default_rng(0)
    inputs, targets = rng.integers(2, 9, size=(16, 5)), rng.integers(0, 3, size=16)
    lengths = rng.integers(1, 6, size=16)

    def batches(cuts):
        parts = np.split(np.arange(16), cuts)
        return lambda rng: (toys.Batch(inputs[k], lengths[k], targets[k]) for k in parts)

    def trained(cuts, accumulate):
        model = SequenceClassifier(
            vocabulary_size=9, num_classes=3, embedding_size=2, hidden_size=3, rng=np.random.default_rng(1),
            dtype=np.float64,
        )  # fmt: skip
        criterion = CrossEntropyLoss(weight)
        history = fit(
            model, criterion, SGD(model.params, lr=0.5), batches(cuts), epochs=3, accumulate=accumulate, max_norm=0.2,
            rng=np.random.default_rng(2), progress=False,
        )  # fmt: skip
        return model.params, history

    big, history = trained([8], 1)
    small, steps = trained([3, 6, 8, 11, 14], 3)
    plain, _ = trained([3, 6, 8, 11, 14], 1)
    assert steps.column("gradient_norm") == pytest.approx(history.column("gradient_norm"), rel=1e-12)
    for name, p in big.items():
        # six steps, sums of 40 terms in another order: some hundreds of roundings
        np.testing.assert_allclose(small[name], p, rtol=0, atol=1e-13)
    assert max(np.abs(plain[name] - p).max() for name, p in big.items()) > 1e-3
