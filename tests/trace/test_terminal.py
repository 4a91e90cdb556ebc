"""The terminal's view without a terminal: numbers in equations, keys, screens of any size."""

import re
from dataclasses import replace

import numpy as np
import pytest

from scratchnn.trace import record
from scratchnn.trace.terminal import Position, Story, draw, press, whole
from scratchnn.trace.terminal.keys import KEYS, chosen
from scratchnn.trace.terminal.rows import cell, row
from scratchnn.trace.terminal.screen import as_text
from scratchnn.trace.terminal.substitute import part_of
from scratchnn.trace.terminal.words import HELP, PLAIN
from scratchnn.trace.terminal.written import FUNCTIONS

SIZES = {"T": 3, "B": 2, "D": 3, "H": 4, "seed": 7}
BUG = "lstm-dc-next-dropped"
RUNS = {
    **{op: {"what": op, **SIZES} for op in ("lstm", "gru", "rnn", "model")},
    **{score: {"what": "attention", "score": score, "seed": 7} for score in ("scaled_dot", "general", "additive")},
}
SEEN = {}


def story_of(name):
    if name not in SEEN:
        SEEN[name] = Story(record(**RUNS[name]))
    return SEEN[name]


@pytest.fixture(scope="module")
def planted():
    return Story(record("lstm", **SIZES, plant=BUG), record("lstm", **SIZES))


def keys(at, story, *pressed, bugs=()):
    for key in pressed:
        at = press(at, key, story, bugs)
    return at


def calculated(text):
    """Calculate what stands on the screen, as a student with a pocket calculator would."""
    assert not re.search(r"[A-DF-Za-df-z]", re.sub("|".join(FUNCTIONS), "", text)), text
    return float(eval(text, {"__builtins__": {}}, dict(FUNCTIONS)))


@pytest.mark.parametrize("name", RUNS)
def test_the_numbers_in_an_equation_give_the_recorded_value(name):
    """Every entry of every event: the written expression, calculated from its four digits, against the JSON's."""
    story, read = story_of(name), 0
    for event in story.events:
        found = story.in_numbers(event.n)
        if found is None:
            continue
        part, axes = found.part, found.axes
        assert found.other is None, f"{event.node}: the equation gives another number than the right code"
        made = story.value(event.n) if event.kind == "set" else story.addends(event.n)[-1][1]
        scale = np.abs(made).max()
        for index in list(np.ndindex(made.shape))[:6]:
            text = part.write(dict(zip(axes, index, strict=True)), 1000)
            assert calculated(text.replace("(not to be seen)", "")) == pytest.approx(
                made[index], abs=2e-2 * scale + 1e-3
            ), f"{event.node} {index}: {text}"
        read += 1
    assert read >= (0.8 if name != "model" else 0.85) * len(story.events)


@pytest.mark.parametrize("name", ["lstm", "rnn", "scaled_dot", "general", "additive"])
def test_every_equation_of_these_takes_numbers(name):
    story = story_of(name)
    assert [event.node for event in story.events if story.in_numbers(event.n) is None] == []


def test_numbers_are_not_shown_where_they_would_not_give_the_value():
    """A recorded value that the equation does not give: no expression is claimed to equal it."""
    story = Story(record("lstm", **SIZES))
    event = next(one for one in story.events if one.node == "c_t")
    story.trace.arrays = list(story.trace.arrays)
    story.trace.arrays[event.value] = story.trace.arrays[event.value] + 0.01
    assert story.in_numbers(event.n) is None


def test_a_wrong_line_is_held_against_its_equation():
    story = Story(record("lstm", **SIZES, plant="lstm-i-sigmoid-for-slope"))
    n = next(event.n for event in story.events if event.node == "da_i")
    text, _, _, other = story.in_numbers(n)
    assert text == story.events[n].text
    di, i = (story.array(one["array"]) for one in story.events[n].inputs[:2])
    np.testing.assert_allclose(other, di * i * (1 - i), rtol=1e-12)
    screen = "\n".join(as_text(draw(Position(n=n, numbers=True), story, 80, 24)))
    assert f"but the equation says {other[0, 0]:.4g}" in screen


@pytest.mark.parametrize(
    "text", ["import os", "__import__('os')", "a.b.c()", "[x for x in a]", "a[0]", "a @", "b + c"]
)
def test_what_is_not_plain_mathematics_is_left_alone(text):
    assert part_of(text, {"a": (np.ones((2, 2)), ("B", "H"))}) is None


def test_minus_signs_and_brackets_are_kept():
    leaves = {"a": (np.array([-0.5]), ("H",)), "b": (np.array([-2.0]), ("H",))}
    for text in ("a - (b - a)", "a**2", "-a * b", "a / (b * b)", "1 - a**2", "a - b"):
        part = part_of(text, leaves)
        assert calculated(part.write({"H": 0}, 9)) == pytest.approx(float(part.value[0])), text


