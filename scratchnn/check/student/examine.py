"""Examine a student's file: the whole order, in a child process."""

import time
from pathlib import Path

from scratchnn import ops
from scratchnn.errors import InputError

from .adapt.skeleton import skeleton
from .examination import Examination
from .load import load
from .safely import Limits, safely


def examine(
    path: str | Path,
    op: str | None = None,
    *,
    hint: int = 3,
    seed: int = 0,
    catalogue: bool = True,
    limits: Limits = Limits(),  # noqa: B008 - a tuple
    adapter: str | Path | None = None,
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
    catalogue : bool
        Compare with the known mistakes; the wrong line is found without them.
    limits : Limits
        What the code may take.
    adapter : str or Path, optional
        A file with a ``forward`` and a ``backward`` that call the student's module ``mine`` with arrays as it wants
        them: for code whose arguments cannot be understood from their names and numbers.

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
    if adapter is not None:
        load(adapter, student.op)
    asked = [str(path), student.op, seed, None if adapter is None else str(adapter), catalogue]
    started = time.perf_counter()
    outcome = safely("scratchnn.check.student.judge:judge", asked, limits)
    return Examination(student, outcome, hint, time.perf_counter() - started)


def adapter_for(path: str | Path, op: str | None = None) -> str:
    """Write the beginning of an adapter for a student's file.

    Parameters
    ----------
    path : str or Path
    op : str, optional

    Returns
    -------
    str
        A Python source, in which the lines marked TODO are to be filled in.

    Raises
    ------
    InputError
        As for ``examine``.
    """
    student = load(path, op)
    return skeleton(student, ops.backend(getattr(ops, student.op), "reference"))
