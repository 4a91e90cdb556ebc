"""Judged code hangs, exits, crashes, floods and takes memory: each is reported, none is fatal."""

import pytest

from scratchnn.check.student import Limits, examine

LIMITS = Limits(seconds=20, megabytes=3000, output=100_000)
RIGHT_STEP_BACKWARD = """
def step_backward(dh_t, nodes, params):
    W_x, W_h, _ = params
    da_t = dh_t * (1 - nodes.h_t**2)
    return da_t @ W_x.T, da_t @ W_h.T, da_t
"""


def examined(tmp_path, text, **limits):
    file = tmp_path / "my_rnn.py"
    file.write_text(text, encoding="utf-8")
    return examine(file, limits=LIMITS._replace(**limits))


def with_line(line):
    head, body = RIGHT_STEP_BACKWARD.split("    W_x", 1)
    return f"{head}    {line}\n    W_x{body}"


def test_the_file_that_is_spoiled_below_is_right(tmp_path):
    found = examined(tmp_path, RIGHT_STEP_BACKWARD)
    assert found.student.op == "rnn"
    assert found.told("forward")["right"] == ["rnn.tanh", "rnn.masked"]
    assert found.passed, str(found)
    assert found.status == 0


@pytest.mark.parametrize(
    ("line", "ended"),
    [
        ("import sys; sys.exit(3)", "exited"),
        ("import os; os._exit(0)", "crashed"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "crashed"),
        ("print('x' * 10**6)", "output"),
        ("raise KeyboardInterrupt", "raised"),
    ],
)
def test_what_ends_a_process_is_told_with_the_stage(tmp_path, line, ended):
    found = examined(tmp_path, with_line(line))
    assert found.outcome.ended == ended, str(found)
    assert not found.passed
    assert "during gradients: it" in str(found) or ended == "raised"


def test_a_hanging_backward_is_stopped(tmp_path):
    found = examined(tmp_path, with_line("while True: pass"), seconds=6)
    assert found.outcome.ended == "hung"
    assert "during gradients: it was not done after 6 seconds and was stopped" in str(found)
    assert found.seconds < 12
    assert found.status == 2


def test_a_hanging_import_is_stopped(tmp_path):
    found = examined(tmp_path, "import time\ntime.sleep(100)\n" + RIGHT_STEP_BACKWARD, seconds=6)
    assert "during import: it was not done" in str(found)
    assert found.status == 2


def test_a_huge_array_is_refused_by_name(tmp_path):
    found = examined(tmp_path, "import numpy as np\n" + with_line("np.ones(10**10)"))
    assert not found.passed
    assert "Unable to allocate" in str(found) or found.outcome.ended == "memory"


def test_what_is_printed_is_kept_apart(tmp_path):
    found = examined(tmp_path, "print('hello')\n" + RIGHT_STEP_BACKWARD)
    assert found.passed
    assert found.outcome.output.strip() == "hello"


def test_an_error_names_the_students_line(tmp_path):
    found = examined(tmp_path, "x = 1\ny = undefined\n" + RIGHT_STEP_BACKWARD)
    assert "line 2: NameError: name 'undefined' is not defined" in str(found)
    assert found.status == 2


def test_asking_for_input_is_an_error_not_a_wait(tmp_path):
    found = examined(tmp_path, "name = input()\n" + RIGHT_STEP_BACKWARD)
    assert "EOFError" in str(found)
