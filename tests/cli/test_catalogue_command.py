"""``scratchnn check --catalogue``: what a user types, reads and gets back."""

import json

import pytest

from scratchnn.check import catalogue
from scratchnn.check.catalogue import planting, regimes
from scratchnn.cli import main
from scratchnn.misconceptions import MISCONCEPTIONS

PNG = b"\x89PNG"


@pytest.fixture
def run(capsys):
    """Call ``scratchnn check --catalogue`` in this process: (exit code, standard output, standard error)."""

    def call(*arguments):
        with pytest.raises(SystemExit) as stop:
            main(["check", *(str(argument) for argument in arguments)])
        told = capsys.readouterr()
        return stop.value.code, told.out, told.err

    return call


def test_who_is_caught_is_counted_named_and_drawn(run, tmp_path):
    code, out, _ = run("--catalogue", "--op", "linear", "--picture", tmp_path / "caught.png")
    assert code == 0
    count = len(catalogue.bugs("linear"))
    assert f"Our check catches all {count}" in out
    assert all(regime.name in out for regime in regimes.REGIMES)
    line = next(line for line in out.splitlines() if line.startswith("H = D = 1: "))
    assert "linear-dx-reshaped" in line
    assert "linear-db-mean" not in line
    assert (tmp_path / "caught.png").read_bytes().startswith(PNG)


def test_the_op_may_be_the_name(run):
    code, out, _ = run("linear", "--catalogue", "--json")
    rows = {row["regime"]: row["bugs"] for row in json.loads(out)}
    assert code == 0
    assert set(rows) == {regime.name for regime in regimes.REGIMES}
    assert set(rows["ours"]) == {bug.id for bug in catalogue.bugs("linear")}
    assert set(rows["ours"].values()) == {True}
    assert rows["T = 1"]["linear-db-mean"] is None
    assert rows["H = D = 1"]["linear-dx-reshaped"] is False


def test_a_mistake_that_escapes_our_check_is_said_and_fails(run, monkeypatch):
    weaker = regimes.regime("not zero")._replace(name="ours")
    monkeypatch.setattr(regimes, "REGIMES", (weaker,))
    code, out, _ = run("--catalogue", "--op", "linear")
    assert code == 1
    assert "Our check lets" in out
    assert "linear-db-mean" in out


def test_the_catalogue_is_listed(run):
    code, out, _ = run("--catalogue", "--list", "--op", "embedding")
    assert code == 0
    assert all(bug.id in out for bug in catalogue.bugs("embedding"))
    assert MISCONCEPTIONS["M4"] in " ".join(out.split())
    listed = json.loads(run("--catalogue", "--list", "--json")[1])
    assert [row["id"] for row in listed] == [bug.id for bug in catalogue.bugs()]


def test_one_mistake_is_shown_in_full(run):
    bug = catalogue.bug("lstm-dc-next-dropped")
    code, out, _ = run("--catalogue", "--bug", bug.id)
    assert code == 0
    assert bug.question in out
    assert MISCONCEPTIONS[bug.misconception] in out
    changed = [line for line in out.splitlines() if line[:2] in ("- ", "+ ")]
    assert len(changed) == 2
    assert [line[0] for line in changed] == ["-", "+"]
    assert bug.edits[0].old in changed[0]
    assert bug.edits[0].new in changed[1]


def test_the_experiment_has_a_table_and_a_figure(run, tmp_path, monkeypatch):
    one = (catalogue.bug("rnn-db-mean"),)
    monkeypatch.setattr(planting, "bugs", lambda op=None: one if op == "rnn" else EVERY)
    code, out, _ = run("--catalogue", "--train", "--op", "rnn", "--quick", "--picture", tmp_path / "train.png")
    assert code == 0
    assert "the right gradient" in out
    assert "rnn-db-mean" in out
    assert "of 1 wrong ones 1 halve it" in " ".join(out.split())
    assert (tmp_path / "train.png").read_bytes().startswith(PNG)


EVERY = catalogue.bugs()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--catalogue", "--op", "lsmt"), "op is 'lsmt', expected one of activations"),
        (("--catalogue", "--op", "dropout"), "no mistakes of dropout are listed"),
        (("--catalogue", "--bug", "nothing"), "no bug is called 'nothing'"),
        (("--catalogue", "--train", "--op", "linear"), "op is 'linear', expected one of rnn, lstm, gru"),
        (("--catalogue", "--picture", "caught.txt"), "--picture is 'caught.txt', expected a file that ends in .png"),
        (("--train",), "--train goes with --catalogue"),
    ],
)
def test_what_cannot_be_shown_is_one_sentence(run, arguments, sentence):
    code, out, err = run(*arguments)
    assert code == 2
    assert sentence in err
    assert not out
