"""The numbers of a wrong line: what it wrote, what it should have written, where and when."""

from typing import Any

import numpy as np

from .pushes.reached import Reached
from .result import Edit, Fault
from .source.statements import Statement
from .truth.records import Written


def fault(line: int, text: str, edit: Edit, written: list[Written], again: list[Written]) -> Fault:
    """Compare a run with the repaired one: the numbers of the line where it is first wrong.

    Parameters
    ----------
    line : int
    text : str
        The statement in that line.
    edit : Edit
    written, again : list of Written
        Before and after the repair.

    Returns
    -------
    Fault
    """
    right = _numbered(again)
    pairs = [(one, right[key]) for key, one in _numbered(written).items() if key in right]
    wrong = [(one, other) for one, other in pairs if not _equal(one.value, other.value)]
    here = [pair for pair in wrong if pair[0].line == line]
    if not (here or wrong):
        return Fault(line, text, None, (), float("nan"), float("nan"), "", edit, False)
    one, other = (here or wrong)[0]
    expected, got, index = farthest(other.value, one.value)
    return Fault(line, text, one.t, index, expected, got, one.record.target, edit, False)


def fault_of(one: Reached, keeper: Statement | None) -> Fault:
    """Say what is known of a statement that can make everything right, where no edit was found.

    Parameters
    ----------
    one : Reached
    keeper : Statement, optional
        Of the forward, which keeps what is wrong.

    Returns
    -------
    Fault
    """
    statement = keeper or one.site.statement
    pairs = list(zip(one.wanted, one.values, strict=True))
    wanted, value = next((pair for pair in pairs if not _equal(*pair[::-1])), pairs[0])
    expected, got, index = farthest(wanted, value)
    return Fault(
        statement.line, statement.text, None, index, expected, got, statement.head.rstrip(" +-="), None, False
    )


def farthest(right: Any, value: Any) -> tuple[float, float, tuple[int, ...]]:
    """Give the two numbers that differ most, and where.

    Parameters
    ----------
    right, value : array

    Returns
    -------
    expected, got : float
    index : tuple of int
    """
    right, value = np.asarray(right), np.asarray(value)
    if right.shape != value.shape:
        return float(np.ravel(right)[0]), float(np.ravel(value)[0]), ()
    index = np.unravel_index(np.argmax(np.abs(right - value)), right.shape) if right.ndim else ()
    return float(right[index]), float(value[index]), tuple(int(k) for k in index)


def _numbered(written):
    count: dict[Any, int] = {}
    found = {}
    for one in written:
        key = (one.line, one.record.target)
        count[key] = count.get(key, 0) + 1
        found[(*key, count[key])] = one
    return found


def _equal(one, other):
    return np.shape(one) == np.shape(other) and bool(
        np.max(np.abs(one - other), initial=0) <= 1e-9 * np.max(np.abs(other), initial=0)
    )