def test_the_sum_so_far_ends_in_the_gradient():
    story = story_of("lstm")
    for gradient in story.trace.gradients:
        last = [event.n for event in story.events if event.of == gradient["name"] and event.kind == "add"]
        if last:
            total = sum(addend for _, addend in story.addends(last[-1]))
            np.testing.assert_allclose(total, story.array(gradient["array"]), rtol=1e-12)
            assert len(story.addends(last[-1])) == SIZES["T"]
            np.testing.assert_allclose(story.value(last[0]), story.addends(last[0])[0][1])


@pytest.mark.parametrize("name", RUNS)
def test_every_screen_fits_every_window(name):
    story = story_of(name)
    for width, height in ((80, 24), (40, 12), (132, 50), (1, 1), (20, 3)):
        for n in range(0, len(story.events), 5):
            for at in (Position(n=n), Position(n=n, numbers=True, proof=True), Position(n=n, predict=True, unit=9)):
                lines = as_text(draw(at, story, width, height))
                assert len(lines) <= height
                assert max(map(len, lines)) <= width


@pytest.mark.parametrize("name", RUNS)
def test_in_80x24_value_equation_and_line_are_always_in_sight(name):
    story = story_of(name)
    for event in story.events:
        screen = as_text(draw(Position(n=event.n, numbers=True), story, 80, 24))
        assert any(line.startswith("= ") for line in screen)
        assert any(story.place(event.n) in line for line in screen)
        assert screen[-1].endswith("q quit")


def test_a_wider_window_shows_more_numbers():
    story = Story(record("lstm", T=1, B=1, D=2, H=9, seed=7))
    narrow, wide = (as_text(draw(Position(n=1), story, width, 24)) for width in (80, 140))
    narrow, wide = (next(line for line in lines if line.startswith("= ")) for lines in (narrow, wide))
    assert narrow.endswith("…")
    assert "…" not in wide
    assert all(cell(number) in wide for number in story.value(1)[0])


def test_the_chosen_unit_stays_in_sight_when_a_row_is_cut():
    array = np.arange(40.0).reshape(1, 40)
    for unit in range(40):
        text = row("a", array, (0, unit), 60)
        assert re.search(rf"\[ *{re.escape(cell(unit))}\]", text)
        assert len(text) <= 60


def test_numbers_that_are_no_numbers_are_written():
    assert [cell(x) for x in (np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-5, 123456.0)] == [
        "nan", "inf", "-inf", "0", "0", "1.0e-05", "1.2e+05",
    ]  # fmt: skip


def test_the_help_fits_one_screen_and_names_every_key():
    assert len(HELP.splitlines()) <= 24
    assert max(map(len, HELP.splitlines())) <= 80
    for key in KEYS:
        name = {" ": "space", "pagedown": "PgDn", "pageup": "PgUp", "escape": "Esc"}.get(key, key)
        assert re.search(rf"(?<!\w){re.escape(name)}(?!\w)", HELP, re.I if len(name) > 1 else 0), key


def test_ascii_screens_hold_ascii_only():
    story = story_of("lstm")
    for n in range(len(story.events)):
        for line in as_text(draw(Position(n=n, numbers=True, proof=n % 2 == 0), story, 80, 24, PLAIN)):
            assert line.isascii(), line


def test_time_moves_with_the_node_and_turns_round():
    story = story_of("lstm")
    at = Position(n=next(event.n for event in story.events if event.node == "c_t"))
    seen = []
    for _ in range(4):
        event = story.events[at.n]
        seen.append((event.phase, event.t, event.node))
        at = press(at, "down", story)
    assert seen == [("forward", 0, "c_t"), ("forward", 1, "c_t"), ("forward", 2, "c_t"), ("backward", 2, "dh_t")]
    assert press(press(at, "up", story), "down", story).n == at.n


def test_the_walk_visits_every_event_and_stops_at_both_ends():
    story = story_of("rnn")
    at, visited = Position(), []
    while not visited or at.n != visited[-1]:
        visited.append(at.n)
        at = press(at, "right", story)
    assert visited == list(range(len(story.events)))
    assert "last" in at.message
    assert "first" in press(Position(), "left", story).message


def test_phases_gates_names_and_search():
    story = story_of("lstm")
    back = press(Position(), "p", story)
    assert story.events[back.n].phase == "backward"
    assert story.events[back.n - 1].phase == "forward"
    assert press(back, "P", story).n == 0
    first = press(Position(), "g", story)
    again = press(first, "g", story)
    assert (story.events[first.n].gate, story.events[again.n].gate) == ("i", "i")
    assert again.n > first.n
    assert all(event.gate != "i" for event in story.events[first.n + 1 : again.n])
    at = keys(Position(), story, "n", *"dc_t")
    assert story.events[press(at, "enter", story).n].node == "dc_t"
    assert keys(Position(), story, "n", *"dc_p", "tab").field == "dc_prev"
    found = keys(Position(), story, "/", *"tanh_slope", "enter")
    assert "tanh_slope" in story.events[found.n].text
    following = keys(found, story, "/", "enter")
    assert following.n > found.n
    assert "tanh_slope" in story.events[following.n].text
    assert keys(Position(), story, "n", *"nowhere", "enter").n == 0


