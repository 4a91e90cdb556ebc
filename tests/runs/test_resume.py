"""A run that was stopped or killed goes on, and its folder ends as that of a run that never was."""

import csv
import json
import signal

import pytest

from scratchnn import draw, files, runs
from scratchnn.cli import main
from scratchnn.errors import InputError
from scratchnn.runs import RunError, RunFinished, Saving
from scratchnn.training import Checkpoints
from scratchnn.training.run import Run

TIMES = ("seconds", "sequences_per_second")
QUIET = Saving("1", say=lambda sentence: None)  # a checkpoint after every step


class Death(BaseException):
    """A process that dies."""


@pytest.fixture(autouse=True)
def no_pictures():
    """Pictures take most of a small run's time, and are drawn from what is compared here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(draw, "save", lambda figure, path: files.write_bytes(path, b""))
        yield


@pytest.fixture
def at_step(monkeypatch):
    """Give a function that has something happen before step ``number`` (from 1, over all models of the run)."""

    def plan(number, happening):
        real, count = Run.take, [0]

        def take(self):
            count[0] += 1
            if count[0] == number:
                happening()
            return real(self)

        monkeypatch.setattr(Run, "take", take)

    return plan


def die():
    raise Death


def contents(folder):
    """Give what a run folder holds, without times."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.suffix == ".csv":
            with open(path, newline="", encoding="utf-8") as stream:
                found[name] = [[v for k, v in row.items() if k not in TIMES] for row in csv.DictReader(stream)]
        elif path.name == "results.json":
            found[name] = {k: v for k, v in json.loads(path.read_text()).items() if k != "seconds"}
            for model in found[name].get("models", {}).values():
                model.pop("seconds")
        elif path.is_file():
            found[name] = path.read_bytes()
    return found


def killed(settings, folder, at_step, number, monkeypatch):
    at_step(number, die)
    with pytest.raises(Death):
        runs.train(settings, folder, progress=False, saving=QUIET)
    monkeypatch.undo()
    assert not (folder / "weights.safetensors").exists()


@pytest.mark.parametrize("number", [1, 4, 9])
def test_a_killed_run_ends_as_if_it_never_was(tiny, tmp_path, at_step, monkeypatch, number):
    """Dropout, the average and patience included; number 1 dies before the first checkpoint."""
    settings = tiny.changed(dropout=0.3, average=0.9, patience=5, schedule="cosine")
    runs.train(settings, tmp_path / "whole", progress=False)
    at_step(number, die)
    with pytest.raises(Death):
        runs.train(settings, tmp_path / "run", progress=False, saving=QUIET)
    monkeypatch.undo()
    if number == 1:
        assert not (tmp_path / "run").exists()
        return
    runs.resume(tmp_path / "run", progress=False, saving=QUIET)
    assert contents(tmp_path / "run") == contents(tmp_path / "whole")


@pytest.mark.parametrize("number", [5, 25])
def test_a_committee_goes_on_with_the_member_it_was_at(tiny, tmp_path, at_step, monkeypatch, number):
    """Three epochs of six steps and an end each, then the next member: 25 is within the second."""
    settings = tiny.changed(members=2)
    runs.train(settings, tmp_path / "whole", progress=False)
    killed(settings, tmp_path / "run", at_step, number, monkeypatch)
    assert (tmp_path / "run" / "checkpoints" / "2").exists() == (number == 25)
    runs.resume(tmp_path / "run", progress=False, saving=QUIET)
    assert contents(tmp_path / "run") == contents(tmp_path / "whole")


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_stopped_run_can_be_asked_and_gone_on_with(tiny, tmp_path, at_step, monkeypatch, name):
    settings = tiny.changed(members=2)
    runs.train(settings, tmp_path / "whole", progress=False)
    at_step(25, lambda: signal.raise_signal(getattr(signal, name)))
    stopped = runs.train(settings, tmp_path / "run", progress=False)
    monkeypatch.undo()
    assert (stopped.results["interrupted"], stopped.results["interrupted_by"]) == (True, name)
    assert runs.predict(tmp_path / "run", ["aab"])
    runs.resume(tmp_path / "run", progress=False, saving=QUIET)
    assert contents(tmp_path / "run") == contents(tmp_path / "whole")


@pytest.mark.parametrize("number", [3, 9])
def test_the_article_program_goes_on(tmp_path, at_step, monkeypatch, number):
    """One step an epoch, six epochs a model: 3 is in the first model, 9 in the second."""
    settings = runs.recipe("article").changed(epochs=6)
    runs.train_article(settings, tmp_path / "whole", progress=False)
    at_step(2 * number, die)  # the end of an epoch asks too
    with pytest.raises(Death):
        runs.train_article(settings, tmp_path / "run", progress=False, saving=QUIET)
    monkeypatch.undo()
    assert runs.is_article(tmp_path / "run")
    with pytest.raises(RunError, match="is one model of the article's program, resume the whole"):
        runs.resume(tmp_path / "run" / "without-attention")
    runs.resume_article(tmp_path / "run", progress=False, saving=QUIET)
    assert contents(tmp_path / "run") == contents(tmp_path / "whole")
    with pytest.raises(RunFinished, match="is finished"):
        runs.resume_article(tmp_path / "run")


def test_a_finished_run_says_so(tiny, tmp_path, capsys):
    runs.train(tiny, tmp_path / "run", progress=False)
    before = contents(tmp_path / "run")
    with pytest.raises(RunFinished, match="is finished, there is nothing to go on with"):
        runs.resume(tmp_path / "run")
    with pytest.raises(SystemExit) as status:
        main(["train", "--resume", str(tmp_path / "run")])
    assert status.value.code == 0
    assert "is finished" in capsys.readouterr().out
    assert contents(tmp_path / "run") == before


