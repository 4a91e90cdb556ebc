"""How a fit ends before its time: Ctrl-C, losses and gradients that are not finite."""

import math
import signal

import numpy as np
import pytest

from scratchnn.training import SGD, TrainingError, fit


def interrupted_in(epoch, count, make):
    """Batches that raise KeyboardInterrupt in ``epoch`` instead of batch number ``count`` (from 0)."""
    passes = []

    def batches(rng=None):
        passes.append(1)
        for number, batch in enumerate(make(3)()):
            if len(passes) == epoch and number == count:
                raise KeyboardInterrupt
            yield batch

    return batches


def walk(toys, model, batches, **settings):
    given = {"epochs": 4, "rng": np.random.default_rng(0), "progress": False} | settings
    optimizer = SGD(model.params, lr=1.0)
    try:
        return fit(model, toys.SumLoss(), optimizer, batches, **given)
    finally:
        assert optimizer.lr == 1.0


@pytest.mark.parametrize("progress", [False, True])
def test_ctrl_c_keeps_the_best_weights(toys, progress):
    """Three steps an epoch; epoch 1 was best, the interrupt comes in the middle of epoch 3."""
    model = toys.Walk([(1.0, 0)] * 2 + [(1.0, 3)] + [(1.0, 2)] * 9)
    batches = interrupted_in(3, 1, toys.walk_batches)
    history = walk(toys, model, batches, validation=toys.walk_batches(), progress=progress)
    assert history.interrupted
    assert not history.stopped_early
    assert history.column("epoch") == [1, 2]
    assert history.best_epoch == 1
    assert model.params["w"][0] == 3.0


def test_ctrl_c_without_validation_keeps_the_last_weights(toys):
    model = toys.Walk()
    history = walk(toys, model, interrupted_in(3, 1, toys.walk_batches))
    assert history.interrupted
    assert len(history) == 2
    assert model.params["w"][0] == 7.0


def test_ctrl_c_before_the_first_step(toys):
    model = toys.Walk()
    history = walk(toys, model, interrupted_in(1, 0, toys.walk_batches), validation=toys.walk_batches())
    assert history.interrupted
    assert history.rows == []
    assert history.best_epoch is None
    assert model.params["w"][0] == 0.0


def test_ctrl_c_with_an_average_keeps_the_average(toys):
    model = toys.Walk()
    walk(toys, model, interrupted_in(1, 2, toys.walk_batches), average=0.5)
    assert model.params["w"][0] == pytest.approx((1 + 2 * 2) / 3, rel=1e-15)


def test_ctrl_c_in_validation(toys):
    """The averaged weights stand in the arrays just then; in the end the best ones do."""
    model = toys.Walk([(1.0, 3)] * 9)
    validation = interrupted_in(2, 0, toys.walk_batches)
    history = walk(toys, model, toys.walk_batches(3), validation=validation, average=0.5)
    assert history.interrupted
    assert history.column("epoch") == [1]
    assert model.params["w"][0] == pytest.approx((1 + 2 * 2 + 4 * 3) / 7, rel=1e-15)


def test_a_real_signal_in_the_backward(toys):
    class Interrupted(toys.Walk):
        def backward(self, dlogits, cache):
            super().backward(dlogits, cache)
            if self.params["w"][0] == 5:
                signal.raise_signal(signal.SIGINT)

    model = Interrupted([(1.0, 1)] * 12)
    history = walk(toys, model, toys.walk_batches(3), validation=toys.walk_batches())
    assert history.interrupted
    assert len(history) == 1
    assert model.params["w"][0] == 3.0


class Loss:
    """Loss 1 until ``bad`` is due, counted over all training batches from 1."""

    def __init__(self, at, bad):
        self.at, self.bad, self.count = at, bad, 0

    def forward(self, logits, targets):
        self.count += 1
        return (self.bad if self.count == self.at else 1.0), logits

    def backward(self, cache):
        return np.ones_like(cache)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_not_finite_stops_with_one_sentence(toys, bad):
    """Batch 2 of epoch 2 is the fifth; w is 4 then and 3 was proved by the first batch of epoch 2."""
    model = toys.Walk()
    optimizer = SGD(model.params, lr=1.0)
    with pytest.raises(TrainingError) as caught:
        fit(
            model, Loss(5, bad), optimizer, toys.walk_batches(3), epochs=4, rng=np.random.default_rng(0),
            progress=False,
        )  # fmt: skip
    assert str(caught.value) == (
        f"fit: the loss is {bad} in epoch 2, batch 2: try a smaller learning rate (now 1) or gradient clipping "
        "(max_norm=1.0), and look for NaN or huge numbers in the data"
    )
    assert isinstance(caught.value, ValueError)
    assert caught.value.history.column("epoch") == [1]
    assert model.params["w"][0] == 3.0


def test_the_best_weights_survive_a_loss_that_is_not_finite(toys):
    """Each epoch has 2 training losses and 1 of validation: number 7 is the first of epoch 3."""
    model = toys.Walk([(1.0, 4)] * 2 + [(1.0, 1)] * 9)
    with pytest.raises(TrainingError, match="the loss is nan in epoch 3, batch 1") as caught:
        fit(
            model, Loss(7, math.nan), SGD(model.params, lr=1.0), toys.walk_batches(2), epochs=4,
            validation=toys.walk_batches(), rng=np.random.default_rng(0), progress=False,
        )  # fmt: skip
    assert caught.value.history.best_epoch == 1
    assert model.params["w"][0] == 2.0


def test_a_validation_loss_that_is_not_finite_stops(toys):
    model = toys.Walk([(1.0, 1)] * 9)
    with pytest.raises(TrainingError, match="fit: the validation loss is inf after epoch 2: try a smaller"):
        fit(
            model, Loss(6, math.inf), SGD(model.params, lr=1.0), toys.walk_batches(2), epochs=4,
            validation=toys.walk_batches(), rng=np.random.default_rng(0), progress=False,
        )  # fmt: skip
    assert model.params["w"][0] == 2.0


def test_a_gradient_that_is_not_finite_is_never_stepped(toys):
    model = toys.Walk()
    model.gradient = math.nan
    with pytest.raises(TrainingError, match=r"the gradient norm is nan in epoch 1, batch 1: .* or stronger clipping"):
        walk(toys, model, toys.walk_batches(3), max_norm=2.0)
    assert model.params["w"][0] == 0.0


def test_a_run_that_blows_up_raises_no_warning(toys):
    """A real overflow: the first step is huge, the next product infinite; warnings are errors in this suite."""
    data = toys.logistic_data()
    model = toys.Logistic()
    with pytest.raises(TrainingError, match=r"epoch 1, batch 2: try a smaller learning rate \(now 1e\+308\)"):
        fit(
            model, toys.SoftmaxLoss(), SGD(model.params, lr=1e308, momentum=0.5), lambda rng: (
                b._replace(inputs=1e3 * b.inputs) for b in data.batches(rng)
            ), epochs=3, rng=np.random.default_rng(0), progress=False,
        )  # fmt: skip
    assert model.params["w"][0] == 0.5


def test_other_errors_pass_through(toys):
    class Broken(toys.Walk):
        def backward(self, dlogits, cache):
            raise KeyError("dlogits")

    with pytest.raises(KeyError):
        walk(toys, Broken(), toys.walk_batches())
