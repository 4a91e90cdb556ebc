"""What a user types, reads and gets back: exit codes, sentences, never a traceback."""

import json
import os
import re
import subprocess
import sys

import pytest

from scratchnn import ops
from scratchnn.cli import COMMANDS, main


@pytest.fixture
def run(capsys):
    """Call the command line in this process: (exit code, standard output, standard error)."""

    def call(*arguments):
        with pytest.raises(SystemExit) as stop:
            main([str(argument) for argument in arguments])
        told = capsys.readouterr()
        return stop.value.code, told.out, told.err

    return call


@pytest.fixture(scope="module")
def tsv(tmp_path_factory):
    path = tmp_path_factory.mktemp("own") / "own.tsv"
    rows = [f"{label}\t{label * (3 + k % 4)}{k}" for label in ("ab", "cd") for k in range(50)]
    path.write_text("\n".join(rows), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def trained(tsv, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "own"
    with pytest.raises(SystemExit) as stop:
        main(["train", "--data", str(tsv), "--epochs", "2", "--hidden", "8", "--out", str(folder), "--quiet"])
    assert stop.value.code == 0
    return folder


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_examples(run, command):
    code, out, _ = run(command, "--help")
    assert code == 0
    assert "Example" in out
    assert f"scratchnn {command}" in out


def test_the_front_page_lists_every_command(run):
    code, out, _ = run("--help")
    assert code == 0
    assert all(command in out for command in COMMANDS)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["train", "chess"], "unknown task 'chess', expected one of surnames"),
        (["train", "surnames", "--hidden", "-4"], "hidden_size is -4, expected more than 0"),
        (["train", "--epochs", "0"], "epochs is 0"),
        (["train", "digits", "--members", "0"], "members is 0, expected more than 0"),
        (["train", "digits", "--lr", "inf"], "learning_rate is inf, expected a finite number"),
        (["train", "digits", "--hidden", "100000000"], "hidden_size is 100000000, expected at most 65536"),
        (["train", "digits", "--unit", "words"], "unit has no meaning here: digits holds series"),
        (["train", "article", "--pooling", "mean"], "pooling has no meaning here"),
        (["train", "--best", "--patience", "3"], "patience has no meaning here"),
        (["train", "digits", "--out", ""], "name is empty"),
        (["train", "--data", "/dev/zero"], "is not a regular file"),
        (["train", "--epochs", "many"], "'many' is not a valid integer"),
        (["train", "--data", "nowhere.tsv"], "nowhere.tsv"),
        (["train", "surnames", "--data", "own.tsv"], "does not go with the task"),
        (["train", "article", "--best"], "no best configuration"),
        (["evaluate", "nowhere"], "nowhere is not a folder"),
        (["predict", "nowhere", "Kowalski"], "nowhere is not a folder"),
        (["formula", "transformer"], "'transformer' is not one of"),
        (["data", "mnist"], "'mnist' is not one of"),
        (["check", "transformer"], "transformer"),
        (["dance"], "No such command 'dance'"),
    ],
)
def test_wrong_input_gets_one_sentence_and_exit_code_2(run, arguments, sentence, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = run(*arguments)
    assert code == 2
    assert sentence in err
    assert "Traceback" not in out + err
    assert not list(tmp_path.iterdir()), "something was left on disk"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "holds no examples"),
        (b"ab\tx\nno tab here\n", "line 2"),
        (b"ab\tx\n\tno label\n", "line 2"),
        (b"ab\tx\ncd\t\n", "line 2"),
        (b"ab\tx\ncd\t\xff\xfe\n", "line 2"),
        (b"ab\tx\nab\ty\n", "class"),
    ],
)
def test_a_malformed_file_names_the_line(run, content, sentence, tmp_path):
    path = tmp_path / "bad.tsv"
    path.write_bytes(content)
    code, _, err = run("train", "--data", path, "--out", tmp_path / "run")
    assert code == 2
    assert sentence in err
    assert "bad.tsv" in err
    assert not (tmp_path / "run").exists()


