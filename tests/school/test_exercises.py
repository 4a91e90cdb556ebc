"""Every exercise: the stub fails, the answer book passes, each mistake that can be made there is named."""

import ast
import re

import numpy as np
import pytest

from scratchnn.check.catalogue import planting
from scratchnn.check.diagnose import diagnose
from scratchnn.check.student import Limits, complete, load
from scratchnn.school import exercise, exercises
from scratchnn.school.kinds.coded import Coded
from scratchnn.school.kinds.derive import Derive
from scratchnn.school.kinds.fill_in import FillIn
from scratchnn.school.kinds.hunt import Hunt
from scratchnn.school.kinds.parsons import Parsons
from scratchnn.school.kinds.predict import Predict
from scratchnn.school.kinds.typed import Typed
from scratchnn.school.verdict import FORMULA, LINES, NUMBERS, PUZZLE, QUESTION, WHERE

from .conftest import right_of, solved, with_source

LIMITS = Limits(seconds=60.0)
EVERY = [one.id for one in exercises()]
CODED = [one.id for one in exercises() if isinstance(one, Coded)]
KINDS = {"fill in", "predict", "derive", "put in order", "bug hunt", "write the test"}


def test_there_are_twelve_of_every_kind_along_the_chapters():
    assert len(EVERY) == 12
    assert {one.kind for one in exercises()} == KINDS
    assert {one.chapter for one in exercises()} == {"10", "20", "30", "40", "50", "60", "70"}
    assert len({one.name for one in exercises()}) == 12


@pytest.mark.parametrize("name", EVERY)
def test_a_file_is_plain_python_that_runs_as_it_is(name):
    stub = exercise(name).stub()
    exec(compile(stub, name, "exec"), {"__name__": "student"})
    assert all(len(line) <= 120 for line in stub.splitlines())


@pytest.mark.parametrize("name", EVERY)
def test_the_untouched_file_fails(name):
    one = exercise(name)
    verdict = one.judge(one.stub())
    assert not verdict.passed
    assert verdict.status == ("wrong" if isinstance(one, Hunt) else "unfinished")
    assert verdict.hints[QUESTION]
    assert verdict.hints[LINES]


@pytest.mark.parametrize("name", EVERY)
def test_the_answer_book_passes(name):
    verdict = exercise(name).judge(solved(exercise(name)))
    assert verdict.passed, verdict
    assert verdict.exit_status == 0


@pytest.mark.parametrize("name", EVERY)
def test_the_answer_book_gets_every_point(name):
    one = exercise(name)
    found = one.graded(solved(one), 2**40 + 7, LIMITS)
    assert tuple(found) == one.checks()
    assert not any(found.values()), found


@pytest.mark.parametrize("name", [one.id for one in exercises() if isinstance(one, FillIn)])
def test_zeros_in_place_of_the_holes_fail_every_check(name):
    """What is given in a file earns nothing: each point hangs on the lines that are missing."""
    one = exercise(name)
    text = solved(one)
    for line in one.answers():
        if line.target and line.number and not any(piece.cut_from for piece in one.pieces):
            text = text.replace(line.text, line.text.replace(" = ", " = 0 * (").replace("+= ", "+= 0 * (") + ")")
    if any(piece.cut_from for piece in one.pieces):
        text = re.sub(r"(\w+)=(d\w+)", r"\1=0 * \2", text)
    found = one.graded(text, 3, LIMITS)
    assert all(found.values()), found


def test_a_hunt_earns_nothing_as_it_is_handed_out():
    one = exercise("gru_hunt")
    assert all(one.graded(one.stub(), 3, LIMITS).values())


@pytest.mark.parametrize("name", CODED)
def test_each_known_mistake_that_can_be_made_there_is_named(name):
    one = exercise(name)
    planted = [bug for bug in one.planted() if bug.kind == "gradient"]
    assert len(planted) >= 8
    for bug in planted:
        text = "import math\n" + with_source(one, planting.source(bug))
        found = diagnose(one.op, complete(load(text, one.op)), (0,), seconds=0.1)
        assert (bug.id,) in [match.ids for match in found.matches], bug.id


