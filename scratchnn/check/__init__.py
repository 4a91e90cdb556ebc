"""Judging gradients: two independent oracles, one report.

``check_gradients(forward, backward, inputs)`` judges anybody's code; ``run("lstm")`` judges ours;
``names()`` says what there is. ``examine("my_lstm.py")`` judges a student's file and ``diagnose`` names the mistake.
"""

from .diagnose import Diagnosis, diagnose
from .gradients import assert_gradients, check_gradients
from .layout import Layout, layout_of
from .report import Report, Row
from .student import Examination, Limits, adapter_for, examine
from .subjects import Subject, every_subject, judge, judge_all, names, run, select

__all__ = [
    "Diagnosis",
    "Examination",
    "Layout",
    "Limits",
    "Report",
    "Row",
    "Subject",
    "adapter_for",
    "assert_gradients",
    "check_gradients",
    "diagnose",
    "every_subject",
    "examine",
    "judge",
    "judge_all",
    "layout_of",
    "names",
    "run",
    "select",
]
