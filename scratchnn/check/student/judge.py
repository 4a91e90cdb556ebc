"""The order of an examination, in the child process: import, forward, gradients, localisation, diagnosis."""

import contextlib
import dataclasses
import os
import traceback
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from scratchnn import ops

from ..diagnose import diagnose, subjects_of
from ..gradients import check_gradients
from ..localise import Localisation, localise
from ..report import Report, sentences
from .adapt import NotCovered, narrowed
from .adapt.discover import compared
from .beside import beside_ours
from .complete import complete
from .first_wrong import first_wrong
from .load import load
from .variants import unheard

RAISED = "forward raised"
OTHER_PRECISION = "is float32, although the input is float64"


class Covered(NamedTuple):
    """What became of the forward on every variant of the op."""

    right: list
    wrong: list  # (subject, sentence)
    left_out: list  # (name, why)


def judge(
    tell: Callable[[str, Any], None],
    path: str,
    op: str | None,
    seed: int,
    adapter: str | None = None,
    catalogue: bool = True,
    *,
    oracles: bool = True,
) -> bool:
    """Examine a file; what is found is told stage by stage.

    Parameters
    ----------
    tell : function
        Takes the name of a stage and plain data.
    path : str
        A file, or a source text.
    op : str, optional
    seed : int
    adapter : str, optional
        A file that says how its functions are to be called.
    catalogue : bool
        Compare with the known mistakes.
    oracles : bool
        False: gradients are held against ours only, wherever the forward is ours. Diagnosis is not touched by that.

    Returns
    -------
    bool
        Whether all was right.
    """
    student = dataclasses.replace(load(path, op), adapter=adapter or "")
    tell("begin", "import")
    try:
        backend = complete(student)
    except Exception as error:
        tell("import", {"failed": _where(error, student.file)})
        return False
    tell("import", {"functions": list(student.functions)})
    if adapter:
        student = dataclasses.replace(student, functions=load(adapter, student.op).functions)
    if not student.functions:
        tell("signature", {"failed": _nothing(student)})
        return False
    tell("begin", "forward")
    covered = _covered(student, backend, seed)
    tell("forward", _forward_told(student, backend, covered, seed))
    subjects = covered.right or [subject for subject, told in covered.wrong if not told.startswith(RAISED)]
    if not subjects:
        tell("signature", {"failed": _unusable(student)})
        return False
    if "forward" in student.functions and not any("backward" in name for name in student.functions):
        return not covered.wrong  # no backward of ours knows what this forward keeps
    tell("begin", "gradients")
    usual = backend.right is ops.backend(getattr(ops, student.op), "reference")
    wrong = _gradients(tell, backend, subjects, {one.name for one in covered.right if usual}, seed, oracles)
    tell("assumed", backend.assumed)
    if not wrong:
        return not covered.wrong
    ours = bool(covered.right and not covered.wrong and usual)
    tell("begin", "localisation")
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):  # it is run again and again
        found = _localised(student, backend, subjects, wrong, seed, ours)
    tell("localisation", found)
    if ours and catalogue:
        tell("begin", "diagnosis")
        tell("diagnosis", _diagnosed(student, backend, subjects, wrong, seed))
    return False


def _gradients(tell, backend, subjects, like_ours, seed, oracles):
    """Judge the gradients of every variant; give those whose check failed, with whether numbers did.

    The oracles judge the first variant and the first that is wrong. Where the forward equals ours, the others are
    held against our own gradients, which the oracles have judged long ago: that takes one pass for a thousand.
    """
    wrong, by_oracles = {}, 0
    for subject in subjects:
        told = None
        if (by_oracles or not oracles) and subject.name in like_ours:
            told = beside_ours(subject, backend, seed)
            if oracles and not told["passed"] and not wrong:
                told = None
        if told is None:
            by_oracles += 1
            problem = subject.make(np.random.default_rng(seed), backend)
            told = _report_told(check_gradients(*problem, seed=seed, name=subject.name, layout=subject.layout))
        tell("gradients", told)
        if not told["passed"]:
            wrong[subject.name] = any(not row["passed"] for row in told["rows"])
    return wrong


