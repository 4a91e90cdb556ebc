"""`scratchnn check`: what is wrong, where and how, at 80 columns; pictures, curves and JSON; exit codes."""

import json

import numpy as np
import pytest

from scratchnn.check import catalogue
from scratchnn.cli import main
from scratchnn.ops import linear, lstm


@pytest.fixture
def run(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")

    def call(*arguments):
        with pytest.raises(SystemExit) as stop:
            main(["check", *map(str, arguments)])
        told = capsys.readouterr()
        return stop.value.code, told.out, told.err

    return call


@pytest.fixture
def forget_gate_wrong(monkeypatch):
    wrong = catalogue.plant(catalogue.bug("lstm-c-t-for-c-prev"))
    monkeypatch.setattr(lstm.reference, "backward", wrong.backward)


def test_a_wrong_gradient_is_shown_with_place_share_and_both_numbers(run, forget_gate_wrong):
    code, out, _ = run("lstm.plain")
    assert code == 1
    assert "W_h: 100 of 100 entries wrong (100.0 %)" in out
    assert "where: forget gate, from t=2 backward; before t=2 all of it" in out
    assert "worst: W_h[" in out
    assert "expected" in out
    assert "judged every entry, complex step h=1e-30 and differences h=" in out
    assert "1 FAILED" in out
    assert max(map(len, out.splitlines())) <= 80


def test_a_hint_stands_under_its_array(run, monkeypatch):
    wrong = catalogue.plant(catalogue.bug("lstm-dh0-zero"))
    monkeypatch.setattr(lstm.reference, "backward", wrong.backward)
    code, out, _ = run("lstm.plain", "--quiet")
    assert code == 1
    assert "hint:" not in out
    assert "lstm.plain, h0: " in out
    assert "hint:  every entry is 0: is nothing handed back?" in run("lstm.plain")[1]


def test_json_holds_places_and_hints_and_no_arrays(run, forget_gate_wrong):
    code, out, _ = run("lstm.plain", "--json")
    (report,) = json.loads(out)
    row = next(row for row in report["rows"] if row["name"] == "W_h")
    assert code == 1
    assert row["place"].startswith("forget gate")
    assert row["share"] == 1.0
    assert row["step"] > 0
    assert not {"gradient", "truth", "wrong"} & set(row)


def test_a_passed_check_fits_80_columns_for_every_array_of_a_model(run):
    code, out, _ = run("model.lstm_attention")
    assert code == 0
    assert max(len(line.rstrip()) for line in out.splitlines()) <= 80


def test_the_picture_is_drawn_for_a_pass_and_for_a_failure(run, tmp_path, request):
    assert run("softmax", "--picture", tmp_path / "pass.png")[0] == 0
    request.getfixturevalue("forget_gate_wrong")
    code, out, _ = run("lstm.plain", "--picture", tmp_path / "fail.png")
    assert code == 1
    assert "picture:" in out
    assert {path.name for path in tmp_path.iterdir()} == {"pass.png", "fail.png"}


def test_the_curve_prints_a_table_marks_the_judges_step_and_draws(run, tmp_path):
    code, out, _ = run("lstm", "--curve", tmp_path / "curve.png", "--array", "W_h[0,3]")
    assert code == 0
    assert "dLoss/dW_h[0, 3]" in out
    assert out.count("<- the judge's") == 1
    assert "central h^2.0" in out
    assert (tmp_path / "curve.png").stat().st_size > 1000
    assert max(len(line.rstrip()) for line in out.splitlines() if "picture" not in line) <= 80


def test_the_curve_speaks_json_and_takes_the_worst_entry_of_what_is_wrong(run, monkeypatch):
    right = linear.reference.backward

    def wrong(*given):
        grads = right(*given)
        return grads._replace(b=grads.b + 5 * (np.arange(len(grads.b)) == 2))

    monkeypatch.setattr(linear.reference, "backward", wrong)
    found = json.loads(run("linear.bias", "--json", "--curve")[1])
    assert (found["array"], found["index"]) == ("b", [2])
    assert len(found["steps"]) == len(found["errors"]["central"])
    assert found["chosen"] > 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["lstm", "--picture", "maps.bmp"], "--picture is 'maps.bmp', expected a file that ends in .png"),
        (["lstm", "--picture", "nowhere/maps.png"], "there is no folder nowhere"),
        (["all", "--picture", "maps.png"], "--picture draws at most 4 subjects"),
        (["lstm", "--curve", "c.png", "--picture", "p.png"], "expected one of them"),
        (["lstm", "--curve", "--array", "W_y"], "lstm.plain has no array 'W_y', expected one of x, h0"),
        (["lstm", "--curve", "--array", "W_h[9,9]"], "W_h[9, 9] does not exist, W_h has shape (5, 20)"),
        (["lstm", "--curve", "--array", "W_h[1]"], "W_h[1] does not exist"),
        (["lstm", "--curve", "--array", "W_h[a]"], "expected a name such as W_h"),
        (["lstm", "--array", "W_h"], "--array goes with --curve"),
        (["lstm", "--op", "lstm"], "--op goes with --catalogue"),
    ],
)
def test_a_wrong_question_gets_one_sentence_and_exit_code_2(run, arguments, sentence, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = run(*arguments)
    assert code == 2
    assert sentence in " ".join((out + err).split())
    assert not list(tmp_path.iterdir())
