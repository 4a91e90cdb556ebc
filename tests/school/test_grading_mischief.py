"""Submissions that hang, crash, exit, fork, patch and destroy: each costs its own points and nothing else."""

import time

import pytest

from scratchnn.check.student import Limits
from scratchnn.school import exercise
from scratchnn.school.grading.course import LIMITS
from scratchnn.school.grading.one import GRADED, REFUSED, grade_one

from .conftest import solved

SOON = LIMITS._replace(seconds=6.0)
LINE = "    dx = dy @ W.T"
IN_CALL = {
    "hangs": "while True: pass",
    "sleeps": "import time; time.sleep(1000)",
    "exits at once": "import os; os._exit(0)",
    "raises SystemExit": "raise SystemExit(0)",
    "raises KeyboardInterrupt": "raise KeyboardInterrupt",
    "recurses": "f = lambda: f(); f()",
    "recurses without limit": "import sys; sys.setrecursionlimit(10**9); f = lambda: f(); f()",
    "wants memory": "x = np.ones(10**11)",
    "fills memory": "x = [bytearray(10**7) for _ in range(10**4)]",
    "prints for ever": "while True: print('x' * 1000)",
    "forks": "import os\n    while True: os.fork()",
    "leaves a process": "import subprocess; subprocess.Popen(['sleep', '1000'], start_new_session=True)",
    "calls a shell": "import os; os.system('touch {place}/touched')",
    "kills its parent": "import os, signal; os.kill(os.getppid(), signal.SIGKILL)",
    "kills itself": "import os, signal; signal.raise_signal(signal.SIGSEGV)",
    "deletes a file": "import os; os.remove('{place}/precious')",
    "deletes a folder": "import shutil; shutil.rmtree('{place}')",
    "overwrites a file": "open('{place}/precious', 'w').close()",
    "writes through pathlib": "import pathlib; pathlib.Path('{place}/precious').write_text('')",
    "renames a file": "import os; os.rename('{place}/precious', '{place}/touched')",
    "opens a socket": "import socket; socket.create_connection(('127.0.0.1', 9))",
    "asks": "input('points? ')",
    "returns nothing": "return None",
    "returns words": "return dict(x='all', W='right', b='here')",
    "returns other shapes": "return Grads(x=1.0, W=np.ones((9, 9)), b=None)",
    "returns nan": "return Grads(x=cache.x * np.nan, W=W * np.nan, b=W[0] * np.nan)",
    "guesses": "return Grads(x=cache.x + np.random.random(), W=W * np.random.random(), b=W[0])",
    "fakes a result on its output": 'print(\'["!returned", {{"same": true}}]\'); import os; os._exit(0)',
    "fakes a result in the file for it": (
        "import sys; open(sys.argv[-1] + '/told.jsonl', 'a').write('[\"!returned\", true]\\n'); raise SystemExit"
    ),
}


def graded(tmp_path, text, name="linear", limits=SOON):
    file = tmp_path / exercise(name).file
    file.write_text(text, encoding="utf-8")
    return grade_one(exercise(name), file, 5, limits)


@pytest.fixture
def place(tmp_path):
    folder = tmp_path / "place"
    folder.mkdir()
    (folder / "precious").write_text("thesis")
    yield folder
    assert (folder / "precious").read_text() == "thesis"
    assert [path.name for path in folder.iterdir()] == ["precious"]


@pytest.mark.parametrize("what", IN_CALL)
def test_it_loses_its_points_and_we_live_to_tell(tmp_path, place, what):
    started = time.monotonic()
    text = solved(exercise("linear")).replace(LINE, f"    {IN_CALL[what].format(place=place)}\n{LINE}")
    result = graded(tmp_path, text)
    assert result.points == 0
    assert result.of == 3
    assert result.status == GRADED
    assert all(isinstance(line, str) and 0 < len(line) < 400 for line in result.feedback)
    assert time.monotonic() - started < 60


