"""The terminal through a pseudo-terminal: every key is pressed, the screen read, and held against the trace."""

import os
import re
import subprocess
import sys
import time

import pytest
from pseudo_terminal import WAIT, Terminal, pty

from scratchnn.trace import record
from scratchnn.trace.terminal import Position, Story
from scratchnn.trace.terminal.keys import KEYS, chosen
from scratchnn.trace.terminal.rows import cell

SIZES = {"T": 3, "B": 2, "D": 3, "H": 4, "seed": 7}
ARGUMENTS = [word for name, size in SIZES.items() for word in (f"--{name}", str(size))]
CUT = 30  # characters of a source line that surely stand in 80 columns; the rest may be cut by ...


@pytest.fixture
def open_terminal():
    opened = []

    def call(*arguments, **options):
        opened.append(Terminal("step", *arguments, **options))
        return opened[-1]

    yield call
    for terminal in opened:
        terminal.close()


@pytest.fixture(scope="module")
def story():
    return Story(record("lstm", **SIZES))


@pytest.fixture(scope="module")
def walking():
    terminal = Terminal("step", "lstm", *ARGUMENTS)
    terminal.until("1 of ", "q quit")
    yield terminal
    terminal.close()


@pytest.fixture
def terminal(walking):
    """The terminal at its first equation, nothing open, symbols shown."""
    walking.press("escape")
    time.sleep(0.2)
    walking.press("home")
    walking.until(" 1 of ", "FORWARD t=0  a_t")
    return walking


def number_of(n, story):
    return f" {n + 1} of {len(story.events)}"


def value_row(text):
    return next((line for line in text.splitlines() if line.startswith("= ")), "")


def shown(text):
    return re.findall(r"-?\d+\.\d+(?:e[+-]\d+)?", value_row(text).split(")", 1)[1])


def test_right_walks_through_every_equation_with_the_traces_numbers(terminal, story):
    for event in story.events:
        value = story.value(event.n)
        wanted = [cell(one) for one in value[(0,) * (value.ndim - 1)][:4]]
        where = f"{event.phase.upper()} t={event.t}  {event.node}", event.text[:CUT]
        text = terminal.until(number_of(event.n, story), *where, *wanted, quiet=0.03)
        assert f"equation ({event.equation})" in text
        assert f"reference.py:{event.line}" in text
        assert shown(text)[: len(wanted)] == [one for one in wanted if "." in one]
        assert ("✓ checked" in text) == (event.phase == "backward")
        terminal.press("right")
    terminal.until("this is the last equation")


@pytest.mark.parametrize("forward", ["right", " ", "enter"])
@pytest.mark.parametrize("back", ["left", "backspace"])
def test_steps_of_one_equation(terminal, story, forward, back):
    terminal.press(forward)
    terminal.until(number_of(1, story))
    terminal.press(forward)
    terminal.until(number_of(2, story))
    terminal.press(back)
    terminal.until(number_of(1, story))


@pytest.mark.parametrize(("later", "earlier"), [("down", "up"), ("pagedown", "pageup")])
def test_steps_in_time(terminal, story, later, earlier):
    terminal.until("[0]")
    terminal.press(later)
    assert "a_t" in terminal.until("FORWARD t=1", "[1]")
    terminal.press(later, later)
    terminal.until("BACKWARD t=2", "[2]")
    terminal.press(earlier)
    terminal.until("FORWARD t=2")


def test_ends_phases_gates(terminal, story):
    terminal.press("end")
    terminal.until(number_of(len(story.events) - 1, story))
    terminal.press("P")
    terminal.until("BACKWARD t=2  dh_t")
    terminal.press("P")
    terminal.until("FORWARD t=0  a_t")
    terminal.press("p")
    terminal.until("BACKWARD t=2  dh_t")
    terminal.press("home", "g")
    terminal.until("FORWARD t=0  i  input gate", "gate i")
    terminal.press("g")
    terminal.until("FORWARD t=1  i  input gate")


def test_a_node_by_its_name(terminal):
    terminal.press("n", *"dc_")
    terminal.until("node: dc__", "dc_prev dc_t")
    terminal.press("p", "tab")
    terminal.until("node: dc_prev_")
    terminal.press("backspace", "escape")
    terminal.until("FORWARD t=0  a_t", "q quit")
    terminal.press("n", *"dc_t", "enter")
    terminal.until("BACKWARD t=2  dc_t")


