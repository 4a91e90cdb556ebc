"""The doctor's answer to a student's code, as a verdict: numbers first, the corrected lines last."""

from collections.abc import Callable, Sequence
from typing import Any

from scratchnn.check.catalogue import planting
from scratchnn.check.student import Examination, Limits, load, safely
from scratchnn.check.student.examination import LINE
from scratchnn.check.student.judge import judge
from scratchnn.check.student.wording import formulas

from .cutting import Line
from .fence import fence
from .puzzle import puzzle
from .verdict import BROKEN, FORMULA, LINES, NUMBERS, PUZZLE, QUESTION, RIGHT, WHERE, WRONG, Mistake, Verdict
from .written import assigned, lines_of

SHOWN = 4
OTHERS = "whose array is written into, and who reads it afterwards? (M10: a cache holds values, not references)"


def verdict(text: str, op: str, answers: Sequence[Line], seed: int, limits: Limits) -> Verdict:
    """Ask the doctor.

    Parameters
    ----------
    text : str
        Code that defines functions of the op.
    op : str
    answers : sequence of Line
        How the answer book writes what was cut.
    seed : int
    limits : Limits

    Returns
    -------
    Verdict
    """
    outcome = safely("scratchnn.school.doctor:judge_fenced", [text, op, seed], limits)
    found = Examination(load(text, op), outcome, LINE, outcome.seconds)
    printed = found.outcome.output
    if found.passed:
        return Verdict(RIGHT, "right: every gradient agrees with the truth", printed=printed)
    if not found.readable:
        return Verdict(BROKEN, _why(found), {NUMBERS: tuple(_failures(found))}, printed=printed)
    mistakes = tuple(
        Mistake(
            one["id"], one["title"], one["misconception"], one["meaning"], one["question"],
            tuple(one["right"].splitlines()), tuple(one["wrong"].splitlines()), one["function"],
        )
        for one in (found.matches[0]["mistakes"] if len(found.matches) else [])
    )  # fmt: skip
    hints = {NUMBERS: tuple(_numbers(found))}
    hints |= of_mistakes(text, op, mistakes) if mistakes else of_no_mistake(text, op, answers, found)
    return Verdict(WRONG, _headline(found), hints, mistakes, printed)


def judge_fenced(tell: Callable[[str, Any], None], text: str, op: str, seed: int) -> bool:
    """Examine as ``scratchnn check FILE`` does, within a fence, in the child process.

    Parameters
    ----------
    tell : function
    text, op : str
    seed : int

    Returns
    -------
    bool
    """
    fence()
    return judge(tell, text, op, seed)


def of_mistakes(text: str, op: str, mistakes: Sequence[Mistake]) -> dict[int, tuple[str, ...]]:
    """Make hints of mistakes that were recognised.

    Parameters
    ----------
    text : str
        The student's code.
    op : str
    mistakes : sequence of Mistake

    Returns
    -------
    dict of int to tuple of str
    """
    where, questions, rules, puzzles, right = [], [], [], [], []
    for one in mistakes:
        own = [mine for line in one.right for mine in lines_of(text, assigned(line))]
        ours = {mine for line in one.right for _, mine in lines_of(planting.source_of(op), assigned(line))}
        own = [pair for pair in own if pair[1] not in ours] or own  # those that came with the exercise are right
        places = [f"line {number}: {mine}" for number, mine in own]
        where += places or [
            f"in {one.function}" if f"def {one.function}" in text else f"in the {one.title.split()[0]}"
        ]
        questions += [one.question, f"({one.misconception}: {one.meaning})"]
        rules += formulas(op, "\n".join(one.right))
        wrong = [mine for _, mine in own if mine not in one.right] or list(one.wrong)
        puzzles += puzzle([line for line in one.right if line.strip()], wrong)
        right += one.right
    return _hints(where, questions, rules, puzzles, right)


