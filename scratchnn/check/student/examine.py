"""Examine a student's file: the whole order, in a child process."""

import time
from pathlib import Path

from scratchnn.errors import InputError

from .examination import Examination
from .load import load
from .safely import Limits, safely


def examine(
    path: str | Path,
    op: str | None = None,
    *,
    hint: int = 3,
    seed: int = 0,
    limits: Limits = Limits(),  # noqa: B008 - a tuple
) -> Examination:
    """Examine a student's forward and backward.

    The order is: import, signature and shapes, forward against ours, gradients of their own forward against the
    oracles, diagnosis.

    Parameters
    ----------
    path : str or Path
        A file, or a source text of several lines. It defines functions of an op by the reference's names: all of
        them, or only ``step``, ``step_backward``, ``forward`` or ``backward``; what is missing is ours.
    op : str, optional
        Which op it is; found from the file's name, its docstring or its arguments by default.
    hint : int
        How much is told: 1 numbers, 2 where, 3 a question, 4 the formula, 5 the corrected line.
    seed : int
        Draws inputs and upstream gradients.
    limits : Limits
        What the code may take.

    Returns
    -------
    Examination

    Raises
    ------
    InputError
        The file cannot be read or parsed, or nothing says which op it is.
    """
    if hint not in range(1, 6):
        raise InputError(f"hint is {hint!r}, expected 1 (numbers) to 5 (the corrected line)")
    student = load(path, op)
    started = time.perf_counter()
    outcome = safely("scratchnn.check.student.judge:judge", [str(path), student.op, seed], limits)
    return Examination(student, outcome, hint, time.perf_counter() - started)
