"""`scratchnn check FILE.py`: exit codes, hints, JSON; names of ops go on working."""

import json

import pytest

from scratchnn.cli import main

RIGHT = """
def backward(dy, cache, params):
    rows, errors = cache.x.reshape(-1, cache.x.shape[-1]), dy.reshape(-1, dy.shape[-1])
    return {"x": dy @ params.W.T, "W": rows.T @ errors, "b": errors.sum(axis=0)}
"""


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def call(text, *arguments):
        (tmp_path / "my_linear.py").write_text(text, encoding="utf-8")
        with pytest.raises(SystemExit) as stop:
            main(["check", "my_linear.py", *arguments])
        told = capsys.readouterr()
        return stop.value.code, told.out, told.err

    return call


def test_right_code_ends_with_0(run):
    code, out, _ = run(RIGHT)
    assert code == 0, out
    assert out.startswith("my_linear.py: forward and gradients are right")


def test_a_wrong_gradient_ends_with_1_and_is_named(run):
    code, out, _ = run(RIGHT.replace("errors.sum(axis=0)", "errors.mean(axis=0)"))
    assert code == 1
    assert "db[" in out
    assert "question:" in out
    assert "linear-db-mean" in out


def test_the_first_hint_is_the_numbers_alone(run):
    _, out, _ = run(RIGHT.replace("errors.sum(axis=0)", "errors.mean(axis=0)"), "--hint", "1")
    assert "expected" in out
    assert "question:" not in out
    assert "--hint 2 tells more: where" in out


def test_json_says_the_same(run):
    code, out, _ = run(RIGHT.replace("errors.sum(axis=0)", "errors.mean(axis=0)"), "--json")
    told = json.loads(out)
    assert code == told["status"] == 1
    assert not told["passed"]
    wrong = [row["name"] for row in told["gradients"][0]["rows"] if not row["passed"]]
    assert wrong == ["b"]


@pytest.mark.parametrize(
    "text", ["def backward(:\n", "import no_such_module\n" + RIGHT, "x = 1\n", "raise SystemExit(0)\n"]
)
def test_what_cannot_be_judged_ends_with_2(run, text):
    assert run(text)[0] == 2


def test_an_unknown_op_ends_with_2(run):
    code, _, err = run(RIGHT, "--op", "lsmt")
    assert code == 2
    assert "lsmt" in err


@pytest.mark.parametrize("option", ["--picture=a.png", "--array=W", "--list"])
def test_options_of_other_questions_are_refused(run, option):
    code, _, err = run(RIGHT, option)
    assert code == 2
    assert "does not go with a file" in err


def test_a_missing_file_ends_with_2(run, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["check", "no_such_lstm.py"])
    assert stop.value.code == 2
    assert "no_such_lstm.py cannot be read" in capsys.readouterr().err


def test_hints_belong_to_files(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["check", "linear", "--hint", "2"])
    assert stop.value.code == 2
    assert "--hint goes with a file" in capsys.readouterr().err