def of_no_mistake(text: str, op: str, answers: Sequence[Line], found: Examination) -> dict[int, tuple[str, ...]]:
    """Make hints where no known mistake fits: by what the doctor localised, or by the lines that differ in writing.

    Parameters
    ----------
    text : str
    op : str
    answers : sequence of Line
    found : Examination

    Returns
    -------
    dict of int to tuple of str
    """
    sentences = [
        f"d{row['name']}: {sentence}"
        for report in found.reports[:1]
        for row in report["rows"]
        if not row["passed"]
        for sentence in row["sentences"][1:2]
    ]
    faults = [] if _spoils(found) else _faults(found)  # the first wrong number is the victim's, not the spoiler's
    blamed = {str(fault["name"]).partition("[")[0] for fault in faults[:1]}
    suspects = [line for line in answers if line.target in blamed] or [
        line for line in answers if line.target and line.text not in [mine for _, mine in lines_of(text, line.target)]
    ]
    own = {line.target: lines_of(text, line.target) for line in suspects}
    where = [f"line {number}: {mine}" for lines in own.values() for number, mine in lines]
    where = (where if len(where) <= SHOWN else []) or sentences[:SHOWN] or ["several of your lines do not fit yet"]
    where = [fault["said"] for fault in faults[:1]] or where
    asked = [OTHERS] if _spoils(found) else []
    asked += [f"which lines that you wrote are read on the way to d{name}?" for name in _wrong(found)[:1]]
    puzzles = [line for one in suspects[:SHOWN] for line in puzzle([one.text], [mine for _, mine in own[one.target]])]
    rules = formulas(op, "\n".join(line.text for line in suspects))
    return _hints(where, asked, rules, puzzles, [line.text for line in suspects or answers])


def of_holes(
    op: str, answers: Sequence[Line], wrong: Sequence[tuple[str, ...]], goals: Sequence[str]
) -> dict[int, tuple[str, ...]]:
    """Make hints for somebody who does not know how to begin.

    Parameters
    ----------
    op : str
    answers : sequence of Line
        How the answer book writes the first thing that is missing.
    wrong : sequence of tuple of str
        Lines that known mistakes put there.
    goals : sequence of str
        Sub-goals.

    Returns
    -------
    dict of int to tuple of str
    """
    right = [line.text for line in answers]
    rules = formulas(op, "\n".join(right))
    shown = puzzle(right, [line for lines in wrong[:2] for line in lines]) if len(right) == 1 else puzzle(right, [])
    return _hints([], list(goals), rules, shown, right)


def _hints(where, questions, rules, puzzles, right):
    hints = {WHERE: where, QUESTION: questions, FORMULA: rules, PUZZLE: puzzles, LINES: right}
    return {step: tuple(dict.fromkeys(line.strip() if step != LINES else line for line in lines))
            for step, lines in hints.items() if lines}  # fmt: skip


def _headline(found):
    if found.stopped:
        return found.stopped
    if found.forward.get("wrong"):
        return "the forward pass differs from ours"
    wrong = _wrong(found)
    if _spoils(found):
        return "an array is changed that others still need"
    arrays = f"the gradient of {wrong[0]} is" if len(wrong) == 1 else f"the gradients of {', '.join(wrong)} are"
    if wrong:
        return f"{arrays} wrong"
    return next(failure for report in found.reports for failure in report["failures"])


def _why(found):
    return (_failures(found) or ["it could not be judged"])[0]


def _failures(found):
    told = [value["failed"] for _, value in found.outcome.stages if isinstance(value, dict) and value.get("failed")]
    told += [failure for report in found.reports for failure in report["failures"]]
    return [one for one in (*told, found.stopped) if one]


def _wrong(found):
    return list(dict.fromkeys(row["name"] for report in found.reports for row in report["rows"] if not row["passed"]))


def _numbers(found):
    lines = [f"{name}: {sentence}" for name, sentence in found.forward.get("wrong", [])[:1]]
    wrong = [report for report in found.reports if not report["passed"]]
    for report in wrong[:1]:
        for row in report["rows"]:
            if row["passed"]:
                continue
            if row["given"] is None and row["sentences"]:  # there is no number where the shape is wrong
                lines.append(f"d{row['name']}: {row['sentences'][0]}")
                continue
            at = "" if row["worst"] is None else f"[{', '.join(map(str, row['worst']))}]"
            both = "" if row["given"] is None else f" is {row['given']:.6g}, expected {row['expected']:.6g}"
            lines.append(f"d{row['name']}{at}{both}  ({row['bad']} of {row['size']} entries wrong)")
    lines += [failure for report in wrong[:1] for failure in report["failures"]]
    right = [report["name"].partition(".")[2] for report in found.reports if report["passed"]]
    if right and wrong:
        where = ", ".join(report["name"].partition(".")[2] for report in wrong)
        lines.append(f"(wrong with {where}; right with {', '.join(right)})")
    return lines or _failures(found)


def _spoils(found):
    return any("in place" in failure for report in found.reports for failure in report["failures"])


def _faults(found):
    """Give the lines that the doctor has found to be wrong, the first ones first; none where it localises nothing."""
    told = found.told("localisation")
    return told.get("faults", []) if isinstance(told, dict) else []
