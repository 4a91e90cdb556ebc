"""``scratchnn tutorial``: the list, through a pipe, in a terminal."""

import json
import os
import re
import subprocess
import sys
import time

import pytest
from line_terminal import LineTerminal

COMMAND = [sys.executable, "-m", "scratchnn", "tutorial"]


@pytest.fixture
def environment(tmp_path):
    return os.environ | {"SCRATCHNN_STATE_DIR": str(tmp_path / "state"), "COLUMNS": "100", "TERM": "dumb"}


def call(environment, *arguments, **options):
    return subprocess.run(
        [*COMMAND, *arguments],
        capture_output=True,
        text=True,
        env=environment,
        timeout=300,
        encoding="utf-8",
        **options,
    )


def test_the_list(environment):
    done = call(environment)
    assert done.returncode == 0
    assert re.search(r"^50 +The LSTM, gate by gate", done.stdout, re.MULTILINE)
    assert "read up to" not in done.stdout


@pytest.mark.slow
def test_without_a_terminal_it_is_printed_through(environment, tmp_path):
    done = call(environment, "20", stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr
    assert "What to remember" in done.stdout
    assert "all assertions of this chapter hold" in done.stdout
    assert "δW" in done.stdout
    assert "\\delta" not in done.stdout
    assert not (tmp_path / "state").exists(), "nobody read it"


@pytest.mark.slow
def test_a_page_is_written(environment, tmp_path):
    done = call(environment, "20", "--html", str(tmp_path / "page.html"))
    assert done.returncode == 0, done.stderr
    assert "page.html" in done.stdout
    assert "all assertions of this chapter hold" in (tmp_path / "page.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["51"], "there is no chapter '51', expected one of 00, 10"),
        (["--html", "a.html"], "name a chapter"),
        (["20", "--notebook", "a.txt"], "a name that ends in .ipynb"),
        (["20", "--html", "nowhere/a.html"], "there is no folder nowhere"),
    ],
)
def test_bad_input_is_a_sentence(environment, tmp_path, arguments, sentence):
    done = call(environment, *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture
def terminal(environment):
    """Give a function that opens a terminal; all are closed in the end."""
    opened = []

    def open_one(*arguments):
        opened.append(LineTerminal([*COMMAND, *arguments], environment))
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no pty")
def test_in_a_terminal_it_goes_cell_by_cell_and_remembers(terminal, environment, tmp_path):
    reader = terminal("20")
    reader.until("[1/22] Enter goes on, q leaves")
    assert "The question" not in reader.text
    reader.press("\r")
    reader.until("[2/22] Enter goes on, q leaves")
    assert "The question" in reader.text
    reader.press("x")  # no key of ours
    time.sleep(1)  # until it listens again: what is typed before that is lost
    reader.press("\r")
    reader.until("[3/22] Enter runs it, q leaves")
    reader.press("q")
    reader.until("scratchnn tutorial 20 goes on here")
    assert reader.end() == 0
    kept = json.loads((tmp_path / "state" / "tutorial.json").read_text(encoding="utf-8"))
    assert kept == {"20_chain_rule": {"seen": 2, "done": False}}
    assert "read up to cell 2 of 22" in call(environment).stdout

    reader = terminal("20")
    reader.until("going on at cell 3 of 22")
    reader.until("[3/22] Enter runs it, q leaves")
    assert "The question" not in reader.text
    for number in range(4, 22 + 1):
        reader.press("\r")
        reader.until(f"[{number}/22] Enter" if number < 22 else "chapter 20 is done")
    assert "all assertions of this chapter hold" in reader.text
    assert reader.end() == 0
    assert re.search(r"^20 .*done", call(environment).stdout, re.MULTILINE)

    reader = terminal("20")  # once more from the beginning
    reader.until("[1/22]")
    reader.press("\x03")
    assert reader.end() in (0, 130)
    assert re.search(r"^20 .*done", call(environment).stdout, re.MULTILINE)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no pty")
def test_restart_begins_again(terminal, tmp_path):
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "tutorial.json").write_text('{"20_chain_rule": {"seen": 5, "done": false}}')
    reader = terminal("20", "--restart")
    reader.until("[1/22]")
    reader.press("q")
    assert reader.end() == 0