@pytest.mark.parametrize(
    "line",
    [
        "raise SystemExit(0)",
        "import os; os._exit(0)",
        "while True: pass",
        "raise RuntimeError('at import')",
        "del backward",
        "backward = 7",
        "import os; os.fork()",
    ],
)
def test_the_same_when_the_file_is_read(tmp_path, line):
    result = graded(tmp_path, solved(exercise("linear")) + f"\n{line}\n")
    assert result.points == 0
    assert result.feedback


PATCHES = {
    "numpy's comparisons": "np.allclose = np.isclose = np.array_equal = lambda *a, **k: True",
    "numpy's maximum": "np.max = np.abs = lambda *a, **k: 0.0",
    "the check": (
        "import sys\nfor name, module in list(sys.modules.items()):\n    if name.startswith('scratchnn.check'):\n"
        "        for thing in ('changes', 'differing', 'identical', 'judge'):\n"
        "            if hasattr(module, thing):\n                setattr(module, thing, lambda *a, **k: [])"
    ),
    "this room": "import sys\nsys.modules['scratchnn.school.hidden'].answer = lambda *a: True",
    "the built-ins": "import builtins\nbuiltins.all = builtins.any = lambda *a: True",
    "the random numbers": "np.random.default_rng = lambda *a: None",
    "the writer of results": "import json\njson.dumps = lambda *a, **k: '[\"!returned\", true]'",
}


@pytest.mark.parametrize("what", PATCHES)
def test_patching_makes_no_wrong_gradient_right(tmp_path, what):
    wrong = solved(exercise("linear")).replace("dx = dy @ W.T", "dx = 2 * dy @ W.T")
    result = graded(tmp_path, wrong + f"\n{PATCHES[what]}\n")
    assert result.checks["dx"]


@pytest.mark.parametrize("what", ["print('hello')", "import os; os.chdir('/')", "np.random.seed(3)"])
def test_what_does_no_harm_costs_nothing(tmp_path, what):
    result = graded(tmp_path, solved(exercise("linear")).replace(LINE, f"    {what}\n{LINE}"))
    assert result.points == 3, result.checks


def test_a_thread_that_is_left_running_costs_nothing(tmp_path):
    text = "import threading, time\nthreading.Thread(target=time.sleep, args=(1000,)).start()\n"
    result = graded(tmp_path, text + solved(exercise("linear")), limits=SOON._replace(seconds=4.0))
    assert result.points == 3


def test_only_the_check_that_crashes_is_lost(tmp_path):
    line = "if (dh_t == 0).all(axis=1).any(): import os; os._exit(3)"
    text = solved(exercise("rnn_step")).replace("    W_x, W_h, _ = params", f"    {line}\n    W_x, W_h, _ = params")
    result = graded(tmp_path, text, "rnn_step", LIMITS)
    assert [check for check, sentence in result.checks.items() if sentence] == ["padding"]
    assert result.points == 5
    assert "its process ended without a word" in result.checks["padding"]


def test_a_test_that_hangs_on_one_kind_of_mistake_loses_only_that(tmp_path):
    line = "    while not np.array_equal(given, dh): pass\n"
    text = solved(exercise("checker")).replace("    good = all(", f"{line}    good = all(")
    result = graded(tmp_path, text, "checker", Limits(seconds=8.0))
    assert [check for check, sentence in result.checks.items() if sentence] == ["mistakes: memory"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("def backward(:\n", "no Python"),
        ("x = " + "(" * 5000 + ")" * 5000, "no Python"),
        ("import torch\n", "makes gradients itself"),
        ("from scratchnn.ops.linear.reference import backward\n", "write this yourself"),
        ("\x00", "no Python"),
        ("dx = ...\n", "yours to write"),
    ],
)
def test_what_is_not_accepted_gets_no_point_and_one_sentence(tmp_path, text, words):
    result = graded(tmp_path, text)
    assert result.status == REFUSED
    assert result.points == 0
    assert words in result.feedback[0]


@pytest.mark.parametrize("content", [b"\xff\xfe", b"x" * 10**6])
def test_what_cannot_be_read_is_no_end(tmp_path, content):
    (tmp_path / "20_linear.py").write_bytes(content)
    assert grade_one(exercise("linear"), tmp_path / "20_linear.py", 1, LIMITS).points == 0
