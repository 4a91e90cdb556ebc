"""From settings to optimiser, schedule and loss, and a run that uses them all."""

import numpy as np
import pytest

from scratchnn import data, runs, training
from scratchnn.runs import Settings, SettingsError
from scratchnn.runs.prepare import prepare
from scratchnn.runs.settings import CHOICES
from scratchnn.runs.steps import make_criterion, make_optimizer, make_schedule, weigh_classes

PARAMS = {"W": np.ones((2, 2)), "b": np.ones(2)}


def unbalanced():
    """Twelve texts, nine of them of class a."""
    texts = ["aa", "aab", "ab", "aba", "bb", "aaa", "ba", "abb", "bab", "xx", "xy", "yx"]
    targets = np.array([0] * 9 + [1] * 3)
    split = {"train": np.array([0, 1, 2, 3, 4, 5, 9, 10]), "valid": np.array([6, 11]), "test": np.array([7, 8])}
    return data.Dataset("unbalanced", "text", "characters", texts, targets, ("a", "b"), split)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("adam", training.Adam),
        ("adamw", training.AdamW),
        ("sgd", training.SGD),
        ("adagrad", training.Adagrad),
        ("rmsprop", training.RMSprop),
    ],
)
def test_every_optimizer_can_be_asked_for(name, kind):
    optimizer = make_optimizer(PARAMS, Settings(optimizer=name, learning_rate=0.25, weight_decay=0.5))
    assert type(optimizer) is kind
    assert optimizer.settings_of("b") == {"lr": 0.25, "weight_decay": 0.5}


def test_biases_can_be_left_without_decay():
    optimizer = make_optimizer(PARAMS, Settings(weight_decay=0.5, decay_biases=False))
    assert optimizer.settings_of("W")["weight_decay"] == 0.5
    assert optimizer.settings_of("b")["weight_decay"] == 0.0


def test_schedules_span_the_steps_not_the_batches():
    """Seven batches, three to a step: three steps an epoch, thirty in all."""
    common = {"epochs": 10, "accumulate": 3}
    cosine = make_schedule(Settings(schedule="cosine", **common), 7, validated=True)
    assert cosine(15) == pytest.approx(0.5)
    assert cosine(30) == 0.0
    linear = make_schedule(Settings(schedule="linear", warmup=0.2, **common), 7, validated=True)
    assert [linear(k) for k in (2, 6, 18, 30)] == pytest.approx([3 / 7, 1, 0.5, 0])
    falling = make_schedule(Settings(schedule="exponential", **common), 7, validated=True)
    assert falling(30) == pytest.approx(0.01)
    steps = make_schedule(Settings(schedule="step", **common), 7, validated=True)
    assert [steps(k) for k in (9, 10, 20)] == pytest.approx([1, 0.3, 0.09])


def test_the_plateau_listens_to_what_there_is():
    settings = Settings(schedule="plateau", warmup=0.1)
    assert make_schedule(settings, 10, validated=True).metric == "valid_loss"
    assert make_schedule(settings, 10, validated=False).metric == "train_loss"


def test_class_weights_come_from_what_is_learnt_from():
    """The training part has 6 and 2 of the classes: 8/(2*6) and 8/(2*2). With the validation part: 7 and 3 of 10."""
    settings = Settings(class_weights="balanced")
    prepared = prepare(settings, dataset=unbalanced())
    assert weigh_classes(settings, prepared) == pytest.approx([2 / 3, 2.0])
    both = settings.changed(fit_on="train+valid")
    assert weigh_classes(both, prepared) == pytest.approx([10 / 14, 10 / 6])
    assert weigh_classes(Settings(), prepared) is None
    assert make_criterion(settings, np.array([1.0, 3.0])).weight.tolist() == [1.0, 3.0]
    with pytest.raises(SettingsError, match="class_weights is 'balanced', but the task surnames has no use for it"):
        make_criterion(settings, None)


@pytest.mark.parametrize("schedule", CHOICES["schedule"])
def test_every_schedule_starts_above_nothing_and_ends_at_most_at_one(schedule):
    made = make_schedule(Settings(schedule=schedule, warmup=0.1, epochs=4), 10, validated=True)
    assert 0 < made(0) < 1
    assert made(4) == pytest.approx(1.0)
    assert all(0 <= made(k) <= 1 for k in range(60))


def test_a_run_uses_what_the_settings_ask_for(tmp_path, monkeypatch):
    asked = {}
    real = training.fit

    def spy(model, criterion, optimizer, batches, **settings):
        asked.update(settings, criterion=criterion, optimizer=optimizer)
        return real(model, criterion, optimizer, batches, **settings)

    monkeypatch.setattr(training, "fit", spy)
    settings = Settings(
        task="own", embedding_size=2, hidden_size=2, epochs=2, batch_size=2, optimizer="rmsprop", schedule="plateau",
        warmup=0.2, clip_value=0.1, accumulate=2, decay_biases=False, class_weights="balanced",
    )  # fmt: skip
    result = runs.train(settings, tmp_path / "run", dataset=unbalanced(), progress=False)
    assert asked["clip_value"] == 0.1
    assert asked["max_norm"] is None
    assert asked["accumulate"] == 2
    assert asked["criterion"].weight == pytest.approx([2 / 3, 2.0])
    assert set(asked["optimizer"].weight_decays.values()) == {0.0}
    assert len(result.history) == 2
    assert runs.open_run(tmp_path / "run").settings == settings
