"""`scratchnn learn` through a pseudo-terminal: save, read, climb hints, step, go on. Texts are waited for."""

import os
import re
import subprocess
import sys
from contextlib import closing

import pytest
from pseudo_terminal import WAIT, Terminal

from scratchnn.check.catalogue import planting
from scratchnn.school import exercise, exercises
from scratchnn.school.folder import Folder
from scratchnn.school.session import KEYS

from .conftest import solved, with_source

WRONG = "wrong"


class Learning:
    """A student at a terminal: what is on the screen, and a file that is saved."""

    def __init__(self, folder, **options):
        self.folder = folder
        self.terminal = Terminal("learn", str(folder), columns=110, rows=40, **options)
        self.until, self.press = self.terminal.until, self.terminal.press

    def save(self, name, text):
        """Save as editors do: a new file takes the old one's place."""
        file = self.folder / exercise(name).file
        part = file.with_suffix(".new")
        part.write_text(text, encoding="utf-8")
        os.replace(part, file)

    def at(self, name):
        """Make the folder with this exercise open."""
        course = Folder(self.folder)
        course.make()
        course.open(exercise(name))


@pytest.fixture
def learning(tmp_path):
    opened = []

    def call(start="slopes", **options):
        folder = tmp_path / "mine"
        Learning.at(type("Folder", (), {"folder": folder}), start)
        opened.append(Learning(folder, **options))
        return opened[-1]

    yield call
    for one in opened:
        one.terminal.close()


def slopes(sigmoid, tanh):
    text = exercise("slopes").stub().replace('sigmoid_slope = "..."', f'sigmoid_slope = "{sigmoid}"')
    return text.replace('tanh_slope = "..."', f'tanh_slope = "{tanh}"')


def test_the_first_screen_says_what_to_do(tmp_path):
    terminal = Terminal("learn", str(tmp_path / "new"), columns=110, rows=40)
    text = terminal.until("yours to write: line 14 (sigmoid_slope), line 17 (tanh_slope)")
    assert "1 of 12  Two slopes" in text
    said = " ".join(text.split())
    assert "10_slopes.py in your editor; the task stands at its top" in said
    assert "save the file, and the answer comes here by itself" in said
    for key, what in KEYS.items():
        assert f"{key} {what}" in said
    terminal.press("q")
    assert terminal.ended() == 0
    assert "goes on here" in terminal.text()
    terminal.close()


def test_a_save_is_judged_by_itself_and_hints_climb_to_the_lines(learning):
    student = learning()
    student.until("yours to write")
    student.save("slopes", slopes("y * (1 - y)", "1 - y"))
    text = student.until("1 of 2 answers are wrong", "h tells more: where")
    assert "expected" in text
    for wanted in ("1-y|1 - y", "tanh is odd", r"\(5\) tanh_slope", "one of these lines is right", r'"1 - y\*\*2"'):
        student.press("h")
        text = student.until("tells more" if "y\\*" not in wanted else "corrected lines")
        assert re.search(wanted, text), wanted
    student.press("h")
    student.until("there are no more hints")
    student.save("slopes", slopes("y * (1 - y)", "1 - y * y"))
    text = student.until("right: every answer", "n opens the next exercise")
    assert "recorded as done with the lines shown" in text
    assert "Your mistake on the way: 1 - y instead of 1 - y**2" in text


def line_of(name, target):
    """Say in which line of an untouched exercise something is to be assigned."""
    lines = exercise(name).stub().splitlines()
    return 1 + next(k for k, line in enumerate(lines) if line.strip().startswith(f"{target} = "))


def test_n_goes_on_and_nothing_else_does(learning):
    student = learning()
    student.until("yours to write")
    student.save("slopes", slopes("y - y * y", "1 - y**2"))
    text = student.until("n opens the next exercise")
    assert "1 of 12" in text
    assert "A mistake that others make here" in text
    student.press("r")
    student.until("1 of 12", "right: every answer")
    student.press("n")
    student.until("2 of 12  A linear map", f"yours to write: line {line_of('linear', 'dx')} (dx)")
    student.press("p")
    student.until("1 of 12  Two slopes", "(done)")


def test_who_skips_an_exercise_is_told_how_to_get_back(learning):
    student = learning()
    student.until("yours to write")
    student.press("n")
    student.until("2 of 12", "10_slopes is not done yet; p goes back to it", "yours to write: line ")


def test_the_list_and_state_survive_a_restart(learning):
    student = learning()
    student.until("yours to write")
    student.save("slopes", slopes("y - y * y", "1 - y**2"))
    student.until("right: every answer")
    student.press("n")
    student.until("2 of 12", "yours to write")
    student.press("q")
    assert student.terminal.ended() == 0
    again = Learning(student.folder)
    again.terminal.resize(80, 24)
    again.until("2 of 12  A linear map", "yours to write")
    again.press("l")
    text = again.until("1 of 12 done")
    assert text.count("done") == 2
    assert sum(line.startswith(("  ", "> ")) for line in text.splitlines()) == 13  # none is wrapped
    assert "> 20_linear" in text
    assert all(one.id in text for one in exercises())
    again.press("l")
    again.until("yours to write")
    again.terminal.close()


