"""``scratchnn step`` without a terminal: text, files, sentences."""

import json
import subprocess
import sys

import pytest

from scratchnn.cli import main
from scratchnn.trace import Trace
from scratchnn.trace.telling import TELLING

SMALL = ("--T", "2", "--B", "1", "--D", "2", "--H", "2")


@pytest.fixture
def run(capsys):
    """Call ``scratchnn step`` in this process: (exit code, standard output, standard error)."""

    def call(*arguments):
        with pytest.raises(SystemExit) as stop:
            main(["step", *(str(argument) for argument in arguments)])
        told = capsys.readouterr()
        return stop.value.code, told.out, told.err

    return call


@pytest.mark.parametrize("op", ["lstm", "gru", "rnn", "attention", "model"])
def test_every_op_is_told_as_text(run, op):
    code, out, _ = run(op, *SMALL, "--seed", "7", "--text")
    assert code == 0
    assert "backward" in out
    assert out.rstrip().endswith(" 0 wrong")


def test_the_seed_changes_the_numbers_and_nothing_else_does(run):
    one, other = run("rnn", *SMALL, "--seed", "3")[1], run("rnn", *SMALL, "--seed", "4")[1]
    assert one == run("rnn", *SMALL, "--seed", "3")[1]
    assert one != other


def test_a_planted_bug_names_its_line(run):
    code, out, _ = run("lstm", *SMALL, "--plant", "lstm-dc-next-dropped", "--text")
    assert code == 0
    assert "planted: dc_t without dc_next" in out
    assert "the first that differs is" in out.splitlines()[-1]
    assert "dc_t, ops/lstm/reference.py:" in out.splitlines()[-1]


def test_a_trace_is_written_and_read_again(run, tmp_path):
    path = tmp_path / "trace.json.gz"
    code, out, err = run("gru", *SMALL, "--json", path)
    assert (code, out) == (0, "")
    assert str(path) in err
    assert Trace.load(path).sizes == {"T": 2, "B": 1, "D": 2, "H": 2}
    assert run("--from-json", path, "--text")[1] == run("gru", *SMALL, "--text")[1]


def test_a_page_is_written_with_right_and_wrong(run, tmp_path):
    path = tmp_path / "page.html"
    code, _, err = run("rnn", *SMALL, "--plant", "rnn-db-mean", "--html", path)
    assert code == 0
    assert str(path) in err
    page = path.read_text(encoding="utf-8")
    assert all(bug in page for bug in ("rnn-db-mean", *TELLING["rnn"]))


def test_a_file_of_ones_own_is_walked_through(run, tmp_path):
    path = tmp_path / "my_rnn.py"
    from scratchnn.check import catalogue

    path.write_text(catalogue.source_of("rnn"), encoding="utf-8")
    code, out, _ = run(path, "--text")
    assert code == 0
    assert "my_rnn.py:" in out
    told = run(path, "--text", "--checks", "none")[1]
    assert ", 0 checked" in told.splitlines()[-1]
    path.rename(tmp_path / "mine.py")
    (tmp_path / "mine.py").write_text("def step(x_t, h_prev, p):\n    return h_prev\n", encoding="utf-8")
    assert "expected --op with one of" in run(tmp_path / "mine.py")[2]
    assert run(tmp_path / "mine.py", "--op", "gru")[1].startswith("mine.py: GRU")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "nothing to walk through"),
        (["lsmt"], "lsmt is no op"),
        (["nowhere.py"], "nowhere.py is not there"),
        (["folder.py"], "folder.py is a folder"),
        (["unfinished.py"], "unfinished.py is no Python in line 1"),
        (["lstm", "--op", "gru"], "op is 'gru', expected one of lstm, gru, rnn, attention, and a file"),
        (["lstm", "--plant", "lstm-nothing"], "no bug is called"),
        (["lstm", "--plant", "gru-db-mean"], "gru"),
        (["lstm", "--from-json", "a.json"], "expected no OP"),
        (["--from-json", "nowhere.json"], "nowhere.json cannot be read"),
        (["lstm", "--T", "0"], "0"),
        (["lstm", "--json", "nowhere/there.json"], "nowhere"),
    ],
)
def test_bad_input_gets_a_sentence(run, arguments, sentence, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.py").mkdir()
    (tmp_path / "unfinished.py").write_text("def step(x_t,\n", encoding="utf-8")
    code, out, err = run(*arguments)
    assert code == 2
    assert sentence in " ".join(err.split())
    assert "Traceback" not in out + err


def test_a_damaged_trace_is_named(run, tmp_path):
    path = tmp_path / "bad.json"
    path.write_text(json.dumps({"format": "else"}), encoding="utf-8")
    assert run("--from-json", path)[0] == 2


def test_text_needs_no_terminal_library():
    code = (
        "import sys; from scratchnn.cli import main\n"
        "try: main(['step', 'rnn', '--T', '1', '--text'])\n"
        "except SystemExit: pass\n"
        "assert 'prompt_toolkit' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
