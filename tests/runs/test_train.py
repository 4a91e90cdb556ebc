"""Training leaves a whole run folder or none, gives the same result for the same seed, and reads back its own."""

import csv
import errno
import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from scratchnn import data, draw, files, runs
from scratchnn.runs import RunError


@pytest.fixture
def finished(tiny, tmp_path):
    return runs.train(tiny, tmp_path / "run", progress=False)


def test_the_folder_holds_settings_history_weights_results_and_pictures(finished):
    names = {path.name for path in finished.folder.path.iterdir()}
    assert names == {
        "settings.json", "history.csv", "weights.safetensors", "results.json",
        "curves.png", "confusion.png", "attention.png",
    }  # fmt: skip
    with open(finished.folder.path / "history.csv", newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [int(row["epoch"]) for row in rows] == [1, 2, 3]
    results = json.loads((finished.folder.path / "results.json").read_text(encoding="utf-8"))
    assert results["baselines"][0][0] == "majority class"
    assert 0 <= results["test_accuracy"] <= 1


def test_an_easy_task_is_learnt(tiny, tmp_path):
    done = runs.train(tiny.changed(epochs=25), tmp_path / "run", progress=False)
    assert done.results["test_accuracy"] > done.results["baselines"][0][1] + 0.15


def test_same_seed_same_bytes(tiny, tmp_path):
    one = runs.train(tiny, tmp_path / "one", progress=False).folder.path
    two = runs.train(tiny, tmp_path / "two", progress=False).folder.path
    other = runs.train(tiny.changed(seed=1), tmp_path / "three", progress=False).folder.path
    weights = [(path / "weights.safetensors").read_bytes() for path in (one, two, other)]
    assert weights[0] == weights[1]
    assert weights[0] != weights[2]


def test_evaluate_finds_the_same_accuracy(finished):
    measured = runs.evaluate(finished.folder.path)
    assert measured.report["accuracy"] == pytest.approx(finished.results["test_accuracy"])


def test_predict_gives_probabilities_and_attention(finished):
    (answer,) = runs.predict(finished.folder.path, ["aaab?"])
    assert answer.tokens == list("aaab?")
    assert answer.unknown == ["?"]
    # sums of at most 5 float32 numbers: 5 eps = 6e-7
    np.testing.assert_allclose(answer.probabilities.sum(), 1, rtol=1e-6)
    np.testing.assert_allclose(answer.alpha.sum(), 1, rtol=1e-6)
    (known,) = runs.predict(finished.folder.path, example=0)
    assert known.truth in ("alpha", "beta")


@pytest.mark.parametrize("texts", [[""], ["   "], []])
def test_nothing_to_read_is_refused(finished, texts):
    with pytest.raises(ValueError, match=r"empty|nothing to predict"):
        runs.predict(finished.folder.path, texts)


def test_an_example_outside_the_test_part(finished):
    with pytest.raises(RunError, match="example 9999 does not exist, expected 0 to"):
        runs.predict(finished.folder.path, example=9999)


def test_a_used_folder_is_not_touched(finished, tiny):
    before = sorted(path.name for path in finished.folder.path.iterdir())
    with pytest.raises(RunError, match="is not empty"):
        runs.train(tiny, finished.folder.path, progress=False)
    assert sorted(path.name for path in finished.folder.path.iterdir()) == before


def test_a_file_in_the_way(tiny, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="is a file"):
        runs.train(tiny, tmp_path / "file", progress=False)


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda p: (p / "settings.json").unlink(), "holds no settings.json"),
        (lambda p: (p / "settings.json").write_text("{"), "not readable JSON"),
        (lambda p: (p / "settings.json").write_text('{"format": "other"}'), "was not written by scratchnn"),
        (lambda p: (p / "settings.json").write_text('{"format": "scratchnn run", "version": 99}'), "has version 99"),
        (lambda p: (p / "settings.json").write_text('{"format": "scratchnn run", "version": 1}'), "lacks 'settings'"),
        (lambda p: alter(p, "classes", [1, 2]), "expected a list of different names"),
        (lambda p: alter(p, "classes", ["a", "a"]), "expected a list of different names"),
        (lambda p: alter(p, "settings", {"ngrams": 5}), "ngrams is 5, expected str"),
        (lambda p: alter(p, "settings", {"bidirectional": "no"}), "bidirectional is 'no', expected bool"),
        (lambda p: spoil(p), "holds something else than finite"),
        (lambda p: (p / "weights.safetensors").unlink(), "holds no weights.safetensors"),
        (lambda p: (p / "weights.safetensors").write_bytes(b"not weights"), "is damaged"),
        (lambda p: cut(p / "weights.safetensors"), "is damaged"),
        (lambda p: resize(p), "do not fit together"),
    ],
)  # fmt: skip
def test_a_damaged_or_foreign_run_gets_one_sentence(finished, damage, sentence):
    damage(finished.folder.path)
    with pytest.raises(RunError, match=sentence) as caught:
        runs.predict(finished.folder.path, ["aab"])
    assert "\n" not in str(caught.value)