@pytest.mark.parametrize(
    ("name", "bug", "target"),
    [
        ("linear", "linear-db-mean", "db"),
        ("rnn_step", "rnn-slope-of-tanh-of-h", "da_t"),
        ("lstm_step", "lstm-dc-next-dropped", "dc_t"),
        ("lstm_time", "lstm-dW-h-with-h-t", "dW_h"),
        ("attention", "attention-softmax-elementwise", "dscores"),
        ("additive", "attention-additive-slope-dropped", "da"),
    ],
)
def test_the_whole_way_from_a_mistake_to_its_hints(name, bug, target):
    one, known = exercise(name), planting.bug(bug)
    text = with_source(one, planting.source(known))
    verdict = one.judge(text)
    assert verdict.status == "wrong"
    assert verdict.exit_status == 1
    assert [mistake.id for mistake in verdict.mistakes] == [bug]
    assert verdict.steps == (NUMBERS, WHERE, QUESTION, FORMULA, PUZZLE, LINES)
    line = text.splitlines()[int(re.search(r"line (\d+)", verdict.hints[WHERE][0])[1]) - 1]
    assert line.strip().startswith(f"{target} ")
    assert known.question in verdict.hints[QUESTION]
    right = known.edits[0].old
    assert right in verdict.hints[LINES]
    assert not any(right in hint for step in (NUMBERS, WHERE, QUESTION) for hint in verdict.hints[step])
    assert {hint.lstrip(" ABCDEFGH") for hint in verdict.hints[PUZZLE]} >= {right, known.edits[0].new}


def test_wrong_in_an_unknown_way_is_still_led_to_the_line():
    one = exercise("lstm_step")
    text = solved(one).replace("ds = dh_t * o", "ds = 3 * dh_t * o * o")
    verdict = one.judge(text)
    assert not verdict.mistakes
    assert any("ds = 3 * dh_t * o * o" in hint for hint in verdict.hints[WHERE])
    assert verdict.hints[LINES] == ("ds = dh_t * o",)


def test_an_array_that_is_spoiled_is_told_as_such():
    one = exercise("lstm_step")
    text = with_source(one, planting.source(planting.bug("lstm-cache-changed")))
    verdict = one.judge(text)
    assert verdict.headline == "an array is changed that others still need"
    assert "do = np.multiply(dh_t, s, out=s)" in verdict.hints[WHERE][0]


def test_lines_that_came_with_the_exercise_are_not_suspected():
    one = exercise("rnn_step")
    text = with_source(one, planting.source_of("rnn")).replace(
        "tanh_slope(nodes.h_t)", "(1 - np.tanh(nodes.h_t) ** 2)"
    )
    (where,) = one.judge(text).hints[WHERE]
    assert where.endswith("da_t = dh_t * (1 - np.tanh(nodes.h_t) ** 2)")


def test_a_wrong_shape_is_told_with_both_shapes():
    one = exercise("linear")
    text = solved(one).replace("dW = x_rows.T @ dy_rows", "dW = dy_rows.T @ x_rows")
    (told,) = [line for line in one.judge(text).hints[NUMBERS] if line.startswith("dW")]
    assert re.search(r"has shape \((\d+), (\d+)\), expected \(\2, \1\)", told)


@pytest.mark.parametrize("bug", exercise("rnn_time").distractors)
def test_every_distractor_of_the_puzzle_is_named(bug):
    one = exercise("rnn_time")
    text = with_source(one, planting.source(planting.bug(bug)))
    lines = {line: letter for letter, line in one.lines().items()}
    wrong = [re.sub(r" *# \(\d+\)$", "", line) for line in text.splitlines()]
    chosen = [lines[line] for line in wrong if line in lines]
    assert len(chosen) == len(one.solution().split())
    code = one.code(one.stub().replace('order = "..."', f'order = "{"".join(chosen)}"'))
    found = diagnose(one.op, complete(load(code, one.op)), (0,), seconds=0.1)
    assert (bug,) in [match.ids for match in found.matches]


def test_another_order_of_independent_lines_is_right_too():
    one = exercise("rnn_time")
    letters = {line.strip(): letter for letter, line in one.lines().items()}
    order = one.solution().split()
    j, k = (order.index(letters[line]) for line in ("db += da_t.sum(axis=0)", "dW_h += nodes.h_prev.T @ da_t"))
    order[j], order[k] = order[k], order[j]
    assert one.judge(one.stub().replace('"..."', f'"{", ".join(order).lower()}"')).passed