def test_units_batches_and_rows_turn_and_come_back():
    story = story_of("lstm")
    n = next(event.n for event in story.events if event.node == "dW_h")
    for key, back, turns in (("u", "U", 16), ("r", "R", 4)):
        at, seen = Position(n=n), set()
        for _ in range(turns):
            seen.add(chosen(at, story)[0])
            at = press(at, key, story)
        assert len(seen) == turns
        assert chosen(at, story) == chosen(Position(n=n), story)
        assert press(press(at, key, story), back, story) == replace(at, message="")
    assert chosen(press(Position(n=5), "b", story), story)[0] == (1, 0)
    assert press(Position(n=5), "r", story).message


@pytest.mark.parametrize(("factor", "right"), [(1, True), (1.009, True), (1.03, False), (-1, False), (0, False)])
def test_a_prediction_is_judged_with_one_per_cent(factor, right):
    story = story_of("lstm")
    n = next(e.n for e in story.events if 0.1 < abs(chosen(Position(n=e.n), story)[1]) < 1)
    _, true = chosen(Position(n=n), story)
    at = press(Position(n=n), "m", story)
    hidden = "\n".join(as_text(draw(at, story, 80, 24)))
    assert cell(true) not in hidden
    at = keys(at, story, *f"{true * factor:.8f}", "enter")
    assert at.message.startswith("right" if right else "wrong")
    assert (at.right, at.answered) == (int(right), {n})
    assert cell(true) in "\n".join(as_text(draw(at, story, 80, 24)))
    assert keys(at, story, *"1", "enter").right == int(right), "a shown number scores no second time"


def test_no_hidden_number_is_told_by_another_key():
    story = story_of("lstm")
    for n, event in enumerate(story.events):
        at = press(Position(n=n), "m", story)
        inputs = {cell(x) for one in event.inputs for x in np.ravel(story.array(one["array"]))}
        for key in ("s", "v", "u", "escape"):
            text = "\n".join(as_text(draw(press(at, key, story), story, 100, 30)))
            told = {cell(x) for x in story.value(n).ravel()} - inputs - {"0"}
            shown = set(re.findall(r"-?\d[\d.e+-]*", text))
            assert not told & {one for one in shown if "." in one}, (event.node, key)


def test_what_is_no_number_is_said():
    story = story_of("lstm")
    at = keys(Position(), story, "m", *"1-2", "enter")
    assert "no number" in at.message
    assert not at.answered


def test_the_first_line_that_differs_is_the_planted_one(planted):
    at = press(Position(), "d", planted)
    event, bug = planted.events[at.n], planted.trace.planted
    assert (event.node, event.function, event.line) == ("dc_t", bug["function"], bug["line"])
    assert all(np.allclose(planted.value(n), planted.right_value(n)) for n in range(at.n))
    text = "\n".join(as_text(draw(at, planted, 80, 24)))
    assert cell(planted.right_value(at.n)[0, 0]) in text
    assert cell(planted.value(at.n)[0, 0]) in text
    assert "WRONG" in text
    assert "dc_next" in next(line for line in text.splitlines() if "the right line" in line)


def test_without_the_right_run_the_first_red_check_is_found():
    story = Story(record("lstm", **SIZES, plant=BUG))
    assert story.events[press(Position(), "d", story).n].node == "dc_t"
    assert "every check passes" in press(Position(), "d", story_of("lstm")).message


def test_the_list_of_bugs_is_searched_and_chosen_from():
    story, bugs = story_of("lstm"), [("lstm-a", "dc is lost"), ("lstm-b", "a mean"), ("lstm-c", "dh is lost")]
    at = keys(Position(), story, "x", *"lost", "down", bugs=bugs)
    assert "> lstm-c" in "\n".join(as_text(draw(at, story, 80, 24, bugs=bugs)))
    assert keys(at, story, "enter", bugs=bugs).wants == ("plant", "lstm-c")
    assert keys(Position(), story, "x", "enter", bugs=bugs).wants == ("plant", None)
    assert keys(at, story, "escape", bugs=bugs).mode == "walk"
    assert not keys(Position(), story, "x", *"zzz", "enter", bugs=bugs).wants


@pytest.mark.parametrize("name", RUNS)
def test_the_text_holds_every_event_and_every_value(name):
    story = story_of(name)
    text = "\n".join(whole(story))
    blocks = re.split(r"\n(?=\[\d+/)", text)[1:]
    assert len(blocks) == len(story.events)
    for event, block in zip(story.events, blocks, strict=True):
        assert event.text in block
        numbers = set(re.findall(r"\S+", block))
        assert {cell(x) for x in np.ravel(story.value(event.n))} <= numbers
        if event.check is not None:
            assert event.check.method in block
    assert f"{len(story.events)} events" in blocks[-1]
    assert blocks[-1].endswith("0 wrong")


def test_control_characters_of_a_users_file_do_not_reach_the_terminal():
    story = Story(record("rnn", **SIZES))
    story.events[0].text = "h = '\x1b[2J\t'"
    for line in as_text(draw(Position(), story, 80, 24)):
        assert "\x1b" not in line
        assert "\t" not in line