def alter(path, key, value):
    record = json.loads((path / "settings.json").read_text(encoding="utf-8"))
    record[key] = record[key] | value if isinstance(value, dict) else value
    (path / "settings.json").write_text(json.dumps(record), encoding="utf-8")


def spoil(path):
    folder = runs.RunFolder(path)
    weights = folder.read_weights()
    folder.write_weights({name: np.full_like(array, np.nan) for name, array in weights.items()})


def cut(path):
    path.write_bytes(path.read_bytes()[:-100])


def resize(path):
    record = json.loads((path / "settings.json").read_text(encoding="utf-8"))
    record["settings"]["hidden_size"] = 9
    (path / "settings.json").write_text(json.dumps(record))


def test_no_folder_at_all(tmp_path):
    with pytest.raises(RunError, match="is not a folder"):
        runs.predict(tmp_path / "nowhere", ["a"])


@pytest.mark.parametrize("victim", ["weights.safetensors", "settings.json", "results.json"])
def test_a_full_disk_leaves_nothing_half_written(tiny, tmp_path, monkeypatch, victim):
    """What was trained until then is not lost: it goes on from the checkpoint once there is room."""
    real = files.write_bytes

    def full(path, content):
        if path.name == victim:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        real(path, content)

    monkeypatch.setattr(draw, "save", lambda figure, path: None)
    monkeypatch.setattr(files, "write_bytes", full)
    with pytest.raises(RunError, match=f"{victim} cannot be written: No space left on device") as told:
        runs.train(tiny, tmp_path / "run", progress=False)
    assert "\n" not in str(told.value)
    if victim == "settings.json":
        assert not (tmp_path / "run").exists()
        return
    assert "--resume" in str(told.value)
    assert not (tmp_path / "run" / victim).exists()
    monkeypatch.setattr(files, "write_bytes", real)
    runs.train(tiny, tmp_path / "other", progress=False)
    runs.resume(tmp_path / "run", progress=False)
    assert (tmp_path / "run" / "weights.safetensors").read_bytes() == (
        tmp_path / "other" / "weights.safetensors"
    ).read_bytes()


def test_a_failed_run_takes_away_what_it_made_and_nothing_else(tiny, tmp_path, monkeypatch):
    import scratchnn.runs.job as job

    def fail(*_, **__):
        raise runs.RunError("no luck")

    monkeypatch.setattr(job, "learn", fail)
    (tmp_path / "mine").mkdir()
    for out in ("mine", "new/deep/run"):
        with pytest.raises(RunError, match="no luck"):
            runs.train(tiny, tmp_path / out, progress=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "words.tsv"]
    assert not any((tmp_path / "mine").iterdir())


def test_ctrl_c_in_the_article_ends_the_whole_program(tmp_path, monkeypatch):
    import scratchnn.runs.article as article

    real = article.fit_model

    def interrupted(*arguments, **options):
        history = real(*arguments, **options)
        history.interrupted = True
        return history

    monkeypatch.setattr(article, "fit_model", interrupted)
    folder, results = runs.train_article(runs.recipe("article").changed(epochs=2), tmp_path / "a", progress=False)
    assert list(results) == ["without attention"]
    assert (folder.path / "curves.png").exists()
    with pytest.raises(RunError, match="expected one of the run folders in it: without-attention"):
        runs.evaluate(folder.path)


@pytest.mark.skipif(sys.platform == "win32", reason="/dev/null is a place that nobody can write below")
def test_an_unwritable_place_is_known_before_training(tiny, tmp_path):
    started = time.perf_counter()
    with pytest.raises(RunError, match="cannot be written"):
        runs.train(tiny.changed(epochs=100000), "/dev/null/run", progress=False)
    assert time.perf_counter() - started < 5


def test_the_backend_can_be_any_module(tiny, tmp_path):
    done = runs.train(tiny.changed(backend="reference"), tmp_path / "run", progress=False)
    assert runs.evaluate(done.folder.path, backend="reference").report["accuracy"] == pytest.approx(
        done.results["test_accuracy"]
    )


