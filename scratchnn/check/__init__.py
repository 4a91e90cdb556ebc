"""Judging gradients: two independent oracles, one report.

``check_gradients(forward, backward, inputs)`` judges anybody's code; ``run("lstm")`` judges ours;
``names()`` says what there is.
"""

from .gradients import assert_gradients, check_gradients
from .layout import Layout, layout_of
from .report import Report, Row
from .subjects import Subject, every_subject, judge, judge_all, names, run, select

__all__ = [
    "Layout",
    "Report",
    "Row",
    "Subject",
    "assert_gradients",
    "check_gradients",
    "every_subject",
    "judge",
    "judge_all",
    "layout_of",
    "names",
    "run",
    "select",
]