def test_checkpoints_stay_if_asked(tiny, tmp_path):
    runs.train(tiny, tmp_path / "run", progress=False, saving=Saving(keep=True))
    assert len(list((tmp_path / "run" / "checkpoints" / "1").glob("*.safetensors"))) in (1, 2)


def test_two_runs_do_not_share_a_folder(tiny, tmp_path, at_step, monkeypatch, capsys):
    killed(tiny, tmp_path / "run", at_step, 5, monkeypatch)
    with files.held(tmp_path / "run"):
        with pytest.raises(InputError, match="is in use: another process is training there"):
            runs.resume(tmp_path / "run")
        with pytest.raises(SystemExit) as status:
            main(["train", "--resume", str(tmp_path / "run")])
    assert status.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1
    (tmp_path / "new").mkdir()
    with files.held(tmp_path / "new"), pytest.raises(InputError, match="is in use"):
        runs.train(tiny, tmp_path / "new", progress=False)


def test_changed_data_are_refused(tiny, tsv, tmp_path, at_step, monkeypatch):
    killed(tiny, tmp_path / "run", at_step, 5, monkeypatch)
    tsv.write_text(tsv.read_text() + "alpha\taaaaaa\n")
    with pytest.raises(RunError, match="is not, or no longer, the data that"):
        runs.resume(tmp_path / "run", progress=False, saving=QUIET)
    assert list((tmp_path / "run" / "checkpoints" / "1").glob("*.safetensors"))


def test_moved_data_are_found(tiny, tsv, tmp_path, at_step, monkeypatch):
    runs.train(tiny, tmp_path / "whole", progress=False)
    killed(tiny, tmp_path / "run", at_step, 5, monkeypatch)
    moved = tsv.rename(tsv.with_name("moved.tsv"))
    runs.resume(tmp_path / "run", data=str(moved), progress=False, saving=QUIET)
    differing = {
        name for name, value in contents(tmp_path / "whole").items() if contents(tmp_path / "run")[name] != value
    }
    assert differing <= {"settings.json", "curves.png", "confusion.png", "attention.png"}  # they name the file
    assert (tmp_path / "run" / "weights.safetensors").exists()


@pytest.mark.parametrize(("key", "value"), [("learning_rate", 0.02), ("seed", 1), ("epochs", 9), ("hidden_size", 9)])
def test_a_checkpoint_of_other_settings_is_refused(tiny, tmp_path, at_step, monkeypatch, key, value):
    killed(tiny, tmp_path / "run", at_step, 5, monkeypatch)
    path = tmp_path / "run" / "settings.json"
    record = json.loads(path.read_text())
    record["settings"][key] = value
    path.write_text(json.dumps(record))
    with pytest.raises(InputError, match=r"\d+\.safetensors: .* and was .* before the stop") as told:
        runs.resume(tmp_path / "run", progress=False, saving=QUIET)
    assert "\n" not in str(told.value)


def test_a_damaged_checkpoint_is_said_and_the_one_before_used(tiny, tmp_path, at_step, monkeypatch):
    runs.train(tiny, tmp_path / "whole", progress=False)
    killed(tiny, tmp_path / "run", at_step, 5, monkeypatch)
    last = max((tmp_path / "run" / "checkpoints" / "1").glob("*.safetensors"))
    last.write_bytes(last.read_bytes()[:-7])
    told = []
    runs.resume(tmp_path / "run", progress=False, saving=Saving(say=told.append))
    assert f"{last} is damaged, its checksum does not fit: going on from the one before it" in told[0]
    assert contents(tmp_path / "run") == contents(tmp_path / "whole")


def test_other_threads_are_said(tiny, tmp_path, at_step, monkeypatch):
    killed(tiny, tmp_path / "run", at_step, 5, monkeypatch)
    real = Checkpoints.__init__

    def elsewhere(self, *arguments, made_with, **options):
        real(self, *arguments, made_with={"backend": "another"}, **options)

    monkeypatch.setattr(Checkpoints, "__init__", elsewhere)
    told = []
    runs.resume(tmp_path / "run", progress=False, saving=Saving(say=told.append))
    assert told[0] == (
        "backend: another now, cpu before the stop; the result may differ in the last digits from that of an "
        "unbroken run"
    )


@pytest.mark.parametrize("every", ["", "s", "0", "-3", "0s", "infs", "nans", "5m", "1.5"])
def test_an_impossible_rhythm_is_refused(every):
    with pytest.raises(
        InputError, match=r"checkpoint-every is .*, expected seconds such as 60s or a number of steps"
    ):
        Saving(every)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--epochs", "3"], "--epochs does not go with --resume"),
        (["--one-way"], "--bidirectional does not go with --resume"),
        (["--best"], "--best does not go with --resume"),
        (["vowels"], "TASK does not go with --resume"),
        (["--checkpoint-every", "soon"], "checkpoint-every is 'soon'"),
        ([], "is not a folder, expected a run folder"),
    ],
)
def test_what_does_not_go_with_resume_gets_one_sentence(tmp_path, capsys, arguments, sentence):
    with pytest.raises(SystemExit) as status:
        main(["train", "--resume", str(tmp_path / "nowhere"), *arguments])
    assert status.value.code == 2
    assert sentence in capsys.readouterr().err