@pytest.mark.parametrize(
    ("order", "words"),
    [("A B 7", "order names '7'"), ("A", "in this order it is no Python"), (" ", "order is empty")],
)
def test_an_order_that_cannot_be_is_said_in_one_sentence(order, words):
    one = exercise("rnn_time")
    verdict = one.judge(one.stub().replace('order = "..."', f'order = "{order}"'))
    assert verdict.exit_status == 2
    assert words in verdict.headline


@pytest.mark.parametrize("one", [one for one in exercises() if isinstance(one, Derive)], ids=lambda one: one.id)
def test_known_wrong_formulas_are_named_and_equal_ones_accepted(one):
    for formula in one.formulas:
        named = 0
        for bug in [bug for bug in planting.bugs(one.op) if bug.edits[0].function == formula.function]:
            new = bug.edits[0].new.splitlines()[-1].removeprefix("return ")
            wrong = new.partition(" = ")[2] or new
            told = one.wrong_with(formula.name, ast.Constant(wrong), 5)
            if "axis=0" in wrong or wrong.endswith(".sum())"):  # a single row has no other axis
                continue
            assert told, bug.id
            named += told[1] == bug.id
        assert named >= 2
        right = right_of(one.op, formula)
        assert one.wrong_with(formula.name, ast.Constant(f"0.5 * ({right}) + ({right}) / 2"), 5) is None


def test_a_predicted_number_that_a_mistake_gives_is_named():
    one = next(one for one in exercises() if isinstance(one, Predict))
    for question in one.questions:
        for bug in question.mistakes:
            answer = question.compute(planting.plant(planting.bug(bug)))
            told = one.wrong_with(question.name, ast.parse(repr(float(answer)), mode="eval").body, 0)
            assert told, bug
            same = [other for other in question.mistakes
                    if np.isclose(question.compute(planting.plant(planting.bug(other))), answer)]  # fmt: skip
            assert told[1] in same


@pytest.mark.parametrize("answer", ["'many'", "None", "[1]", "x", "9.0 ** 9 ** 9", "1 / 0", "__import__('os')"])
def test_an_answer_that_is_no_number_is_told_so_and_never_run(answer):
    one = exercise("names")
    text = solved(one).replace(f"logit = {one.right('logit'):.3f}", f"logit = {answer}")
    verdict = one.judge(text)
    assert not verdict.passed
    assert "logit" in verdict.hints.get(NUMBERS, ("logit",))[0]
    assert len(verdict.headline) < 200


@pytest.mark.parametrize(
    "one", [one for one in exercises() if isinstance(one, Typed | Parsons)], ids=lambda one: one.id
)
def test_typed_files_are_read_and_not_run(one, tmp_path):
    mark = tmp_path / "ran"
    text = solved(one) + f"\nopen({str(mark)!r}, 'w').close()\n"
    assert one.judge(text).passed
    assert not mark.exists()


class TestOwnTest:
    """A test that a student writes is tested itself."""

    one = exercise("checker")

    def judged(self, old, new):
        assert old in solved(self.one)
        return self.one.judge(solved(self.one).replace(old, new))

    def test_what_rejects_everything_gets_no_point(self):
        text = self.one.stub().replace("return ...", "return False")
        assert "rejects code that is right" in self.one.judge(text).headline
        assert all(self.one.graded(text, 0, LIMITS).values())

    def test_what_accepts_everything_gets_the_point_for_the_right_ones_only(self):
        found = self.one.graded(self.one.stub().replace("return ...", "return True"), 0, LIMITS)
        assert [check for check, sentence in found.items() if not sentence] == ["right variants"]

    @pytest.mark.parametrize(
        ("old", "new", "why"),
        [
            ("3, 2, 4, 5", "1, 2, 4, 5", "a single time step"),
            ("3, 2, 4, 5", "3, 1, 4, 5", "one sequence"),
            ("dh = rng.normal(size=dh.shape)", "pass", "upstream gradients of ones"),
            ("and np.array_equal(given, dh) and all(map(np.array_equal, again, twice))", "", "the numbers only"),
        ],
    )
    def test_what_is_weak_about_it_is_said(self, old, new, why):
        verdict = self.judged(old, new)
        assert "pass your test" in verdict.headline
        assert why in verdict.hints[QUESTION][0], verdict.hints

    def test_a_tolerance_below_rounding_is_too_strict(self):
        assert "rejects code that is right" in self.judged("1e-6 *", "1e-18 *").headline
