"""The error of a derivative against its step, for one entry of a subject."""

from typing import Any, NamedTuple

import numpy as np

from scratchnn import probe
from scratchnn.errors import InputError

from .conduct import draw_upstream
from .subjects import Subject, judge, problem_of

STEPS = tuple(np.logspace(0, -16, 65))
METHODS = ("forward", "central", "richardson", "complex")


class Steps(NamedTuple):
    """A curve, and the step that the judge chose for the same array."""

    title: str
    curve: probe.Curve
    chosen: float | None

    def slopes(self) -> dict[str, float | None]:
        """Measure how fast the truncation error of each method shrinks with the step.

        Returns
        -------
        dict of str to float or None
            The power of h; None where the error does not shrink.
        """
        errors = {name: getattr(self.curve, name) for name in METHODS}
        return {name: order(self.curve.steps, each) for name, each in errors.items() if each is not None}

    def as_dict(self) -> dict:
        """Give everything as dicts, lists, strings and finite numbers, ready for JSON.

        Returns
        -------
        dict
        """
        curve = self.curve
        errors = {name: getattr(curve, name) for name in METHODS}
        return {
            "title": self.title,
            "array": curve.name,
            "index": None if curve.index is None else list(curve.index),
            "truth": curve.truth,
            "oracle": curve.oracle,
            "chosen": self.chosen,
            "predicted": dict(curve.predicted),
            "slopes": self.slopes(),
            "steps": [float(h) for h in curve.steps],
            "errors": {name: _plain(each) for name, each in errors.items() if each is not None},
        }


def error_against_step(
    subject: Subject,
    name: str | None = None,
    index: tuple[int, ...] | None = None,
    *,
    seed: int = 0,
    backend: str | Any = "reference",
) -> Steps:
    """Differentiate one entry of a subject with every step.

    Parameters
    ----------
    subject : Subject
    name : str, optional
        The array; by default the most wrong one, else W_h, else the first.
    index : tuple of int, optional
        The entry; by default the worst of a wrong array, the largest of a right one.
    seed : int
    backend : str or module

    Returns
    -------
    Steps

    Raises
    ------
    InputError
        There is no such array or entry.
    """
    report = judge(subject, seed, backend)
    rows = {row.name: row for row in report.rows}
    if not rows:
        raise InputError(f"{subject.name} has nothing to differentiate: {' '.join(report.failures)}")
    if name is not None and name not in rows:
        raise InputError(f"{subject.name} has no array {name!r}, expected one of {', '.join(rows)}")
    row = rows[name] if name is not None else _worst(list(rows.values()))
    index = _entry(row) if index is None else index
    if index is not None and not (len(index) == len(row.shape) and np.all(np.less(index, row.shape))):
        raise InputError(f"{_said(row.name, index)} does not exist, {row.name} has shape {row.shape}")
    problem = problem_of(subject, seed, backend)
    outputs, _ = problem.forward(problem.inputs)
    upstream = draw_upstream(outputs, seed)

    def loss(inputs):
        return probe.project(problem.forward(inputs)[0], upstream)

    curve = probe.error_curve(loss, problem.inputs, row.name, index, STEPS)
    return Steps(f"{subject.name}: dLoss/d{_said(row.name, index)}, error against step", curve, row.step)


def order(steps: np.ndarray, errors: np.ndarray) -> float | None:
    """Measure the power of h with which an error shrinks, right of its least value.

    Parameters
    ----------
    steps, errors : (S,)

    Returns
    -------
    float or None
        None where fewer than three points are clear of rounding.
    """
    finite = np.where(np.isfinite(errors), errors, np.inf)
    least = int(np.argmin(finite))
    used = (steps > steps[least]) & (finite > 100 * max(finite[least], np.finfo(float).eps)) & (finite < 0.3)
    return float(np.polyfit(np.log(steps[used]), np.log(finite[used]), 1)[0]) if used.sum() > 2 else None


def _worst(rows):
    wrong = [row for row in rows if not row.passed and row.error_complex is not None]
    if wrong:
        return max(wrong, key=lambda row: row.error_complex)
    return next((row for row in rows if row.name.rpartition(".")[2].startswith("W_h")), rows[0])


def _entry(row):
    """Choose the worst entry of a wrong array, the largest of a right one, whose error is the easiest to read."""
    if row.truth is None or row.truth.size == 0 or (not row.passed and row.worst is not None):
        return row.worst
    return tuple(int(k) for k in np.unravel_index(np.argmax(np.abs(row.truth)), row.shape))


def _said(name, index):
    return f"{name}[{', '.join(map(str, index))}]" if index else name


def _plain(errors):
    return [float(error) if np.isfinite(error) else None for error in errors]
