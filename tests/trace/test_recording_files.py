"""A user's own file is recorded as it is."""

from pathlib import Path

import numpy as np
import pytest

from scratchnn.errors import InputError
from scratchnn.trace import record
from scratchnn.trace.terminal import Position, Story, press, whole

STUDENTS = Path(__file__).parents[1] / "check" / "students"
LISTS = (STUDENTS / "lists_lstm.py").read_text(encoding="utf-8")


def written(tmp_path, text, name="my_lstm.py"):
    (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path / name


def reds(trace):
    return [event for event in trace.events if event.check is not None and not event.check.passed]


@pytest.mark.parametrize("name", ["lists_lstm", "step_lstm", "own_attention", "torch_gru"])
def test_right_files_have_no_red_badge_and_green_gradients(name):
    trace = record(STUDENTS / f"{name}.py", T=3, B=2)
    assert not reds(trace)
    assert all(one["check"].passed for one in trace.gradients)
    assert sum(event.check is not None for event in trace.events) > 0


def test_events_stand_in_the_lines_of_the_file():
    path = STUDENTS / "lists_lstm.py"
    before = path.read_bytes()
    trace = record(path, T=3)
    assert path.read_bytes() == before
    lines = before.decode().splitlines()
    for event in trace.events:
        assert lines[event.line - 1].strip() == event.text
    assert {event.function for event in trace.events} == {"forward", "backward", "logistic"} - {"logistic"}
    assert [event.t for event in trace.events if event.node == "dc_t"] == [2, 1, 0]


def test_names_lead_to_equations_and_values_are_the_files():
    trace = record(STUDENTS / "lists_lstm.py", T=3)
    numbers = {event.node: event.equation for event in trace.events if event.phase == "backward"}
    assert (numbers["dh_t"], numbers["dc_t"], numbers["dx"], numbers["dW_h"]) == (9, 12, 22, 25)
    assert numbers["dh_next"] is None
    assert trace.title.startswith("lists_lstm.py: LSTM")  # no folder: a trace may be passed on
    right = record("lstm", T=3)  # the same seed: the same problem
    for t in range(3):
        for node in ("dh_t", "dc_t"):
            mine, ours = (one.array(one.find(node, t).value) for one in (trace, right))
            np.testing.assert_allclose(mine, ours, rtol=1e-12)
    for mine, ours in zip(trace.gradients, right.gradients, strict=True):
        np.testing.assert_allclose(trace.array(mine["array"]), right.array(ours["array"]), rtol=1e-12)


@pytest.mark.parametrize(
    ("old", "new", "node", "t"),
    [
        ("dc_t = dc_next + dh_t * o", "dc_t = dc_next + dh_t", "dc_t", 2),
        ("da_f = dc_t * c_prev * f", "da_f = dc_t * c_prev", "da_f", 2),
        ("dx[t] = da @ W_x.T", "dx[t] = 2 * da @ W_x.T", "dx", 2),
    ],
)
def test_a_wrong_line_is_the_first_red_one(tmp_path, old, new, node, t):
    assert LISTS.count(old) == 1
    path = written(tmp_path, LISTS.replace(old, new))
    trace = record(path, T=3, B=2)
    first = reds(trace)[0] if reds(trace) else None
    wrong = {one["name"] for one in trace.gradients if not one["check"].passed}
    assert wrong
    if node == "da_f":  # a_f has no name in this forward, so no true value is known for it
        assert first is None or first.line >= trace.find(node, t).line
        return
    assert (first.node, first.t) == (node, t)
    assert new in path.read_text().splitlines()[first.line - 1]


def test_a_name_that_holds_another_nodes_gradient_is_no_mistake(tmp_path):
    text = LISTS.replace("da_o", "do").replace("i, f, o = logistic(a[:, :H])", "i, f, o = logistic(a[:, :H])")
    trace = record(written(tmp_path, text), T=3)
    assert not reds(trace)
    check = trace.find("do", 1).check
    assert check.passed
    assert "perturbing a at t=1" in check.method


HELPERS = '''"""An LSTM with a helper, and no way back."""
import numpy as np


def squash(z):
    return 1 / (1 + np.exp(-z))


def forward(x, h0, c0, params):
    h, c, kept = h0, c0, []
    for t in range(len(x)):
        a = x[t] @ params.W_x + h @ params.W_h + params.b
        a_i, a_f, a_g, a_o = np.split(a, 4, axis=1)
        i, f, g, o = squash(a_i), squash(a_f), np.tanh(a_g), squash(a_o)
        c = f * c + i * g
        h = o * np.tanh(c)
        kept.append(h)
    return np.array(kept), c, kept
'''


def test_a_forward_alone_is_walked_through_and_what_a_helper_makes_is_shown(tmp_path):
    trace = record(written(tmp_path, HELPERS), T=2)
    at_0 = [event for event in trace.events if event.t == 0]
    assert [event.node for event in at_0] == ["a", "i", "f", "g", "o", "c", "h"]
    made = {one["name"]: one["event"] for one in at_0[5].inputs}
    assert (made["f"], made["i"], made["g"]) == (2, 1, 3)
    assert all(event.phase == "forward" for event in trace.events)
    assert trace.gradients == []
    assert "no backward pass" in "\n".join(whole(Story(trace))).splitlines()[-1]
    assert "no backward pass" in press(Position(), "d", Story(trace)).message


def test_only_a_backward_or_a_step_is_enough():
    trace = record(STUDENTS / "step_lstm.py", T=3)
    mine = [event for event in trace.events if event.function == "step_backward"]
    assert {event.line for event in mine} <= set(range(7, 15))
    assert trace.find("dh_t", 1).function == "backward"  # ours
    assert trace.find("dh_t", 1).check.passed


def test_a_forward_that_loses_imaginary_parts_is_recorded_without_checks(tmp_path):
    text = LISTS.replace("c = f * cs[-1] + i * g", "c = (f * cs[-1] + i * g).real")
    trace = record(written(tmp_path, text), T=2)
    assert trace.find("dc_t", 1).value is not None
    assert all(event.check is None for event in trace.events)
    assert all(one["check"] is None for one in trace.gradients)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def forward(x, h0, c0, params)\n    pass\n", "is no Python in line 1"),
        (LISTS.replace("dc_t = dc_next +", "dc_t = dc_nxt +"), "in line 34: NameError: name 'dc_nxt' is not defined"),
        (LISTS.replace("return hs, cs, kept", "return None"), "my_lstm.py: TypeError: forward returned NoneType"),
        ("import no_such_module\n" + LISTS, "in line 1: ModuleNotFoundError"),
    ],
)
def test_a_broken_file_gets_one_sentence(tmp_path, text, said):
    with pytest.raises(InputError) as caught:
        record(written(tmp_path, text))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_of_another_op_or_with_a_planted_mistake_is_refused(tmp_path):
    with pytest.raises(InputError, match="is linear, expected one of lstm"):
        record(written(tmp_path, "def forward(x, params):\n    return x\n", "my_linear.py"))
    with pytest.raises(InputError, match="not in a file"):
        record(STUDENTS / "lists_lstm.py", plant="lstm-do-with-c")
