"""Schedules: by hand and beside torch."""

import math

import pytest

from scratchnn.training import constant, cosine, exponential, linear, multi_step, step_decay


def test_constant():
    assert [constant()(k) for k in (0, 1, 10**6)] == [1.0, 1.0, 1.0]


def test_step_decay_by_hand():
    factor = step_decay(3, 0.5)
    assert [factor(k) for k in range(8)] == [1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25]


def test_cosine_by_hand():
    """Four steps: 1, (1 + cos 45)/2, 1/2, (1 - cos 45)/2, and the floor from then on."""
    factor = cosine(4)
    half = math.sqrt(0.5)
    assert [factor(k) for k in range(6)] == pytest.approx([1, (1 + half) / 2, 0.5, (1 - half) / 2, 0, 0], abs=1e-15)


def test_cosine_with_warmup_and_floor_by_hand():
    """Three steps up (1/4, 2/4, 3/4), the top, halfway between top and floor, the floor."""
    factor = cosine(5, warmup_steps=3, floor=0.2)
    assert [factor(k) for k in range(7)] == pytest.approx([0.25, 0.5, 0.75, 1.0, 0.6, 0.2, 0.2], abs=1e-15)


def test_multi_step_exponential_and_linear_by_hand():
    assert [multi_step([4, 2], 0.5)(k) for k in range(6)] == [1, 1, 0.5, 0.5, 0.25, 0.25]
    assert [exponential(0.5)(k) for k in range(4)] == [1, 0.5, 0.25, 0.125]
    assert [linear(4, floor=0.5)(k) for k in range(6)] == [1, 0.875, 0.75, 0.625, 0.5, 0.5]


def test_warmup_only():
    factor = cosine(2, warmup_steps=2, floor=0.5)
    assert [factor(k) for k in range(4)] == pytest.approx([1 / 3, 2 / 3, 0.5, 0.5])


def rates(torch, make, steps):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1, dtype=torch.float64))], lr=0.3)
    scheduler = make(optimizer)
    found = []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return found


def test_beside_torch():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: nothing to compare with")
    lrs = torch.optim.lr_scheduler

    def warm(optimizer):
        return lrs.SequentialLR(
            optimizer,
            [lrs.LinearLR(optimizer, 1 / 6, total_iters=5), lrs.CosineAnnealingLR(optimizer, 15, eta_min=0.03)],
            milestones=[5],
        )

    for ours, theirs in (
        (step_decay(4, 0.3), lambda o: lrs.StepLR(o, 4, 0.3)),
        (multi_step([3, 11], 0.3), lambda o: lrs.MultiStepLR(o, [3, 11], 0.3)),
        (exponential(0.9), lambda o: lrs.ExponentialLR(o, 0.9)),
        (linear(12, floor=0.1), lambda o: lrs.LinearLR(o, 1, 0.1, 12)),
        (cosine(20), lambda o: lrs.CosineAnnealingLR(o, 20)),
        (cosine(20, floor=0.1), lambda o: lrs.CosineAnnealingLR(o, 20, eta_min=0.03)),
        (cosine(20, warmup_steps=5, floor=0.1), warm),
    ):
        # PyTorch multiplies its rate on from step to step: 20 roundings
        assert [0.3 * ours(k) for k in range(20)] == pytest.approx(rates(torch, theirs, 20), rel=1e-13)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: step_decay(0), "step_decay: step_size is 0, expected a whole number of at least 1"),
        (lambda: step_decay(1.5), "step_decay: step_size is 1.5"),
        (lambda: step_decay(1, -1), "step_decay: gamma is -1"),
        (lambda: multi_step([0]), "multi_step: a milestone is 0, expected a whole number of at least 1"),
        (lambda: multi_step([1], -1), "multi_step: gamma is -1"),
        (lambda: exponential(1.5), "exponential: gamma is 1.5, expected 0 to 1"),
        (lambda: linear(0), "linear: total_steps is 0"),
        (lambda: linear(1, -1), "linear: floor is -1, expected 0 to 1"),
        (lambda: cosine(0), "cosine: total_steps is 0"),
        (lambda: cosine(4, -1), "cosine: warmup_steps is -1"),
        (lambda: cosine(4, 5), "cosine: warmup_steps is 5, expected at most total_steps = 4"),
        (lambda: cosine(4, floor=1.5), "cosine: floor is 1.5, expected 0 to 1"),
    ],
)
def test_wrong_settings_get_one_sentence(make, sentence):
    with pytest.raises(ValueError, match=sentence):
        make()