def test_predict_draws_the_attention(run, trained):
    code, out, _ = run("predict", trained, "abab7")
    assert code == 0
    assert "abab7" in out
    assert any(bar in out for bar in "▁▂▃▄▅▆▇█")
    assert "%" in out


def test_predict_names_unknown_characters(run, trained):
    code, out, _ = run("predict", trained, "ab漢")
    assert code == 0
    assert "never seen in training: '漢'" in out


def test_predict_refuses_a_text_of_which_nothing_is_known(run, trained):
    code, _, err = run("predict", trained, "漢字")
    assert code == 2
    assert "none of the characters of '漢字' occurred in training" in err


def test_predict_says_which_text_is_empty(run, trained):
    code, _, err = run("predict", trained, "abab", " ", "cdcd")
    assert code == 2
    assert "text 2 is empty" in err


def test_predict_shows_no_control_characters(run, trained):
    code, out, _ = run("predict", trained, "ab\x1b[31m\ncd")
    assert code == 0
    assert "\x1b" not in out
    assert "ab·[31m·cd" in out


def test_bars_stand_under_wide_characters(run, trained):
    _, out, _ = run("predict", trained, "a漢b")
    upper, lower = out.splitlines()[:2]
    assert upper == "a漢b"
    assert lower[2] == " ", "the second cell of the wide character is blank below"
    assert len(lower) == 4


def test_quiet_prints_only_the_answer(run, trained):
    code, out, _ = run("predict", trained, "abab", "cdcd", "--quiet")
    assert code == 0
    assert [line in ("ab", "cd") for line in out.split()] == [True, True]
    code, out, _ = run("evaluate", trained, "--quiet")
    assert code == 0
    assert out.count("\n") == 1


def test_evaluate_refuses_data_that_has_changed(run, trained, tsv):
    kept = tsv.read_text(encoding="utf-8")
    try:
        tsv.write_text(kept + "\nab\tabababab99", encoding="utf-8")
        code, _, err = run("evaluate", trained)
        assert code == 2
        assert "no longer, the data that" in err
    finally:
        tsv.write_text(kept, encoding="utf-8")
    assert run("evaluate", trained)[0] == 0


def test_labels_with_markup_and_formulas_are_shown_as_they_are(run, tmp_path):
    rows = [f"{label}\t{word}{k}" for label, word in (("[/x]", "aa"), ("$x^$", "bb")) for k in range(30)]
    path = tmp_path / "odd.tsv"
    path.write_text("\n".join(rows), encoding="utf-8")
    code, _, err = run("train", "--data", path, "--epochs", "1", "--out", tmp_path / "odd")
    assert code == 0, err
    code, out, _ = run("evaluate", tmp_path / "odd")
    assert code == 0
    assert "[/x]" in out
    assert "$x^$" in out


def test_a_closed_standard_output_is_no_traceback(trained):
    command = f"{sys.executable} -m scratchnn predict {trained} abab >&-"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert "Traceback" not in done.stderr


def test_memory_that_is_not_there_is_one_sentence(run, monkeypatch, tmp_path):
    from scratchnn import runs

    def greedy(*_, **__):
        raise MemoryError("Unable to allocate 74.5 GiB")

    monkeypatch.setattr(runs, "train", greedy)
    code, _, err = run("train", "digits", "--out", tmp_path / "run")
    assert code == 2
    assert "not enough memory (Unable to allocate 74.5 GiB); choose smaller sizes" in err


def test_predict_refuses_an_empty_text(run, trained):
    code, _, err = run("predict", trained, "")
    assert code == 2
    assert "empty" in err


def test_predict_json(run, trained):
    code, out, _ = run("predict", trained, "abab7", "cdcd", "--json")
    first, second = json.loads(out)
    assert code == 0
    assert first["tokens"] == list("abab7")
    assert sum(second["probabilities"].values()) == pytest.approx(1)


def test_evaluate(run, trained):
    code, out, _ = run("evaluate", trained)
    assert code == 0
    assert "precision" in out
    assert "accuracy" in out
    code, out, _ = run("evaluate", trained, "--json")
    assert set(json.loads(out)["classes"]) == {"ab", "cd"}


