"""The first wrong line is found without a list of mistakes; certain only if an edit repairs everything."""

import dataclasses
from pathlib import Path

import pytest

from scratchnn import ops
from scratchnn.check import examine
from scratchnn.check.catalogue import planting
from scratchnn.check.diagnose import subjects_of
from scratchnn.check.localise import localise
from scratchnn.check.student import complete, load
from scratchnn.check.student.adapt import NotCovered, narrowed
from scratchnn.check.student.adapt.discover import compared
from scratchnn.check.subjects import select

STUDENTS = Path(__file__).parents[1] / "students"
SECONDS = 6.0


def found(text, op, subject):
    student = load(text, op)
    backend = complete(student)
    return localise(student, backend, select(subject)[0], others=subjects_of(op), seconds=SECONDS)


def reference_of(op):
    return ops.backend(getattr(ops, op), "reference")


def spoiled(name, old, new):
    text = (STUDENTS / name).read_text(encoding="utf-8")
    assert text.count(old) == 1
    line = text[: text.index(old)].count("\n") + 1
    return text.replace(old, new), line


@pytest.mark.parametrize(
    ("bug", "subject", "text", "after"),
    [
        ("lstm-dc-next-dropped", "lstm.plain", "dc_t = ds * tanh_slope(s)", "dc_next"),
        ("lstm-dW-h-assigned", "lstm.plain", "dW_h = nodes.h_prev.T @ da_t", "+="),
        (
            "lstm-blocks-f-first",
            "lstm.plain",
            "da_t = np.concatenate([da_f, da_i, da_g, da_o], axis=1)",
            "da_i, da_f",
        ),
        ("lstm-f-index-off", "lstm.plain", "", "cache.f[t]"),
        ("gru-dz-sign", "gru.plain", "dz = dh_t * (n - nodes.h_prev)", "nodes.h_prev - n"),
        ("gru-W-hn-not-transposed", "gru.plain", "", "W_hn.T"),
        ("rnn-loop-forward", "rnn.tanh", "for t in range(T):", "reversed"),
        ("linear-db-mean", "linear.bias", "", "sum"),
    ],
)
def test_the_planted_line_is_named_and_repaired(bug, subject, text, after):
    known = planting.bug(bug)
    op = planting.room_of(known)
    right, wrong = planting.source_of(op), planting.source(known)
    pairs = zip(right.splitlines(), wrong.splitlines(), strict=True)
    lines = [k for k, (one, other) in enumerate(pairs, 1) if one != other]
    answer = found(wrong, op, subject)
    assert answer.certain
    fault = answer.faults[0]
    assert any(fault.line <= line <= fault.line + 3 for line in lines), str(fault)
    assert text in fault.text
    assert after in fault.edit.after
    assert fault.expected != fault.got


@pytest.mark.parametrize(
    ("name", "old", "new", "subject"),
    [
        ("lists_lstm.py", "dc_t = dc_next + dh_t * o", "dc_t = dh_t * o", "lstm.plain"),
        ("lists_lstm.py", "dh_next = da @ W_h.T", "dh_next = 0 * dh_next", "lstm.plain"),
        ("step_lstm.py", "dc_next + dh_t * o", "dh_t * o", "lstm.plain"),
    ],
)
def test_in_other_styles_too(name, old, new, subject):
    text, line = spoiled(name, old, new)
    answer = found(text, subject.partition(".")[0], subject)
    assert answer.faults[0].line == line, str(answer)


def test_two_faults_are_listed_in_order():
    two = [planting.bug(name) for name in ("lstm-i-sigmoid-for-slope", "lstm-g-slope-missing")]
    answer = found(planting.source(*two), "lstm", "lstm.plain")
    assert [fault.text for fault in answer.faults] == ["da_i = di * i", "da_g = dg"]
    assert answer.certain


@pytest.mark.parametrize("path", sorted(STUDENTS.glob("*.py")), ids=lambda path: path.stem)
def test_right_code_has_no_wrong_line(path):
    student = load(path)
    backend = complete(student)
    subjects = [narrowed(subject, backend.adapter) for subject in subjects_of(student.op)]
    for subject in subjects:
        try:
            if compared(subject, backend, 0, backend.right):
                continue
        except NotCovered:
            continue
        answer = localise(student, backend, subject, ours=backend.right is reference_of(student.op))
        assert not answer.faults, str(answer)
        assert not answer.suspects
        return


def test_a_repair_of_one_seed_only_is_not_certain():
    """An edit that fits the numbers of a single draw is no explanation."""
    source = planting.source_of("lstm").replace("do = dh_t * s", "do = dh_t * (s if dh_t[0, 0] == 0 else s + 0.1)")
    answer = found(source, "lstm", "lstm.plain")
    assert answer.faults[0].text.startswith("do = ")


def test_an_examination_tells_the_line(tmp_path):
    text, line = spoiled("lists_lstm.py", "dc_next = dc_t * f", "dc_next = dc_t")
    file = tmp_path / "lists_lstm.py"
    file.write_text(text, encoding="utf-8")
    told = examine(file, hint=5, catalogue=False)
    assert told.status == 1
    assert not told.matches
    assert f"where: line {line}: dc_next = dc_t, t=2:" in str(told)
    assert "dc_next = dc_t * f" in str(told)
    where = told.as_dict()["localisation"]
    assert where["faults"][0]["line"] == line
    assert where["faults"][0]["edit"]["after"] == "dc_next = dc_t * f"
    held = dataclasses.replace(told, hint=2)
    assert "edit" not in held.as_dict()["localisation"]["faults"][0]
    assert "dc_t * f" not in str(held)
