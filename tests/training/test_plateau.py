"""Plateau and Warmup: by hand, beside torch, stopped and resumed, in the fit loop."""

import itertools
import math
import re

import numpy as np
import pytest

from scratchnn.training import SGD, Plateau, Warmup, constant, cosine, fit


def factors(schedule, values):
    found = []
    for value in values:
        schedule.update(value)
        found.append(schedule(0))
    return found


def test_a_drop_comes_after_one_epoch_more_than_patience():
    """The best is 1; epochs 2, 3 are borne, the fourth drops; then patience begins anew."""
    assert factors(Plateau(0.5, 2), [1, 1, 1, 1, 1, 1, 1]) == [1, 1, 1, 0.5, 0.5, 0.5, 0.25]


def test_an_improvement_must_pass_the_threshold():
    assert factors(Plateau(0.5, 0, threshold=0.1), [1, 0.95, 0.89, 0.82]) == [1, 0.5, 0.5, 0.25]
    assert factors(Plateau(0.5, 0, threshold=0.1, threshold_mode="abs"), [0.5, 0.41, 0.3]) == [1, 0.5, 0.5]
    assert factors(Plateau(0.5, 0, mode="max", threshold=0.1), [1, 1.05, 1.2]) == [1, 0.5, 0.5]


def test_cooldown_counts_no_failure():
    assert factors(Plateau(0.5, 0, cooldown=2), [1, 1, 1, 1, 1]) == [1, 0.5, 0.5, 0.5, 0.25]


def test_the_floor_holds():
    assert factors(Plateau(0.1, 0, floor=0.05), [1, 1, 1, 1]) == [1, 0.1, 0.05, 0.05]


def test_nan_is_no_improvement():
    assert factors(Plateau(0.5, 1), [1, math.nan, math.nan, 0.5]) == [1, 1, 0.5, 0.5]


SETTINGS = [
    {**dict(zip(("mode", "threshold_mode", "cooldown"), chosen, strict=True)), "patience": patience, "floor": floor}
    for chosen in itertools.product(("min", "max"), ("rel", "abs"), (0, 3))
    for patience, floor in ((0, 0.0), (2, 0.01))
]


@pytest.mark.parametrize("settings", SETTINGS, ids=lambda s: "-".join(str(value) for value in s.values()))
def test_beside_torch(settings):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: nothing to compare with")
    base = 0.3
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1, dtype=torch.float64))], lr=base)
    floor = settings["floor"]
    same = {name: value for name, value in settings.items() if name != "floor"} | {"threshold": 0.02, "factor": 0.4}
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, **same, min_lr=base * floor, eps=base * 1e-8)
    ours = Plateau(**same, floor=floor)
    rng = np.random.default_rng(0)
    drops = 0
    for k in range(60):
        value = 1 / (1 + 0.1 * k) + 0.1 * rng.normal()
        before = ours(k)
        ours.update(value)
        theirs.step(value)
        drops += ours(k) < before
        # each side multiplies once for every drop: some 20 roundings
        assert base * ours(k) == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-14)
    assert drops >= 2


@pytest.mark.parametrize("settings", SETTINGS[::5])
@pytest.mark.parametrize("stop", [0, 1, 7, 13])
def test_a_loaded_state_goes_on_as_if_never_stopped(settings, stop):
    values = np.random.default_rng(3).normal(size=30)
    straight, first, second = Plateau(0.7, **settings), Plateau(0.7, **settings), Plateau(0.7, **settings)
    wanted = factors(straight, values)
    factors(first, values[:stop])
    state = first.state_dict()
    factors(first, values[stop:])  # the copy must not notice
    second.load_state_dict(state)
    assert factors(second, values[stop:]) == wanted[stop:]


def test_start_forgets():
    schedule = Plateau(0.5, 0)
    values = [1, 2, 0.5, 1, 1]
    once = factors(schedule, values)
    schedule.start()
    assert schedule(0) == 1.0
    assert factors(schedule, values) == once


def test_warmup_by_hand():
    schedule = Warmup(constant(), 3)
    assert [schedule(k) for k in range(5)] == [0.25, 0.5, 0.75, 1.0, 1.0]
    assert schedule.metric is None
    assert schedule.state_dict() == {}


@pytest.mark.parametrize(("steps", "total"), [(0, 9), (4, 9)])
def test_warmup_of_a_cosine_is_the_cosine_with_warmup(steps, total):
    ours, whole = Warmup(cosine(total - steps, floor=0.1), steps), cosine(total, warmup_steps=steps, floor=0.1)
    assert [ours(k) for k in range(12)] == pytest.approx([whole(k) for k in range(12)], rel=1e-15)


def test_warmup_passes_measurements_and_state_on():
    schedule = Warmup(Plateau(0.5, 0, metric="train_loss"), 1)
    assert schedule.metric == "train_loss"
    schedule.update(1.0)
    schedule.update(1.0)
    assert [schedule(0), schedule(1)] == [0.25, 0.5]
    other = Warmup(Plateau(0.5, 0), 1)
    other.load_state_dict(schedule.state_dict())
    assert [other(0), other(1)] == [0.25, 0.5]
    schedule.start()
    assert schedule(1) == 1.0


def test_fit_tells_it_the_validation_loss(toys):
    """Losses 3, 2, 2, 2, 1 with patience 0 and factor 1/2: the learning rates of five epochs."""
    model = toys.Walk()
    script = iter([3.0, 2.0, 2.0, 2.0, 1.0])

    class Scripted(toys.SumLoss):
        def forward(self, logits, targets):
            return (next(script), logits) if len(logits) == 2 else super().forward(logits, targets)

    model.forward = lambda inputs, lengths=None, rng=None: (np.zeros((len(inputs), 2)), None)
    validation = toys.Batch(np.zeros(2), None, np.zeros(2, int))
    history = fit(
        model, Scripted(), SGD(model.params, lr=8.0), toys.walk_batches(), epochs=5, validation=lambda: [validation],
        schedule=Plateau(0.5, 0), rng=np.random.default_rng(0), progress=False,
    )  # fmt: skip
    assert history.column("lr") == [8.0, 8.0, 8.0, 4.0, 2.0]
    assert model.params["w"][0] == 30.0


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Plateau(1.0), "Plateau: factor is 1.0, expected 0 <= factor < 1"),
        (lambda: Plateau(patience=-1), "Plateau: patience is -1, expected a whole number of at least 0"),
        (lambda: Plateau(cooldown=0.5), "Plateau: cooldown is 0.5, expected a whole number of at least 0"),
        (lambda: Plateau(mode="up"), "Plateau: mode is 'up', expected one of 'min', 'max'"),
        (lambda: Plateau(threshold_mode="x"), "Plateau: threshold_mode is 'x', expected one of 'rel', 'abs'"),
        (lambda: Plateau(threshold=-1), "Plateau: threshold is -1, expected 0 or more, and finite"),
        (lambda: Plateau(floor=2), "Plateau: floor is 2, expected 0 to 1"),
        (lambda: Warmup(constant(), -1), "Warmup: steps is -1, expected a whole number of at least 0"),
        (lambda: Plateau().load_state_dict({}), "Plateau.load_state_dict: missing 'best', 'cooling', 'current'"),
        (lambda: Warmup(constant(), 1).load_state_dict({"a": 1}), "Warmup.load_state_dict: unknown 'a'"),
    ],
)
def test_wrong_settings_get_one_sentence(make, sentence):
    with pytest.raises(ValueError, match=re.escape(sentence)):
        make()
