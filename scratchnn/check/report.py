"""What a check found: rows of plain data, a verdict, and a table to read."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np


class Row(NamedTuple):
    """One array. Errors and bounds are relative to the array's scale (see ``gradients``); None: not measured."""

    name: str
    shape: tuple[int, ...]
    size: int
    largest: float = 0.0  # entry of the true gradient, in size
    error_difference: float | None = None  # the largest; if some are beyond their bound, that of the farthest beyond
    bound_difference: float | None = None  # of that entry: what the differences can be trusted to
    error_complex: float | None = None  # the largest
    bound_complex: float | None = None
    passed: bool = False
    worst: tuple[int, ...] | None = None  # the entry that is most wrong
    given: float | None = None  # there, by the backward pass
    expected: float | None = None  # there, by the better oracle
    bad: int = 0  # entries beyond their bound
    remark: str = ""  # why it failed


@dataclass(frozen=True)
class Report:
    """The verdict on one backward pass.

    Parameters
    ----------
    name : str
    rows : tuple of Row
        One per floating-point input.
    failures : tuple of str
        What went wrong beside the numbers, one sentence each.
    notes : tuple of str
        What to know about the check itself, one sentence each.
    oracles : tuple of str
        Which oracles decided: "differences", "complex step".
    seed : int
        The upstream gradients were drawn from it.
    """

    name: str
    rows: tuple[Row, ...] = ()
    failures: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    oracles: tuple[str, ...] = ()
    seed: int = 0

    @property
    def passed(self) -> bool:
        """True if every row passed and nothing else went wrong. A check without a row proves nothing."""
        return bool(self.rows) and not self.failures and all(row.passed for row in self.rows)

    @property
    def worst(self) -> float | None:
        """The largest error against the better oracle over all rows, None if nothing was measured."""
        errors = [row.error_difference if row.error_complex is None else row.error_complex for row in self.rows]
        measured = [error for error in errors if error is not None]
        return max(measured) if measured and not np.isnan(measured).any() else None

    def __str__(self):
        """Give the table as plain text."""
        head = f"{self.name or 'gradients'}: {'passed' if self.passed else 'FAILED'}"
        lines = [head + (f" ({' and '.join(self.oracles)}, seed {self.seed})" if self.oracles else "")]
        lines += _aligned([HEADINGS, *(_cells(row) for row in self.rows)]) if self.rows else []
        lines += [f"  {row.name}: {row.remark}" for row in self.rows if row.remark]
        lines += [f"  failure: {sentence}" for sentence in self.failures]
        lines += [f"  note: {sentence}" for sentence in self.notes]
        return "\n".join(lines)

    def as_dict(self) -> dict:
        """Give everything as dicts, lists, strings and finite numbers, ready for JSON (NaN and inf become None).

        Returns
        -------
        dict
        """
        return {
            "name": self.name,
            "passed": self.passed,
            "worst": _plain(self.worst),
            "seed": self.seed,
            "oracles": list(self.oracles),
            "rows": [{key: _plain(value) for key, value in row._asdict().items()} for row in self.rows],
            "failures": list(self.failures),
            "notes": list(self.notes),
        }


HEADINGS = ("array", "shape", "differences", "bound", "complex step", "verdict")


def _cells(row):
    errors = (row.error_difference, row.bound_difference, row.error_complex)
    return (row.name, str(row.shape), *map(_short, errors), "pass" if row.passed else "FAIL")


def _short(number):
    return "-" if number is None else f"{number:.1e}"


def _aligned(table):
    widths = [max(len(line[k]) for line in table) for k in range(len(table[0]))]
    return ["  " + "  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip() for line in table]


def _plain(value):
    if isinstance(value, tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, float | np.floating):
        return float(value) if np.isfinite(value) else None
    return value