def test_evaluate_when_the_data_has_gone(run, trained, tsv):
    moved = tsv.with_name("moved.tsv")
    tsv.rename(moved)
    try:
        code, _, err = run("evaluate", trained)
        assert code == 2
        assert "own.tsv" in err
        assert run("evaluate", trained, "--data", moved)[0] == 0
    finally:
        moved.rename(tsv)


@pytest.mark.parametrize("op", ops.ROOMS)
def test_formula_prints_every_equation(run, op):
    code, out, _ = run("formula", op)
    sheet = getattr(ops, op).equations
    assert code == 0
    for equation in (*sheet.FORWARD, *sheet.BACKWARD):
        assert f"({equation.number})  {equation.text}" in out
        assert equation.source.split(";")[0] in out


def test_formula_in_latex(run):
    assert r"\odot" in run("formula", "lstm", "--latex")[1]


def test_formula_lists_the_sheets(run):
    assert "attention" in run("formula")[1]


@pytest.mark.parametrize("name", ["surnames", "sentiment", "vowels", "digits"])
def test_data_shows_licence_and_baselines(run, name):
    code, out, _ = run("data", name)
    assert code == 0
    assert "licence" in out
    assert "majority" in out
    assert name in run("data")[1]


def test_check_prints_a_table_per_array_against_both_oracles(run):
    code, out, _ = run("check", "lstm")
    assert code == 0
    for name in ("x", "h0", "c0", "W_x", "W_h", "b"):
        assert len(re.findall(rf"^{name} .*e-1\d .*e-1\d .*pass", out, re.M)) == 2, name
    assert "all gradients are right" in out


def test_check_takes_the_beginning_of_a_name(run):
    code, out, _ = run("check", "attention.general", "--quiet")
    assert code == 0
    assert "attention.general.plain" in out
    assert "attention.general.masked" in out
    assert "additive" not in out


def test_check_lists_and_speaks_json(run):
    assert "attention.additive.plain" in run("check", "--list")[1]
    reports = json.loads(run("check", "softmax", "--json")[1])
    assert all(report["passed"] for report in reports)


def test_check_fails_loudly_when_a_gradient_is_wrong(run, monkeypatch):
    from scratchnn.ops import softmax

    right = softmax.reference.backward
    monkeypatch.setattr(softmax.reference, "backward", lambda dp, cache: right(dp, cache)._replace(z=dp * cache.p))
    code, out, _ = run("check", "softmax")
    assert code == 1
    assert "FAIL" in out


def test_output_survives_a_closed_pipe():
    code = f"{sys.executable} -m scratchnn formula attention | head -n 1"
    done = subprocess.run(["bash", "-c", code], capture_output=True, text=True)
    assert "Traceback" not in done.stderr
    assert "Exception" not in done.stderr


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_predict_in_a_terminal_without_unicode(trained, encoding):
    command = [sys.executable, "-m", "scratchnn", "predict", str(trained), "abab7"]
    environment = dict(os.environ, PYTHONIOENCODING=encoding)
    done = subprocess.run(command, capture_output=True, env=environment)
    printed = done.stdout.decode(encoding)
    assert done.returncode == 0, done.stderr
    assert "?" not in printed
    assert ("█" in printed) == (encoding == "utf-8")


def test_help_is_quick():
    """The front page opens no room that is not needed for it."""
    code = (
        "import sys; from scratchnn.cli import app; import click;"
        "app.main(['--help'], standalone_mode=False);"
        "heavy = {'numba', 'matplotlib', 'scipy', 'rich', 'numpy'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_long_text_is_drawn_in_aligned_pairs_of_lines(run, trained):
    text = "abcd" * 70 + "7"
    _, out, _ = run("predict", trained, text)
    lines = out.splitlines()
    upper = [line for line in lines if line and set(line) <= set("abcd7")]
    lower = [line for line in lines if line and set(line) <= set("▁▂▃▄▅▆▇█")]
    assert "".join(upper) == text
    assert [len(line) for line in upper] == [len(line) for line in lower]
    assert max(map(len, lines)) <= 110
