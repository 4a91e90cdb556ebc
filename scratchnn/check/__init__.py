"""Judging gradients: two independent oracles, one report.

``check_gradients(forward, backward, inputs)`` judges anybody's code; ``run("lstm")`` judges ours;
``names()`` says what there is.
"""

from .gradients import assert_gradients, check_gradients
from .report import Report, Row
from .subjects import Subject, every_subject, judge, names, run, select

__all__ = [
    "Report",
    "Row",
    "Subject",
    "assert_gradients",
    "check_gradients",
    "every_subject",
    "judge",
    "names",
    "run",
    "select",
]