def test_search(terminal):
    terminal.press("/", *"sigmoid_slope(f)")
    terminal.until("search: sigmoid_slope(f)_")
    terminal.press("enter")
    terminal.until("BACKWARD t=2  da_f")
    terminal.press("/", "enter")
    terminal.until("BACKWARD t=1  da_f")


def test_symbols_and_numbers_unit_batch_and_row(terminal, story):
    n = next(event.n for event in story.events if event.node == "c_t")
    terminal.press("n", *"c_t", "enter", "s")
    f, before, i, g = (story.array(one["array"]) for one in story.events[n].inputs)
    for index, keys in (((0, 0), ""), ((0, 1), "u"), ((1, 1), "b"), ((1, 0), "U"), ((0, 0), "B")):
        terminal.press(*keys)
        text = terminal.until(f"c_t[{index[0]},{index[1]}] = ")
        said = next(line for line in text.splitlines() if f"c_t[{index[0]},{index[1]}] = " in line)
        for one in (f, before, i, g):
            assert f"{one[index]:.4g}" in said
        assert f"= {story.value(n)[index]:.4g}" in text
        assert f"[{cell(story.value(n)[index]):>8}]" in value_row(text)
    terminal.press("s", "n", *"dW_h", "enter")
    terminal.until("sum dW_h[0,:]")
    terminal.press("r")
    terminal.until("sum dW_h[1,:]")
    terminal.press("R")
    terminal.until("sum dW_h[0,:]")


def test_verify_shows_how_and_the_true_value(terminal, story):
    n = next(event.n for event in story.events if event.node == "dc_t")
    check = story.events[n].check
    terminal.press("n", *"dc_t", "enter", "v")
    text = terminal.until("how: complex step through the forward, perturbing c_t at t=2")
    true = next(line for line in text.splitlines() if "true[0,:]" in line)
    assert cell(story.array(check.true)[0, 0]) in true
    assert f"{check.error:.1e}" in text
    terminal.press("v")
    terminal.until("dc_t[0,0] is the sum of")
    terminal.press("home", "v")
    terminal.until("no independent value is known")


def test_the_addends_of_a_gradient(terminal, story):
    last = max(event.n for event in story.events if event.node == "dW_h")
    terminal.press("end", "left")
    text = terminal.until(number_of(last, story), "dW_h[0,0] is the sum of")
    for label, addend in story.addends(last):
        line = next(line for line in text.splitlines() if line.strip().startswith(f"{label} "))
        assert cell(addend[0, 0]) in line


def test_help_fits_and_goes_away(terminal):
    terminal.press("?")
    text = terminal.until("WALK", "PREDICT", "BREAK IT", "Any key goes back")
    assert "…" not in text
    terminal.press("z")
    terminal.until("q quit", "FORWARD t=0  a_t")
    terminal.press("z")
    terminal.until("'z' does nothing here")


def test_predict_right_and_wrong(open_terminal, story):
    terminal = open_terminal("lstm", *ARGUMENTS)
    terminal.until("q quit")
    terminal.press("m")
    text = terminal.until("predict mode: type the number")
    assert re.search(r"= a_t\[0,:\] \(2,16\) +\[ +\?\]", text)
    _, true = chosen(Position(n=0), story)
    terminal.press(*f"{true:.4f}")
    terminal.until(f"your number: {true:.4f}_")
    terminal.press("backspace", "enter")
    terminal.until(f"right: it is {cell(true)}", "1 of 1 right")
    terminal.press("right")
    _, true = chosen(Position(n=1), story)
    terminal.until(number_of(1, story))
    terminal.press(*f"{true + 0.2:.4f}", "enter")
    terminal.until(f"wrong: it is {cell(true)}", "1 of 2 right")
    terminal.press("m")
    terminal.until("predict mode off; 1 of 2 right")


