"""The statement that can make everything right is found by pushing, whatever its names; and what it must write."""

import ast
import time

import numpy as np
import pytest

from scratchnn.bench.doctor import styles
from scratchnn.check.diagnose import probing
from scratchnn.check.localise.pushes.reach import Reach
from scratchnn.check.localise.source.limit import TooLong, limited
from scratchnn.check.localise.source.stage import Passes, Stage
from scratchnn.check.localise.source.statements import statements
from scratchnn.check.student import complete, load
from scratchnn.check.subjects import select


def reach_of(text, op, subject):
    student = load(text, op)
    stage = Stage(student, complete(student))
    passes = Passes(select(subject)[0], 0)
    passes.gradients(stage.plain().backend)
    truth = probing.answer(probing.Probe(passes.subject, 0))
    return Reach(stage, statements(stage.tree), passes, truth, time.process_time() + 60)


def line_of(text, part):
    assert text.count(part) == 1
    return text[: text.index(part)].count("\n") + 1


@pytest.mark.parametrize(
    ("style", "name", "old", "new"),
    [
        ("gates", "lstm", "err_cell = from_right_c + err", "err_cell = err"),
        ("gates", "gru", "err = d_hidden[step] + from_right", "err = d_hidden[step - 1] + from_right"),
        ("whole", "rnn", "kept = D[t] @ U.T", "kept = 0 * D[t] @ U.T"),
        ("objects", "lstm", "self.dc0 = dc * f", "self.dc0 = dc * i"),
    ],
)
def test_a_wrong_statement_is_reached_and_what_it_should_write_is_what_right_code_writes(style, name, old, new):
    right = styles.source(style, name)
    line, subject = line_of(right, old), "rnn.tanh" if name == "rnn" else f"{name}.plain"
    reach = reach_of(right.replace(old, new), name, subject)
    here = [one for one in reach.all() if one.site.statement.line == line]
    assert len(here) == 1
    untouched = reach_of(right, name, subject)
    theirs = [key for key in untouched.order if untouched.sites[key.number].statement.line == line]
    assert here[0].sure.all()
    for wanted, written in zip(here[0].wanted, untouched.written[theirs[0]], strict=True):
        assert np.allclose(wanted, written, rtol=1e-8, atol=1e-10)


def test_what_cannot_be_the_cause_is_not_reached():
    right = styles.source("gates", "lstm")
    wrong = right.replace("d_o = err * squashed[step]", "d_o = err * cell[step + 1]")
    lines = {one.site.statement.line for one in reach_of(wrong, "lstm", "lstm.plain").all()}
    assert lines == {line_of(right, "d_o = err * squashed[step]")}


def test_right_code_has_nothing_to_reach():
    reach = reach_of(styles.source("whole", "gru"), "gru", "gru.plain")
    assert np.allclose(reach.base, reach.goal, rtol=0, atol=1e-12)


def endless():
    with limited(0.05):
        while True:
            pass


def test_a_run_that_does_not_end_is_broken_off():
    with pytest.raises(TooLong):
        endless()


def test_a_loop_over_the_list_that_it_lengthens_ends():
    text = "def f(rows):\n    made = [1]\n    for row in rows:\n        made.append(row)\n    return made\n"
    tree = ast.parse(text)
    loop = next(one for one in statements(tree) if isinstance(one.node, ast.For))
    loop.body[loop.index] = loop.parsed("for row in made:")[0]
    space = {}
    exec(compile(ast.fix_missing_locations(tree), "<test>", "exec"), space)
    with limited(1.0):
        assert space["f"]([5, 6]) == [1, 1]