@pytest.mark.parametrize("task", ["vowels", "digits", "sentiment", "surnames"])
def test_every_embedded_task_trains(task, tmp_path, monkeypatch):
    """A few examples of each: the whole way from file to picture."""
    whole = data.load(task)
    few = {part: index[:: max(1, len(index) // 60)] for part, index in whole.split.items()}
    settings = runs.recipe(task).changed(epochs=1, hidden_size=6)
    done = runs.train(settings, tmp_path / task, dataset=whole._replace(split=few), progress=False)
    assert (done.folder.path / "attention.png").exists()
    assert len(done.results["baselines"]) >= 2


def test_the_article_program_remembers_but_does_not_learn(tmp_path):
    settings = runs.recipe("article").changed(epochs=400)
    folder, results = runs.train_article(settings, tmp_path / "article", progress=False)
    for record in results.values():
        assert record["after"]["train"]["loss"] < record["before"]["train"]["loss"] - 0.1
        assert record["after"]["train"]["loss"] < np.log(2) < record["after"]["test"]["loss"]
    assert (folder.path / "curves.png").exists()
    (answer,) = runs.predict(folder.path / "with-attention", example=2)
    assert answer.alpha is not None


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no SIGINT to another process")
def test_ctrl_c_keeps_the_best_weights(tsv, tmp_path):
    """A real interrupt of a real process: it ends with 130 and leaves a run that can be asked."""
    out = tmp_path / "run"
    command = [
        sys.executable,
        "-m",
        "scratchnn",
        "train",
        "--data",
        str(tsv),
        "--epochs",
        "100000",
        "--checkpoint-every",
        "20",
        "--out",
        str(out),
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.time() + 120
    while not list(out.rglob("checkpoint-*")) and time.time() < deadline and process.poll() is None:
        time.sleep(0.05)  # a checkpoint: it is training
    process.send_signal(signal.SIGINT)
    printed, complained = process.communicate(timeout=120)
    assert process.returncode == 130, complained
    assert "Traceback" not in complained
    assert "stopped by Ctrl-C" in printed
    assert f"--resume {out}" in printed
    assert json.loads((out / "results.json").read_text(encoding="utf-8"))["interrupted"]
    assert runs.predict(out, ["aab"])


def test_a_committee_is_trained_kept_and_asked(tiny, tmp_path):
    done = runs.train(tiny.changed(members=3), tmp_path / "run", progress=False)
    names = {path.name for path in done.folder.path.iterdir()}
    assert {"history.csv", "history-2.csv", "history-3.csv"} <= names
    (answer,) = runs.predict(done.folder.path, ["aaab"])
    alone = [runs.open_run(done.folder.path).model.members[k] for k in range(3)]
    ids = runs.open_run(done.folder.path).vocabulary.encode("aaab")[None]
    each = [np.exp(z - np.log(np.exp(z).sum())) for z in (member.forward(ids)[0] for member in alone)]
    # float32 exponentials of sums written in two ways: some 20 roundings, 20 eps = 2e-6
    np.testing.assert_allclose(answer.probabilities, np.mean(each, axis=0)[0], rtol=1e-5)
    assert not np.allclose(each[0], each[1]), "members that start alike are no committee"


def test_a_committee_stopped_early_is_a_smaller_one(tiny, tmp_path, monkeypatch):
    import scratchnn.runs.learning as learning

    real = learning.fit_model

    def stop_at_the_second(*arguments, member, **options):
        history = real(*arguments, member=member, **options)
        history.interrupted = member == 1
        return history

    monkeypatch.setattr(learning, "fit_model", stop_at_the_second)
    done = runs.train(tiny.changed(members=4), tmp_path / "run", progress=False)
    assert done.results["interrupted"]
    assert done.results["members"] == 2
    assert runs.evaluate(done.folder.path).report["accuracy"] == pytest.approx(done.results["test_accuracy"])


def test_an_own_file_named_like_an_embedded_set_is_not_held_against_that_set(tiny, tsv, tmp_path):
    path = tsv.with_name("surnames.tsv")
    path.write_bytes(tsv.read_bytes())
    done = runs.train(tiny.changed(data=str(path), epochs=1), tmp_path / "run", progress=False)
    share = max(np.bincount(data.read_tsv(path).targets)) / len(data.read_tsv(path).targets)
    assert dict(done.results["baselines"])["majority class"] > share - 0.2  # one of two classes, not one of 22
