"""``scratchnn gradflow``: the table, the figure, JSON and CSV, and one sentence for what is wrong."""

import csv
import json

import pytest

from scratchnn.cli import main

SMALL = ("--cells", "linear,rnn,attention", "--radius", "0.5,4", "--length", "4,8", "--hidden", "4")


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    """Call the command in an empty folder: (exit code, standard output, standard error)."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        with pytest.raises(SystemExit) as stop:
            main(["gradflow", *map(str, arguments)])
        told = capsys.readouterr()
        return stop.value.code, told.out, told.err

    return call


def test_table_sentences_and_figure(run, tmp_path, monkeypatch):
    from scratchnn import gradflow

    whole = gradflow.clipping_run
    monkeypatch.setattr(gradflow, "clipping_run", lambda **given: whole(**given, steps=5))
    code, out, err = run(*SMALL)
    assert code == 0, err
    assert (tmp_path / "runs" / "gradient_flow.png").stat().st_size > 10_000
    assert "T=4" in out
    assert "T=8" in out
    assert "explodes" in out
    assert "one SGD step" in out
    assert "Mean loss over the last" in out
    assert "Attention's short cut" in out
    code, out, _ = run(*SMALL, "--out", "folder", "--quiet")
    assert code == 0
    assert {path.name for path in (tmp_path / "folder").iterdir()} == {"gradient_flow.png", "gradient_flow.csv"}
    assert "Clipping" not in out


def test_json_and_csv_hold_the_same_rows_and_leave_no_file(run, tmp_path):
    told = json.loads(run(*SMALL, "--json")[1])
    rows = list(csv.DictReader(run(*SMALL, "--csv")[1].splitlines()))
    assert len(told["flow"]) == len(rows) == 3 * 2 * 2
    assert [row["verdict"] for row in rows] == [row["verdict"] for row in told["flow"]]
    assert [float(row["log10_rate"]) for row in rows] == [row["log10_rate"] for row in told["flow"]]
    assert [step["clip"] for step in told["clipping"]] == [None, 1.0]
    assert not list(tmp_path.iterdir())


def test_orthogonal_linear_networks_are_exact_in_the_table(run):
    given = ("--cells", "linear", "--radius", "0.5", "--length", "11", "--start", "orthogonal", "--json")
    row = json.loads(run(*given)[1])["flow"][0]
    assert 10 ** row["log10_relative"] == pytest.approx(2**-10, rel=1e-10)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--cells", "mamba"], "no cell 'mamba', expected any of linear, rnn, lstm, gru, attention"),
        (["--cells", ","], "no cell ''"),
        (["--radius", "one"], "--radius has 'one', expected numbers from 0 to 1000"),
        (["--radius", "nan"], "--radius has 'nan'"),
        (["--radius", "-1"], "--radius has '-1'"),
        (["--length", "1"], "--length has '1', expected numbers from 2 to 10000"),
        (["--length", "2.5"], "--length has 2.5, expected whole numbers"),
        (["--clip", "0"], "--clip is 0, expected a finite number above 0"),
        (["--drive", "inf"], "--drive is inf, expected a finite number of at least 0"),
        (["--keep-bias", "nan"], "--keep-bias is nan"),
        (["--hidden", "0"], "0 is not in the range"),
        (["--out", ""], "--out is empty"),
        (["--out", "figure.docx"], "--out is figure.docx, expected a folder or a file that ends in .png"),
        (["--json", "--csv"], "--csv and --json are both given"),
        (["--backend", "abacus"], "abacus"),
    ],
)
def test_wrong_input_gets_one_sentence_and_exit_code_2(run, arguments, sentence, tmp_path):
    code, out, err = run(*arguments)
    assert code == 2
    assert sentence in err
    assert "Traceback" not in out + err
    assert not list(tmp_path.iterdir()), "something was left on disk"
