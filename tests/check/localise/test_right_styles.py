"""Right code has no wrong line, in whatever style it is written; a mistake has one, without a list of mistakes."""

import pytest

from scratchnn.bench.doctor import cases, styles
from scratchnn.check.catalogue import planting
from scratchnn.check.diagnose import subjects_of
from scratchnn.check.localise import localise
from scratchnn.check.student import complete, load
from scratchnn.check.student.adapt import NotCovered, narrowed
from scratchnn.check.student.adapt.discover import compared
from scratchnn.check.subjects import select

RIGHT = cases.right()


@pytest.mark.parametrize("case", RIGHT, ids=[f"{k}-{one.name}" for k, one in enumerate(RIGHT)])
def test_right_code_has_no_wrong_line(case):
    student = load(case.source, case.op)
    backend = complete(student)
    subjects = [narrowed(subject, backend.adapter) for subject in subjects_of(case.op)]
    for subject in subjects:
        try:
            if compared(subject, backend, 0, backend.right):
                continue
        except (NotCovered, TypeError):  # a variant that this code does not take
            continue
        answer = localise(student, backend, subject)
        assert not answer.faults, str(answer)
        assert not answer.suspects
        return
    pytest.fail("none of the variants could be judged")


@pytest.mark.parametrize(
    ("style", "name", "old", "new", "subject", "certain"),
    [
        ("whole", "lstm", "through = G[3] * (1 - Q**2)", "through = G[3]", "lstm.plain", True),
        ("gates", "gru", "from_right = err * (1 - update[step])", "from_right = err", "gru.plain", True),
        ("objects", "lstm", "self.dc0 = dc * f", "self.dc0 = dc", "lstm.plain", True),
        ("torch", "rnn", "grad_weight_hh += ", "grad_weight_hh = ", "rnn.tanh", True),
        ("whole", "rnn", "range(T - 1, -1, -1)", "range(T - 1, 0, -1)", "rnn.tanh", True),
        (
            "gates",
            "softmax",
            "row * (d_row - total)",
            "row * (1 - row) * d_row",
            "softmax.plain",
            False,
        ),  # built anew
    ],
)
def test_the_line_of_a_mistake_is_named_whatever_the_names(style, name, old, new, subject, certain):
    text = styles.source(style, name)
    assert text.count(old) == 1
    student = load(text.replace(old, new), name)
    answer = localise(student, complete(student), select(subject)[0], seconds=20)
    assert [fault.line for fault in answer.faults] == [text[: text.index(old)].count("\n") + 1], str(answer)
    assert answer.certain is certain


def test_two_lines_are_named_where_no_single_one_makes_all_right():
    text = styles.source("gates", "lstm")
    wrong = text.replace("from_right_h = back_h", "from_right_h = np.zeros_like(prev)").replace(
        "d_o = err * squashed[step]", "d_o = err * cell[step + 1]"
    )
    student = load(wrong, "lstm")
    answer = localise(student, complete(student), select("lstm.plain")[0], seconds=20)
    lines = {wrong[: wrong.index(part)].count("\n") + 1 for part in ("from_right_h = np.zeros_like(prev)", "d_o = ")}
    assert {fault.line for fault in answer.faults} == lines


@pytest.mark.parametrize(
    ("bug", "subject", "text", "after"),
    [
        ("lstm-c-cached-as-s", "lstm.plain", "s[t] = ", "nodes.s)"),
        ("gru-z-buffer-reused", "gru.plain", "z[:]", "z[t]"),
    ],
)
def test_what_the_forward_keeps_can_be_the_wrong_line(bug, subject, text, after):
    known = planting.bug(bug)
    op = planting.room_of(known)
    student = load(planting.source(known), op)
    answer = localise(student, complete(student), select(subject)[0], seconds=20)
    assert len(answer.faults) == 1
    assert answer.certain
    assert text in answer.faults[0].text
    assert after in answer.faults[0].edit.after


@pytest.mark.parametrize(
    ("style", "name", "part", "subject"),
    [
        ("torch", "rnn", "        grad_bias += grad_pre.sum(axis=0)\n", "rnn.tanh"),
        ("objects", "lstm", "            self.dW += hx.T @ da\n", "lstm.plain"),
    ],
)
def test_a_missing_sum_is_named_by_the_line_after_which_it_belongs(style, name, part, subject):
    text = styles.source(style, name)
    assert text.count(part) == 1
    student = load(text.replace(part, ""), name)
    answer = localise(student, complete(student), select(subject)[0], seconds=20)
    assert answer.certain
    assert answer.faults[0].edit.after == part.strip()
    assert answer.faults[0].line in (text[: text.index(part)].count("\n"), text[: text.index(part)].count("\n") + 1)
    assert "missing" in answer.faults[0].text
