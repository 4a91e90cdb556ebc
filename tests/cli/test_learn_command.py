"""`scratchnn learn` without a terminal: the folder, --check and its exit status, progress, backups."""

import json

import pytest

from scratchnn.cli import main
from scratchnn.errors import InputError
from scratchnn.school import exercise, exercises
from scratchnn.school.folder import Folder
from scratchnn.school.verdict import LINES


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        with pytest.raises(SystemExit) as stop:
            main(["learn", *arguments])
        told = capsys.readouterr()
        return stop.value.code, told.out, told.err

    return call


@pytest.fixture
def mine(run, tmp_path):
    run("mine")
    return tmp_path / "mine"


def write(folder, name, **answers):
    file = folder / exercise(name).file
    text = file.read_text(encoding="utf-8")
    for target, answer in answers.items():
        text = text.replace(f'{target} = "..."', f'{target} = "{answer}"')
    file.write_text(text, encoding="utf-8")


def test_the_folder_is_made_with_a_file_for_each_exercise(run, tmp_path):
    code, out, _ = run("mine")
    assert code == 0
    assert "12 exercises in mine" in out
    assert sorted(path.name for path in (tmp_path / "mine").glob("*.py")) == [one.file for one in exercises()]


def test_what_is_written_there_stays(run, mine):
    write(mine, "slopes", sigmoid_slope="y")
    (mine / exercise("linear").file).unlink()
    code, out, _ = run("mine")
    assert code == 0
    assert "1 exercises in mine" in out
    assert 'sigmoid_slope = "y"' in (mine / "10_slopes.py").read_text(encoding="utf-8")
    assert (mine / "20_linear.py").read_text(encoding="utf-8") == exercise("linear").stub()


def test_check_ends_with_1_0_and_2(run, mine):
    assert run("mine", "--check", "slopes")[0] == 1
    write(mine, "slopes", sigmoid_slope="y * (1 - y)", tanh_slope="1 - y")
    code, out, _ = run("mine", "--check", "10")
    assert code == 1
    assert "1 of 2 answers are wrong" in out
    assert "--hint 2 tells more: where" in out
    file = mine / "10_slopes.py"
    file.write_text(file.read_text(encoding="utf-8").replace('"1 - y"', '"1 - y**2"'), encoding="utf-8")
    code, out, _ = run("mine", "--check", "10_slopes.py")
    assert code == 0
    assert "right" in out
    file.write_text("def (", encoding="utf-8")
    assert run("mine", "--check", "slopes")[0] == 2


def test_hints_climb_as_far_as_they_are_asked_for(run, mine):
    write(mine, "slopes", sigmoid_slope="y", tanh_slope="1 - y")
    shown = [run("mine", "--check", "slopes", "--hint", str(step))[1] for step in range(1, LINES + 1)]
    marks = ("expected", "line 17", "  a question", "  the formula", "  which line is right", "  the corrected lines")
    for step, (text, mark) in enumerate(zip(shown, marks, strict=True), 1):
        assert mark in text, step
        heads = [line for line in text.splitlines() if "tells more" not in line]
        assert not [later for later in marks[step:] if any(line.startswith(later) for line in heads)]


def test_who_saw_the_lines_is_recorded_as_assisted_and_who_did_not_is_not(run, mine):
    write(mine, "slopes", sigmoid_slope="y", tanh_slope="1 - y**2")
    run("mine", "--check", "slopes", "--hint", str(LINES))
    for name, answer in (("slopes", "y - y**2"), ("softmax", None)):
        file = mine / exercise(name).file
        if answer:
            file.write_text(file.read_text(encoding="utf-8").replace('"y"', f'"{answer}"'), encoding="utf-8")
    write(mine, "softmax", dz="p * (dp - sum(dp * p))", dz_of_log="dlog_p - p * sum(dlog_p)")
    assert run("mine", "--check", "slopes")[0] == run("mine", "--check", "softmax")[0] == 0
    listed = run("mine", "--list")[1]
    assert "done, assisted" in next(line for line in listed.splitlines() if "10_slopes" in line)
    assert next(line for line in listed.splitlines() if "60_softmax" in line).split()[:2] == ["60_softmax", "done"]
    assert "2 of 12 done" in listed


