"""The order of an examination, in the child process: import, forward, gradients, diagnosis."""

import traceback
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from scratchnn import ops

from .. import conduct
from ..diagnose import diagnose, subjects_of
from ..gradients import check_gradients
from ..report import Report, sentences
from .adapt import conventions
from .calling import NotCovered
from .complete import complete
from .first_wrong import first_wrong
from .load import load
from .variants import narrowed, unheard

EQUAL = 1e-9  # of an output's largest entry: another order of summing gives 1e-15
RAISED = "forward raised"
SINGLE = 1e-4  # the same for single precision


class Covered(NamedTuple):
    """What became of the forward on every variant of the op."""

    right: list
    wrong: list  # (subject, sentence)
    left_out: list  # (name, why)


def judge(tell: Callable[[str, Any], None], path: str, op: str | None, seed: int) -> bool:
    """Examine a file; what is found is told stage by stage.

    Parameters
    ----------
    tell : function
        Takes the name of a stage and plain data.
    path : str
        A file, or a source text.
    op : str, optional
    seed : int

    Returns
    -------
    bool
        Whether all was right.
    """
    student = load(path, op)
    tell("begin", "import")
    try:
        backend = complete(student)
    except Exception as error:
        tell("import", {"failed": _where(error, student.file)})
        return False
    tell("import", {"functions": list(student.functions)})
    if not student.functions:
        tell("signature", {"failed": _nothing(student)})
        return False
    tell("begin", "forward")
    backend, covered = _forwards(student, backend, seed)
    tell("forward", _forward_told(student, backend, covered, seed))
    subjects = covered.right or [subject for subject, told in covered.wrong if not told.startswith(RAISED)]
    if not subjects:
        tell("signature", {"failed": _unusable(student)})
        return False
    if "forward" in student.functions and not any("backward" in name for name in student.functions):
        return not covered.wrong  # no backward of ours knows what this forward keeps
    tell("begin", "gradients")
    reports = []
    for subject in subjects:
        problem = subject.make(np.random.default_rng(seed), backend)
        report = check_gradients(*problem, seed=seed, name=subject.name, layout=subject.layout)
        reports.append(report)
        tell("gradients", _report_told(report))
    tell("assumed", backend.assumed)
    if all(report.passed for report in reports):
        return not covered.wrong
    if covered.right and not covered.wrong:
        tell("begin", "diagnosis")
        tell("diagnosis", _diagnosed(student, backend, subjects, reports, seed))
    return False


def _nothing(student):
    wanted = ", ".join(name for name in ("step", "step_backward", "forward", "backward"))
    return f"{student.file} defines none of the functions of {student.op}, expected one of {wanted}"


def _unusable(student):
    fields = ops.backend(getattr(ops, student.op), "reference")
    if "step" in student.functions and "forward" not in student.functions and hasattr(fields, "Step"):
        wanted = ", ".join(fields.Step._fields)
        return f"our loop needs a step that returns a Step with {wanted}; or write your own forward and backward"
    return "forward could not be run on any variant, so nothing was judged"


def _forwards(student, backend, seed):
    """Compare the forward; if it is not ours, try other layouts of gates and weights."""
    covered = _covered(student, backend, seed)
    if covered.right or not ({"forward", "step"} & set(student.functions)):
        return backend, covered
    for convention in list(conventions(student.op))[1:]:
        other = complete(student, convention)
        found = _covered(student, other, seed)
        if found.right:
            return other, found
    return backend, covered


def _covered(student, backend, seed) -> Covered:
    found = Covered([], [], [])
    for subject in (narrowed(student, known) for known in subjects_of(student.op)):
        if why := unheard(student, subject.name):
            found.left_out.append((subject.name, why))
            continue
        try:
            sentence = _compared(subject, backend, seed)
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


def _compared(subject, backend, seed):
    """Give a sentence about the first output that is not ours, empty if all are."""
    ours = subject.make(np.random.default_rng(seed))
    theirs = subject.make(np.random.default_rng(seed), backend)
    inputs = {name: np.array(array) for name, array in theirs.inputs.items()}
    with np.errstate(all="ignore"), conduct.global_random_state_kept():
        right, given = ours.forward(ours.inputs)[0], theirs.forward(inputs)[0]
    for name, expected in right.items():
        got = np.asarray(given[name])
        if got.shape != np.shape(expected):
            return f"{name} has shape {got.shape}, expected {np.shape(expected)}"
        bound = (SINGLE if got.dtype.itemsize < 8 else EQUAL) * max(
            float(np.max(np.abs(expected), initial=0)), 1e-300
        )
        wrong = ~np.isclose(got, expected, rtol=0, atol=bound)
        if wrong.any():
            index = tuple(int(k) for k in np.argwhere(wrong)[0])
            at = ", ".join(map(str, index))
            return f"{name}[{at}] is {got[index]:.6g}, expected {expected[index]:.6g} ({wrong.sum()} of {wrong.size})"
    return ""


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
        "passed": report.passed,
        "rows": rows,
        "failures": list(report.failures),
        "notes": list(report.notes),
        "judged": report.judged(),
        "table": str(report),
    }


def _diagnosed(student, backend, subjects, reports, seed):
    wrong = [
        subject for subject, report in zip(subjects, reports, strict=True) if not all(r.passed for r in report.rows)
    ]
    if not wrong:
        return {
            "matches": [],
            "right": True,
            "certain": False,
            "complete": True,
            "compared": 0,
            "probes": [],
            "op": student.op,
        }
    return diagnose(student.op, backend, (seed, seed + 1), subjects=subjects).as_dict()


def _where(error, file):
    """Say what was raised, and in which line of the student's file."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    line = f"line {lines[-1]}: " if lines else ""
    return f"{line}{type(error).__name__}: {error}"