def test_plant_a_bug_and_walk_to_the_first_line_that_differs(open_terminal):
    terminal = open_terminal("lstm", *ARGUMENTS)
    terminal.until("q quit")
    terminal.press("d")
    terminal.until("every check passes")
    terminal.press("x", *"dc_t without")
    terminal.until("lstm-dc-next-dropped")
    terminal.press("down", "up", "enter")
    terminal.until("PLANTED: dc_t without dc_next", "planted; d goes to")
    terminal.press("d")
    wrong = Story(record("lstm", **SIZES, plant="lstm-dc-next-dropped"), record("lstm", **SIZES))
    text = terminal.until("BACKWARD t=2  dc_t", "WRONG", "the right line")
    n = wrong.parting()[0]
    assert cell(wrong.value(n)[0, 0]) in value_row(text)
    assert cell(wrong.right_value(n)[0, 0]) in next(line for line in text.splitlines() if "right[0,:]" in line)
    terminal.press("left")
    terminal.until("the right run has the same")
    terminal.press("x", "enter")
    assert "PLANTED" not in terminal.until("the right code again")


def test_resizing(open_terminal):
    terminal = open_terminal("lstm", *ARGUMENTS)
    terminal.until("q quit")
    narrow = value_row(terminal.text())
    terminal.resize(140, 30)
    until = time.monotonic() + WAIT
    while len(value_row(terminal.text())) <= len(narrow) and time.monotonic() < until:
        terminal.read(0.2)
    assert len(value_row(terminal.text())) > len(narrow)
    terminal.resize(40, 12)
    terminal.press("right")
    terminal.until("2 of ", "FORWARD t=0  i")
    terminal.resize(9, 3)
    terminal.press("right", "?", "q", "x", "escape")
    time.sleep(0.2)
    terminal.resize(80, 24)
    terminal.press("right")
    terminal.until("4 of ", "FORWARD t=0  g")


def test_no_colour_where_none_is_wanted(open_terminal):
    colours = re.compile(rb"\x1b\[[\d;]*(?:3\d|9\d|38;5;\d+)m")
    coloured = open_terminal("lstm", *ARGUMENTS)
    coloured.until("q quit")
    assert colours.search(coloured.raw)
    plain = open_terminal("lstm", *ARGUMENTS, NO_COLOR="1")
    plain.press("end")
    plain.until("checked", "[0]", "q quit")
    assert not colours.search(plain.raw)


def test_a_dumb_terminal_is_led_line_by_line(open_terminal, story):
    terminal = open_terminal("lstm", *ARGUMENTS, TERM="dumb", PYTHONIOENCODING="ascii", rows=60)
    terminal.until(" 1 of ", "key (Enter: next")
    terminal.press("\n")
    terminal.until(" 2 of ")
    terminal.press("n\n", "dc_t\n")
    terminal.until("BACKWARD t=2  dc_t", "ok checked")
    terminal.press("q\n")
    assert terminal.ended() == 0
    assert b"\x1b" not in terminal.raw
    assert terminal.raw.isascii()


@pytest.mark.parametrize("name", ["xterm", "dumb"])
def test_the_end_of_the_input_ends_the_walk(open_terminal, name):
    terminal = open_terminal("rnn", "--T", "1", TERM=name)
    terminal.until(" 1 of ")
    if name == "dumb":
        terminal.press("\x04")
        assert terminal.ended() == 0
        return
    os.close(terminal.master)
    terminal.master = os.open(os.devnull, os.O_RDONLY)
    assert terminal.program.wait(WAIT) is not None


@pytest.mark.parametrize("key", ["q", "\x03"])
def test_q_and_control_c_end_it_and_leave_the_screen_as_it_was(open_terminal, key):
    terminal = open_terminal("rnn", "--T", "1")
    terminal.until("q quit")
    terminal.press(key)
    assert terminal.ended() == 0
    assert terminal.raw.count(b"\x1b[?1049h") == terminal.raw.count(b"\x1b[?1049l") == 1


def test_without_a_terminal_on_one_side_the_text_is_printed():
    master, slave = pty.openpty()
    command = [sys.executable, "-m", "scratchnn", "step", "rnn", "--T", "1"]
    done = subprocess.run(command, stdin=slave, capture_output=True, text=True, timeout=WAIT)
    os.close(master)
    os.close(slave)
    assert done.returncode == 0
    assert done.stdout.rstrip().endswith("0 wrong")


def test_every_key_of_the_table_is_pressed_here():
    with open(__file__, encoding="utf-8") as own:
        text = own.read()
    pressed = set(re.findall(r'"([^"\n]+)"', text.split("def open_terminal")[1])) | set("uUbB")
    assert set(KEYS) <= pressed
