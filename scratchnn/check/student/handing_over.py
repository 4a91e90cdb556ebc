"""Hand a student's file over to the search for the wrong line."""

import ast
from typing import Any

import numpy as np

from scratchnn import ops

from .. import conduct
from ..catalogue import planting
from ..subjects import Subject
from .load import Student

ORDER = {"lstm": (("x", "h0", "c0"), ("h", "c_last")), "gru": (("x", "h0"), ("h",)), "rnn": (("x", "h0"), ("h",))}


def findings(student: Student, backend: Any, subjects: list[Subject]) -> list[dict]:
    """Ask which lines are wrong.

    Parameters
    ----------
    student : Student
    backend : module
        What ``complete`` made of it.
    subjects : list of Subject
        The variants that its forward computes as ours does.

    Returns
    -------
    list of dict
        Plain data, one per finding; empty where the search does not know the op.
    """
    from scratchnn.check.localise import localise

    if student.op not in ORDER:
        return []
    text, length = composed(student)
    found = localise(text, _problem(student.op, subjects[0]), filename=student.file)
    return [_plain(finding) for finding in found if finding.line <= length]


def composed(student: Student) -> tuple[str, int]:
    """Write one source: the student's, then what it lacks of ours, so that its lines keep their numbers.

    Parameters
    ----------
    student : Student

    Returns
    -------
    tuple of (str, int)
        The text, and how many of its lines are the student's.
    """
    own = student.source.rstrip("\n") + "\n"
    text = planting.source_of(student.op)
    defined = {getattr(node, "name", "") for node in ast.parse(own).body}
    ours = [node for node in ast.parse(text).body if getattr(node, "name", None) not in defined]
    missing = [ast.get_source_segment(text, node) for node in ours if not isinstance(node, ast.Expr)]
    return own + "\n\n" + "\n\n".join(missing) + "\n", own.count("\n")


def _problem(op, subject):
    arguments, outputs = ORDER[op]
    room = getattr(ops, op)

    def problem(seed):
        forward, _, inputs = subject.make(np.random.default_rng(seed))
        upstream = conduct.draw_upstream(forward(inputs)[0], seed)
        params = room.Params(*(inputs[name] for name in room.Params._fields))
        return (*(inputs[name] for name in arguments), params), tuple(upstream[name] for name in outputs)

    return problem


def _plain(finding):
    told = {name: _number(value) for name, value in finding._asdict().items()}
    told["suspects"] = [[_number(part) for part in suspect] for suspect in finding.suspects]
    told["repair"] = [[line, text] for line, text in (finding.repair or {}).items()]
    return told


def _number(value):
    if isinstance(value, np.generic):
        return value.item()
    return [_number(part) for part in value] if isinstance(value, tuple) else value
