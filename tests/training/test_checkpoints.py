"""A fit stopped anywhere and gone on with ends with the bits of one that never stopped."""

import errno
import os
import signal

import numpy as np
import pytest

from scratchnn.errors import InputError
from scratchnn.training import SGD, Adam, CheckpointError, Checkpoints, EarlyStopping, cosine, fit
from scratchnn.training.plateau import Plateau

CLOCKS = ("seconds", "sequences_per_second")
EPOCHS, BATCHES = 4, 5  # 40 sequences in batches of 8


class Death(BaseException):
    """A process that dies: nobody catches it."""


def dying(batches, at):
    """Batches of which number ``at`` (from 1, over all epochs) kills whoever asks for it."""
    count = [0]

    def one_pass(rng):
        for batch in batches(rng):
            count[0] += 1
            if count[0] == at:
                raise Death
            yield batch

    return one_pass


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch):
    """Only a failing power supply could tell the difference, and these tests have none."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)


def lively(toys, **parts):
    """One of everything that has a state: Adam, dropout noise, average, best weights, plateau, early stopping."""
    data = toys.logistic_data(seed=3)
    model = toys.Logistic(noise=0.3, dtype=np.float32)
    given = {
        "epochs": EPOCHS,
        "validation": data.validation,
        "max_norm": 1.0,
        "rng": np.random.default_rng(7),
        "average": 0.9,
        "schedule": Plateau(0.5, 0, metric="valid_loss", threshold=0.4),
        "early_stopping": EarlyStopping(3),
        "progress": False,
    } | parts
    return model, data.batches, Adam(model.params, lr=0.1), given


def outcome(model, history):
    rows = [{name: value for name, value in row.items() if name not in CLOCKS} for row in history.rows]
    return {name: p.tobytes() for name, p in model.params.items()}, rows, history.best_epoch, history.stopped_early


def run(toys, batches=None, criterion=None, **parts):
    model, own, optimizer, given = lively(toys, **parts)
    history = fit(model, criterion or toys.SoftmaxLoss(), optimizer, batches or own, **given)
    return outcome(model, history)


def stopped_and_gone_on(toys, folder, at, steps=1, **parts):
    """Train until batch ``at`` kills, then again from the checkpoints; ``parts`` are functions, for fresh objects."""
    with pytest.raises(Death):
        run(toys, dying(lively(toys)[1], at), checkpoint=Checkpoints(folder, steps=steps), **made(parts))
    return run(toys, checkpoint=Checkpoints(folder, steps=steps), **made(parts))


@pytest.fixture(scope="session")
def unbroken(toys):
    """Give the outcome of the lively fit that nothing stops."""
    return run(toys)


def made(parts):
    return {name: part() for name, part in parts.items()}


@pytest.mark.parametrize("at", range(1, EPOCHS * BATCHES + 1))
def test_a_fit_that_died_at_any_batch_ends_with_the_same_bits(toys, tmp_path, unbroken, at):
    assert stopped_and_gone_on(toys, tmp_path, at) == unbroken


def test_dying_again_and_again_changes_nothing(toys, tmp_path, unbroken):
    """Each life gets three batches: it goes back into its epoch, takes one or two, and dies."""
    for _ in range(100):
        try:
            found = run(toys, dying(lively(toys)[1], 7), checkpoint=Checkpoints(tmp_path, steps=1))
            break
        except Death:
            pass
    assert found == unbroken


OPTIONS = {
    "clamped": {"max_norm": lambda: None, "clip_value": lambda: 0.02},
    "accumulated": {"accumulate": lambda: 2},
    "cosine": {"schedule": lambda: cosine(20, 5)},
    "lowest loss": {"monitor": lambda: "valid_loss", "average": lambda: None},
    "stopped early": {"early_stopping": lambda: EarlyStopping(1)},
    "last weights": {
        "monitor": lambda: None, "validation": lambda: None, "early_stopping": lambda: None, "schedule": lambda: None,
    },
    "Mersenne Twister": {"rng": lambda: np.random.Generator(np.random.MT19937(3))},
}  # fmt: skip


@pytest.mark.parametrize("at", [4, 9, 11])
@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_goes_on_with_the_same_bits(toys, tmp_path, unbroken, option, at):
    parts = OPTIONS[option]
    expected = run(toys, **made(parts))
    assert expected != unbroken, f"{option} changes nothing, so this test would see nothing"
    if option != "stopped early" or len(expected[1]) * BATCHES >= at:
        assert stopped_and_gone_on(toys, tmp_path, at, **parts) == expected


def test_the_lively_fit_moves_all_that_it_should(unbroken):
    """Otherwise the tests above could not see that a checkpoint forgets it."""
    _, rows, best_epoch, _ = unbroken
    assert len({row["lr"] for row in rows}) > 2, "the plateau lowers the rate"
    assert best_epoch is not None


@pytest.mark.parametrize("at", [7, 12, 18])
@pytest.mark.parametrize("monitor", ["valid_loss", "valid_accuracy"])
def test_the_best_weights_of_an_earlier_epoch_are_kept(toys, tmp_path, monitor, at):
    """From step 5 on, the rate is so large that validation gets worse: epoch 1 is the best."""
    parts = {
        "schedule": lambda: lambda step: 1.0 if step < 5 else 300.0,
        "average": lambda: None,
        "monitor": lambda: monitor,
        "early_stopping": lambda: None,
    }
    expected = run(toys, **made(parts))
    assert expected[2] == 1
    assert stopped_and_gone_on(toys, tmp_path, at, **parts) == expected


@pytest.mark.parametrize("at", [7, 13, 18])
def test_between_checkpoints_steps_are_taken_again(toys, tmp_path, unbroken, at):
    """A checkpoint after every third step: up to two steps before the death are lost and repeated."""
    assert stopped_and_gone_on(toys, tmp_path, at, steps=3) == unbroken


@pytest.mark.parametrize("at", [2, 4, 5])
def test_a_carried_state_goes_on(toys, tmp_path, at):
    class Leaning(toys.Logistic):
        """Its input leans on what it carries: a running sum of the means, and how many there were."""

        carries_state = True

        def forward(self, inputs, lengths=None, rng=None, state=None):
            total, (count,) = state or (np.zeros(1), (np.zeros((), int),))
            self.coming = (total + inputs.mean(), (count + 1,))
            return super().forward(inputs + total / (count + 1), lengths, rng)

        def carry(self, cache):
            return self.coming

    def train(batches, checkpoint=None):
        model, data = Leaning(noise=0.1), toys.logistic_data()
        history = fit(
            model, toys.SoftmaxLoss(), SGD(model.params, lr=0.5, momentum=0.9), batches or data.batches, epochs=2,
            validation=data.validation, rng=np.random.default_rng(1), progress=False, checkpoint=checkpoint,
        )  # fmt: skip
        return outcome(model, history)

    with pytest.raises(Death):
        train(dying(toys.logistic_data().batches, at), Checkpoints(tmp_path, steps=1))
    assert train(None, Checkpoints(tmp_path, steps=1)) == train(None)


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
@pytest.mark.parametrize("at", [3, 5, 20])
def test_a_signal_saves_at_the_end_of_the_step(toys, tmp_path, name, at):
    """No checkpoint would be due for a minute; the signal comes in the midst of a step, the stop after it."""

    class Called(toys.Logistic):
        def backward(self, dlogits, x):
            super().backward(dlogits, x)
            self.count = getattr(self, "count", 0) + 1
            if self.count == at:
                signal.raise_signal(getattr(signal, name))

    def train(model, **more):
        data = toys.logistic_data()
        history = fit(
            model, toys.SoftmaxLoss(), Adam(model.params, lr=0.1), data.batches, epochs=EPOCHS,
            validation=data.validation, rng=np.random.default_rng(1), progress=False, **more,
        )  # fmt: skip
        return history, outcome(model, history)

    before = {which: signal.getsignal(which) for which in (signal.SIGINT, signal.SIGTERM)}
    told = []
    history, _ = train(Called(noise=0.1), checkpoint=Checkpoints(tmp_path))
    assert (history.interrupted, history.interrupted_by) == (True, name)
    assert len(history) == (at - 1) // BATCHES
    assert {which: signal.getsignal(which) for which in before} == before
    model = Called(noise=0.1)
    model.count = 99  # calls no more
    history, found = train(model, checkpoint=Checkpoints(tmp_path, say=told.append))
    assert not history.interrupted
    (sentence,) = told
    assert sentence.endswith(f"epoch {(at - 1) // BATCHES + 1}, batch {(at - 1) % BATCHES + 1}")
    assert found == train(toys.Logistic(noise=0.1))[1]


def newest(folder):
    return max(folder.glob("checkpoint-*.safetensors"))


def die(toys, folder, at=9, **parts):
    with pytest.raises(Death):
        run(toys, dying(lively(toys)[1], at), checkpoint=Checkpoints(folder, steps=1), **parts)


DAMAGE = {
    "cut": lambda content: content[:-1],
    "empty": lambda content: b"",
    "one bit": lambda content: content[:-5] + bytes([content[-5] ^ 1]) + content[-4:],
    "foreign": lambda content: b"PK this is something else altogether",
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_checkpoint_is_set_aside_and_the_one_before_it_used(toys, tmp_path, unbroken, damage):
    die(toys, tmp_path)
    last = newest(tmp_path)
    last.write_bytes(DAMAGE[damage](last.read_bytes()))
    told = []
    assert run(toys, checkpoint=Checkpoints(tmp_path, steps=1, say=told.append)) == unbroken
    sentence, going_on = told
    assert sentence.startswith(f"{last} is")
    assert sentence.endswith("going on from the one before it, checkpoint-000008.safetensors")
    assert "epoch 2, batch 2" in going_on
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-000009.safetensors.damaged"]


def test_when_none_is_whole_nothing_is_guessed(toys, tmp_path):
    die(toys, tmp_path)
    for path in tmp_path.glob("checkpoint-*"):
        path.write_bytes(b"")
    with pytest.raises(
        CheckpointError, match=r"checkpoint-000009.* is not a whole .*, and checkpoint-000008"
    ) as told:
        run(toys, checkpoint=Checkpoints(tmp_path))
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"epochs": 5}, "epochs is 5 now and was 4 before the stop; a fit goes on only with the data and settings"),
        ({"max_norm": 2.0}, "max_norm is 2.0 now and was 1.0"),
        ({"average": None}, "average is None now and was 0.9"),
        ({"schedule": Plateau(0.5, 1, metric="valid_loss", threshold=0.02)}, "schedule.patience is 1 now and was 0"),
        ({"schedule": None}, "schedule is "),
        ({"early_stopping": EarlyStopping(9)}, "early_stopping is"),
        ({"monitor": "valid_loss"}, "monitor is 'valid_loss' now"),
        ({"rng": np.random.Generator(np.random.MT19937(7))}, "generator is 'MT19937' now and was 'PCG64'"),
        ({"accumulate": 2}, "accumulate is 2 now and was 1"),
    ],
)
def test_other_settings_are_refused(toys, tmp_path, change, sentence):
    die(toys, tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(CheckpointError, match=sentence):
        run(toys, checkpoint=Checkpoints(tmp_path), **change)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_another_model_or_optimizer_is_refused(toys, tmp_path):
    die(toys, tmp_path)
    model, batches, _, given = lively(toys)
    with pytest.raises(CheckpointError, match=r"optimizer\.kind is 'SGD' now and was 'Adam'"):
        fit(model, toys.SoftmaxLoss(), SGD(model.params), batches, **given, checkpoint=tmp_path)
    model = toys.Logistic(w=[1.0, 2.0])
    with pytest.raises(CheckpointError, match=r"parameters\.w is 'float64 \(1, 2\)' now and was 'float32 \(1,\)'"):
        fit(model, toys.SoftmaxLoss(), Adam(model.params, lr=0.1), batches, **given, checkpoint=tmp_path)


@pytest.mark.parametrize("at", [9, 11], ids=["within an epoch", "between two"])
def test_other_data_are_refused(toys, tmp_path, at):
    die(toys, tmp_path, at)
    with pytest.raises(CheckpointError, match="the training data are not those that the checkpoint was made with"):
        run(toys, toys.logistic_data(seed=4).batches, checkpoint=Checkpoints(tmp_path))


def test_what_the_caller_says_about_the_fit_must_agree(toys, tmp_path):
    with pytest.raises(Death):
        run(toys, dying(lively(toys)[1], 9), checkpoint=Checkpoints(tmp_path, steps=1, about={"seed": 1}))
    with pytest.raises(CheckpointError, match=r"about\.seed is 2 now and was 1"):
        run(toys, checkpoint=Checkpoints(tmp_path, about={"seed": 2}))


def test_other_versions_are_said_and_the_fit_goes_on(toys, tmp_path, unbroken, monkeypatch):
    die(toys, tmp_path)
    monkeypatch.setattr(np, "__version__", "99.0")
    told = []
    assert run(toys, checkpoint=Checkpoints(tmp_path, say=told.append)) == unbroken
    assert told[0].startswith("numpy: 99.0 now, ")
    assert "may differ in the last digits" in told[0]


def test_a_finished_fit_is_given_at_once_if_kept_and_forgotten_if_not(toys, tmp_path, unbroken):
    kept, gone = tmp_path / "kept", tmp_path / "gone"
    assert run(toys, checkpoint=Checkpoints(kept, keep=True)) == unbroken
    assert run(toys, dying(lively(toys)[1], 1), checkpoint=Checkpoints(kept, keep=True)) == unbroken
    run(toys, checkpoint=gone)
    assert not gone.exists()


def test_two_fits_do_not_share_a_folder(toys, tmp_path):
    def meddling(rng):
        with pytest.raises(InputError, match="is in use: another process is training there"):
            run(toys, checkpoint=tmp_path)
        return lively(toys)[1](rng)

    run(toys, meddling, checkpoint=tmp_path)


def test_a_full_disk_is_said_once_and_stops_nothing(toys, tmp_path, unbroken, monkeypatch):
    """The disk is full from the fourth checkpoint on; the third remains, and a later life goes on from it."""
    real, told, count = os.replace, [], []

    def full(source, target):
        count.append(target)
        if len(count) > 3:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(source, target)

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(Death):
        run(toys, dying(lively(toys)[1], 9), checkpoint=Checkpoints(tmp_path, steps=1, say=told.append))
    assert told == [
        f"a checkpoint in {tmp_path} cannot be written (No space left on device): the one before it remains"
    ]
    assert sorted(path.name for path in tmp_path.glob("*.safetensors")) == [
        "checkpoint-000002.safetensors", "checkpoint-000003.safetensors",
    ]  # fmt: skip
    assert run(toys, checkpoint=Checkpoints(tmp_path, steps=1, say=told.append)) == unbroken  # the disk is still full
    monkeypatch.setattr(os, "replace", real)
    assert run(toys, checkpoint=Checkpoints(tmp_path / "other")) == unbroken


def test_a_place_that_cannot_be_written_is_known_before_training(toys, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match="file/folder cannot be written: Not a directory"):
        run(toys, dying(lively(toys)[1], 1), checkpoint=tmp_path / "file" / "folder")


def test_saving_takes_at_most_a_hundredth_of_the_time(toys, tmp_path, monkeypatch):
    """A clock that only saving (0.5 s) and steps (0.1 s) move: after each save 50 s pass until the next."""
    import scratchnn.training.checkpoints as checkpoints

    class Clock:
        now = 0.0

        def perf_counter(self):
            return self.now

    clock, saved = Clock(), []
    monkeypatch.setattr(checkpoints, "time", clock)
    keeper = Checkpoints(tmp_path, seconds=1.0)

    def encode(moment):
        clock.now += 0.5
        saved.append(clock.now)
        return b""

    monkeypatch.setattr(checkpoints, "encode", encode)

    def batches(rng):
        for batch in lively(toys)[1](rng):
            clock.now += 0.1
            yield batch

    run(toys, batches, checkpoint=keeper, epochs=240, early_stopping=None)
    assert len(saved) == 3  # 240 epochs of 0.5 s last 120 s: one after the first, then about every 50 s
    assert min(np.diff(saved)) >= 50


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [({"seconds": 0}, "seconds is 0, expected a"), ({"steps": 0.5}, "steps is 0.5, expected")],
)
def test_an_impossible_rhythm_is_refused(tmp_path, settings, sentence):
    with pytest.raises(ValueError, match=f"Checkpoints: {sentence}"):
        Checkpoints(tmp_path, **settings)