def test_state_survives_and_a_spoiled_state_is_no_end(run, mine):
    write(mine, "slopes", sigmoid_slope="y * (1 - y)", tanh_slope="1 - y")
    run("mine", "--check", "slopes")
    standing = Folder(mine).progress.of("10_slopes")
    assert standing.mistakes == ("activations-tanh-not-squared",)
    assert standing.tries == 1
    (mine / ".progress.json").write_text('{"exercises": 7', encoding="utf-8")
    assert run("mine", "--list")[0] == 0
    assert run("mine", "--check", "slopes")[0] == 1
    assert json.loads((mine / ".progress.json").read_text(encoding="utf-8"))["version"] == 1


def test_a_reset_keeps_what_was_there(mine):
    folder, one = Folder(mine), exercise("slopes")
    assert folder.reset(one) is None
    for number in (1, 2):
        write(mine, "slopes", sigmoid_slope=f"y * {number}")
        backup = folder.reset(one)
        assert backup.name == f"10_slopes_{number}.py"
        assert f'"y * {number}"' in backup.read_text(encoding="utf-8")
        assert folder.file(one).read_text(encoding="utf-8") == one.stub()


def test_the_hint_begins_again_with_another_mistake(mine):
    folder, one = Folder(mine), exercise("slopes")
    write(mine, "slopes", sigmoid_slope="y * (1 - y)", tanh_slope="1 - y")
    verdict = folder.judge(one)
    assert [folder.climb(one, verdict) for _ in range(6)] == [2, 3, 4, 5, 6, 6]
    folder.judge(one)
    assert folder.progress.of(one.id).hint == 6
    file = folder.file(one)
    file.write_text(file.read_text(encoding="utf-8").replace('"1 - y"', '"1 / (1 - y * y)"'), encoding="utf-8")
    folder.judge(one)
    assert folder.progress.of(one.id).hint == 1
    assert len(folder.progress.of(one.id).mistakes) == 2


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("from scratchnn.ops import linear", "the exercise is to write this yourself"),
        ("import scratchnn.ops.linear.reference as r", "the exercise is to write this yourself"),
        ("import torch", "makes gradients itself"),
        ("import jax.numpy as jnp", "makes gradients itself"),
        ("from scratchnn.school.given.lstm import step_backward", "the exercise is to write this yourself"),
        ("import pandas", "are all you need here"),
        ("x = __import__('torch')", "write imports at the top"),
        ("import importlib", "are all you need here"),
    ],
)
def test_an_import_that_would_be_the_answer_is_refused_with_its_line(run, mine, line, words):
    file = mine / exercise("linear").file
    file.write_text(file.read_text(encoding="utf-8") + f"\n{line}\n", encoding="utf-8")
    code, out, _ = run("mine", "--check", "linear")
    assert code == 2
    assert words in out
    assert f"line {len(file.read_text(encoding='utf-8').splitlines())} " in out


def test_imports_of_numpy_and_of_python_are_allowed(run, mine):
    write(mine, "slopes", sigmoid_slope="y * (1 - y)", tanh_slope="1 - y**2")
    file = mine / exercise("slopes").file
    file.write_text(
        "import math\nimport numpy as np\nfrom collections import deque\n" + file.read_text(encoding="utf-8")
    )
    assert run("mine", "--check", "slopes")[0] == 0


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"\xff\xfe\x00", "no text in UTF-8"), (b"x" * 300_000, "expected at most"), (None, "read")],
)
def test_a_file_that_cannot_be_read_is_told_in_a_sentence(run, mine, content, words):
    file = mine / "10_slopes.py"
    file.unlink() if content is None else file.write_bytes(content)
    code, out, _ = run("mine", "--check", "slopes")
    assert code == 2
    assert words in out


def test_bad_requests_get_one_sentence(run, tmp_path):
    assert "there are no exercises in nowhere" in run("nowhere", "--check", "slopes")[2]
    assert not (tmp_path / "nowhere").exists()
    run("mine")
    code, _, err = run("mine", "--check", "slope")
    assert code == 2
    assert "10_slopes" in err
    assert run("mine", "--hint", "2")[0] == 2
    (tmp_path / "file").write_text("")
    assert "is a file, expected a folder" in run("file")[2]
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").write_text("")
    assert "holds other things (thesis.tex)" in run("other")[2]
    assert [path.name for path in (tmp_path / "other").iterdir()] == ["thesis.tex"]


def test_an_unknown_exercise_is_an_input_error():
    with pytest.raises(InputError, match="expected one of 10_slopes"):
        exercise("nothing")
