"""The commands about a language model: what a user types, reads and gets back."""

import json
import re

import numpy as np
import pytest

from scratchnn.cli import main


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
def text(tmp_path_factory):
    path = tmp_path_factory.mktemp("own") / "mine.txt"
    letters = np.random.default_rng(0).choice(list("ab"), size=400)
    path.write_text("".join(f"{letter}{letter}\n" for letter in letters), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def trained(text, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "mine"
    sizes = ["--hidden", "8", "--epochs", "2", "--batch-size", "4", "--steps", "10"]
    with pytest.raises(SystemExit) as stop:
        main(["train", "chars", "--data", str(text), *sizes, "--out", str(folder), "--quiet"])
    assert stop.value.code == 0
    return folder


def test_train_prints_nats_beside_the_n_grams_and_a_sample(run, text, tmp_path):
    code, out, err = run(
        "train", "chars", "--data", text, "--hidden", "4", "--epochs", "1", "--out", tmp_path / "run"
    )
    assert code == 0, err
    assert "mine: 1,080 characters to learn from, the last 120 held out" in out
    assert re.search(r"6-grams, counted +\d\.\d{3}", out)
    assert re.search(r"this run +\d\.\d{3}", out)
    assert "at temperature 0.8" in out
    assert "curves.png, memory.png" in out


def test_evaluate_prints_nats_bits_and_perplexity(run, trained):
    code, out, _ = run("evaluate", trained)
    assert code == 0
    found = re.search(r"([\d.]+) nats .*\(([\d.]+) bits, perplexity ([\d.]+)\)", out)
    nats, bits, perplexity = map(float, found.groups())
    # three numbers of the same thing, each printed with an error of at most half its last digit
    assert bits == pytest.approx(nats / np.log(2), abs=0.0005 / np.log(2) + 0.0005)
    assert perplexity == pytest.approx(np.exp(nats), abs=0.0005 * np.exp(nats) + 0.005)
    code, out, _ = run("evaluate", trained, "--json")
    assert json.loads(out)["nats_per_character"] == pytest.approx(nats, abs=0.0005)
    assert run("evaluate", trained, "--quiet")[1].count("\n") == 1


def test_sample_writes_prefix_and_text_and_the_same_for_the_same_seed(run, trained):
    code, out, _ = run("sample", trained, "--length", "30", "--prefix", r"aa\nb", "--seed", "4")
    assert code == 0
    assert out.startswith("aa\nb")
    assert len(out) == 4 + 30 + 1
    assert run("sample", trained, "--length", "30", "--prefix", r"aa\nb", "--seed", "4")[1] == out
    assert run("sample", trained, "--length", "30", "--prefix", r"aa\nb", "--seed", "5")[1] != out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--prefix", "xyz"], "the prefix holds 'x' 'y' 'z', which the text of this run does not"),
        (["--temperature", "-0.5"], "temperature is -0.5, expected a finite number of at least 0"),
        (["--temperature", "warm"], "'warm' is not a valid float"),
        (["--length", "0"], "length is 0, expected at least 1"),
        (["--top-k", "0"], "top_k is 0, expected at least 1"),
        (["--seed", "-1"], "-1 is not in the range"),
    ],
)
def test_sample_refuses_what_has_no_meaning(run, trained, arguments, sentence):
    code, out, err = run("sample", trained, *arguments)
    assert code == 2
    assert sentence in err
    assert not out
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["sample", "nowhere"], "nowhere is not a folder"),
        (["train", "chars", "--data", "nowhere.txt"], "nowhere.txt: no such file"),
        (
            ["train", "chars", "--pooling", "mean"],
            "pooling has no meaning here: a language model answers",
        ),
        (["train", "chars", "--bidirectional"], "bidirectional has no meaning here: a language model reads forward"),
        (["train", "chars", "--patience", "3"], "patience has no meaning here: the held-out part measures"),
        (["train", "chars", "--members", "3"], "members has no meaning here"),
        (["train", "chars", "--steps", "0"], "steps is 0, expected more than 0"),
        (["train", "digits", "--steps", "10"], "steps has no meaning here: only a language model reads in chunks"),
    ],
)
def test_wrong_input_gets_one_sentence_and_exit_code_2(run, arguments, sentence, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = run(*arguments)
    assert code == 2
    assert sentence in " ".join(err.split())
    assert "Traceback" not in out + err
    assert not list(tmp_path.iterdir())


def test_a_text_that_is_too_short_leaves_no_folder(run, tmp_path):
    (tmp_path / "short.txt").write_text("hello", encoding="utf-8")
    code, _, err = run("train", "chars", "--data", tmp_path / "short.txt", "--out", tmp_path / "run")
    assert code == 2
    assert "short.txt: holds 5 characters, expected at least 200" in err
    assert not (tmp_path / "run").exists()


def test_control_characters_of_a_text_do_not_reach_the_terminal(run, tmp_path):
    (tmp_path / "odd.txt").write_text("a\x1b[31mb\n" * 60, encoding="utf-8")
    code, out, err = run(
        "train", "chars", "--data", tmp_path / "odd.txt", "--hidden", "4", "--epochs", "1", "--out", tmp_path / "run"
    )
    assert code == 0, err
    _, sampled, _ = run("sample", tmp_path / "run", "--prefix", "a\x1b")
    assert "\x1b" not in out + sampled
    assert sampled.startswith("a·")