def test_a_wrong_gradient_is_named_and_mended_and_what_would_have_hidden_it_is_told(learning):
    student = learning("rnn_step")
    student.until("yours to write: line")
    right = solved(exercise("rnn_step"))
    student.save("rnn_step", right.replace("tanh_slope(nodes.h_t)", "tanh_slope(np.tanh(nodes.h_t))"))
    student.until("the gradients of x, h0, W_x, W_h, b are wrong", "expected")
    student.press("h")
    student.until("da_t = dh_t * tanh_slope(np.tanh(nodes.h_t))")
    student.press("h")
    student.until("How many times was tanh applied")
    student.save("rnn_step", right)
    text = student.until("n opens the next exercise")
    assert "Your mistake on the way: tanh is applied to what already is a tanh" in text
    assert "weights of 0.01" in text


def test_all_hints_fit_into_a_small_terminal(tmp_path):
    one, known = exercise("lstm_step"), planting.bug("lstm-dc-next-dropped")
    course = Folder(tmp_path)
    course.make()
    course.open(one)
    text = with_source(one, planting.source(known))
    course.file(one).write_text(text, encoding="utf-8")
    number = 1 + next(k for k, line in enumerate(text.splitlines()) if line.strip().startswith("dc_t = "))
    with closing(Terminal("learn", str(tmp_path), columns=80, rows=24)) as terminal:
        shown = terminal.until("h tells more: where", "q quit")
        assert shown.count("expected") == 6
        for wanted in (f"line {number}: dc_t", "by whom else", "(12) dc_t", "one of these lines", "corrected lines"):
            terminal.press("h")
            text = terminal.until(wanted, "q quit")
            assert text.startswith("6 of 12"), text
            assert "the gradients of x, h0, c0, W_x, W_h, b are wrong" in text


def test_step_shows_my_own_line_and_comes_back(learning):
    student = learning("rnn_step")
    student.until("yours to write: line")
    student.press("s")
    student.until("there is no run to step through yet")
    student.save("rnn_step", solved(exercise("rnn_step")).replace("da_t = dh_t * t", "da_t = 1.0 * dh_t * t"))
    student.until("n opens the next exercise")
    student.press("s")
    student.until(" 1 of ", "q quit")
    student.press("n", *"da_t", "enter")
    student.until("40_rnn_step.py", "1.0 * dh_t")
    student.press("q")
    student.until("4 of 12  One step of an RNN", "n opens the next exercise")
    student.press("q")
    assert student.terminal.ended() == 0


def test_a_puzzle_is_stepped_through_as_assembled(learning):
    student = learning("rnn_time")
    student.until("yours to write: line")
    student.save("rnn_time", solved(exercise("rnn_time")))
    student.until("n opens the next exercise")
    student.press("s")
    student.until(" 1 of ", "q quit")
    student.press("n", *"dW_h", "enter")
    student.until("dW_h += nodes.h_prev.T @ da_t")
    student.press("q")
    student.until("5 of 12")


def test_x_asks_first_keeps_a_copy_and_gives_the_stub(learning):
    student = learning()
    student.until("yours to write")
    student.save("slopes", slopes("y", "y"))
    student.until("2 of 2 answers are wrong")
    student.press("x")
    student.until("x again puts 10_slopes.py back")
    student.press("l")
    student.until("0 of 12 done")
    assert 'sigmoid_slope = "y"' in (student.folder / "10_slopes.py").read_text(encoding="utf-8")
    student.press("x", "x")
    text = " ".join(student.until("yours to write", "as it was handed out").split())
    assert "10_slopes_1.py" in text
    assert (student.folder / "10_slopes.py").read_text(encoding="utf-8") == exercise("slopes").stub()
    assert 'sigmoid_slope = "y"' in (student.folder / "backup" / "10_slopes_1.py").read_text(encoding="utf-8")


def test_a_file_that_is_gone_or_no_python_is_told_and_mended(learning):
    student = learning()
    student.until("yours to write")
    (student.folder / "10_slopes.py").unlink()
    student.until("cannot be read")
    student.save("slopes", "def (")
    student.until("this is no Python in line 1")
    student.press("h")
    student.until("that sentence is all there is to say")
    student.press("z")
    student.until("'z' does nothing here")


@pytest.mark.parametrize("key", ["q", "\x03", "\x04"])
def test_it_ends_at_once_even_while_judging(learning, key):
    student = learning("linear")
    student.until("yours to write")
    student.save("linear", solved(exercise("linear")) + "\n\nwhile True:\n    pass\n")
    student.until("judging ...")
    student.press(key)
    assert student.terminal.ended() == 0


def test_the_last_save_counts_when_two_come_quickly(learning):
    student = learning("linear")
    student.until("yours to write")
    student.save("linear", solved(exercise("linear")) + "\nimport time; time.sleep(3)\nraise RuntimeError('first')\n")
    student.until("judging ...")
    student.save("linear", solved(exercise("linear")))
    assert "first" not in student.until("n opens the next exercise")


def test_without_a_terminal_it_prints_the_list_and_ends(tmp_path):
    command = [sys.executable, "-m", "scratchnn", "learn", str(tmp_path / "mine")]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=WAIT)
    assert done.returncode == 0
    assert "0 of 12 done" in done.stdout
    assert "scratchnn learn --check NAME" in done.stdout