def _nothing(student):
    wanted = ", ".join(name for name in ("step", "step_backward", "forward", "backward"))
    return f"{student.file} defines none of the functions of {student.op}, expected one of {wanted}"


def _unusable(student):
    fields = ops.backend(getattr(ops, student.op), "reference")
    if "step" in student.functions and "forward" not in student.functions and hasattr(fields, "Step"):
        wanted = ", ".join(fields.Step._fields)
        return f"our loop needs a step that returns a Step with {wanted}; or write your own forward and backward"
    return "forward could not be run on any variant, so nothing was judged"


def _covered(student, backend, seed) -> Covered:
    found = Covered([], [], [])
    for subject in (narrowed(known, backend.adapter) for known in subjects_of(student.op)):
        if why := unheard(student, subject.name, backend.form.score):
            found.left_out.append((subject.name, why))
            continue
        try:
            sentence = compared(subject, backend, seed, backend.right)
        except NotCovered as error:
            found.left_out.append((subject.name, str(error)))
        except Exception as error:
            if found.right or found.wrong:  # it can do something, but not this
                found.left_out.append((subject.name, f"it raised {type(error).__name__}: {error}"))
            else:
                found.wrong.append((subject, f"{RAISED} {_where(error, student.file)}"))
        else:
            (found.wrong.append((subject, sentence)) if sentence else found.right.append(subject))
    return found


def _forward_told(student, backend, covered, seed):
    told = {
        "op": student.op,
        "because": student.because,
        "functions": list(student.functions),
        "assumed": backend.assumed,
        "right": [subject.name for subject in covered.right],
        "wrong": [[subject.name, sentence] for subject, sentence in covered.wrong],
        "left_out": [list(one) for one in covered.left_out],
    }
    if covered.wrong and not covered.wrong[0][1].startswith(RAISED):
        told["first_wrong"] = first_wrong(student.op, covered.wrong[0][0], backend, seed)
    return told


def _report_told(report: Report):
    single = [sentence for sentence in report.failures if OTHER_PRECISION in sentence]
    failures = [sentence for sentence in report.failures if sentence not in single]
    notes = ["your code works in single precision: judged with a bound for that"] if single else []
    rows = [
        {
            "name": row.name,
            "shape": list(row.shape),
            "passed": row.passed,
            "bad": row.bad,
            "size": row.size,
            "worst": list(row.worst) if row.worst is not None else None,
            "given": row.given,
            "expected": row.expected,
            "error": row.error_difference if row.error_complex is None else row.error_complex,
            "bound": row.bound_difference if row.error_complex is None else row.bound_complex,
            "sentences": list(sentences(row)),
        }
        for row in report.rows
    ]
    return {
        "name": report.name,
        "passed": all(row.passed for row in report.rows) and not failures,
        "rows": rows,
        "failures": failures,
        "notes": [*notes, *report.notes],
        "judged": report.judged(),
        "table": str(report),
    }


def _diagnosed(student, backend, subjects, wrong, seed):
    chosen = [subject for subject in subjects if wrong.get(subject.name)]
    if not chosen:
        nothing = {"matches": [], "right": True, "certain": False, "complete": True, "compared": 0, "probes": []}
        return nothing | {"op": student.op}
    return diagnose(student.op, backend, (seed, seed + 1), subjects=chosen).as_dict()


def _localised(student, backend, subjects, wrong, seed, ours):
    """Look for the wrong line on the first variant whose gradients are wrong."""
    chosen = [subject for subject in subjects if wrong.get(subject.name)]
    if not chosen:
        return Localisation(why="no gradient is wrong").as_dict()
    try:
        return localise(student, backend, chosen[0], (seed, seed + 1), others=subjects, ours=ours).as_dict()
    except Exception as error:  # a student's code may do anything; the numbers were told already
        why = f"the backward could not be followed: {type(error).__name__}: {error}"
        return Localisation(complete=False, why=why).as_dict()


def _where(error, file):
    """Say what was raised, and in which line of the student's file."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    line = f"line {lines[-1]}: " if lines else ""
    return f"{line}{type(error).__name__}: {error}"
