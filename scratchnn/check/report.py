"""What a check found: rows of plain data, a verdict, and a table to read."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .layout import Layout

if TYPE_CHECKING:
    from matplotlib.figure import Figure


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
    gradient: np.ndarray | None = None  # given by the backward pass, None unless floating-point
    truth: np.ndarray | None = None  # by the better oracle, None unless every entry is known well enough
    wrong: np.ndarray | None = None  # which entries are beyond their bound, None unless every entry was measured
    method: str = ""  # "every entry", or along how many random directions
    sees: float | None = None  # such directions see an error of this part of the norm, but with probability 1e-9
    step: float | None = None  # of the differences
    oracle: str = ""  # what ran, with what step, and why
    place: str = ""  # where it is wrong by name: "forget block, from t=2 backward"
    hints: tuple[str, ...] = ()  # what the error looks like, one sentence each


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
    layout : Layout, optional
        What the axes and blocks of the arrays mean.
    """

    name: str
    rows: tuple[Row, ...] = ()
    failures: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    oracles: tuple[str, ...] = ()
    seed: int = 0
    layout: Layout | None = None

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

    def judged(self) -> list[str]:
        """Say which oracles looked at what: one sentence for the arrays that were judged alike.

        Returns
        -------
        list of str
        """
        groups = {}
        for row in self.rows:
            groups.setdefault((row.method, row.oracle.partition(",")[0]), []).append(row)
        return [_judged(rows, len(rows) == len(self.rows)) for (method, _), rows in groups.items() if method]

    def __str__(self):
        """Give the table as plain text."""
        head = f"{self.name or 'gradients'}: {'passed' if self.passed else 'FAILED'}"
        lines = [head + (f" ({' and '.join(self.oracles)}, seed {self.seed})" if self.oracles else "")]
        lines += _aligned([HEADINGS, *(_cells(row) for row in self.rows)]) if self.rows else []
        lines += [f"  {row.name}: {sentence}" for row in self.rows for sentence in sentences(row)]
        lines += [f"  {sentence}" for sentence in self.judged()]
        lines += [f"  failure: {sentence}" for sentence in self.failures]
        lines += [f"  note: {sentence}" for sentence in self.notes]
        return "\n".join(lines)

    def plot(self) -> "Figure":
        """Draw one error map per array.

        Returns
        -------
        matplotlib.figure.Figure
        """
        from .picture import picture  # matplotlib is imported only when something is drawn

        return picture(self)

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
            "rows": [_row_as_dict(row) for row in self.rows],
            "failures": list(self.failures),
            "notes": list(self.notes),
        }


def sentences(row: Row) -> tuple[str, ...]:
    """Give all that words say about an array: why it failed, where, and what the error looks like.

    Parameters
    ----------
    row : Row

    Returns
    -------
    tuple of str
    """
    remark = f"{row.remark} ({row.place})" if row.remark and row.place else row.remark or row.place
    return (*filter(None, (remark,)), *row.hints)


ARRAYS = ("gradient", "truth", "wrong")
HEADINGS = ("array", "shape", "step", "differences", "bound", "complex step", "verdict")


def _judged(rows, all_of_them):
    steps = [row.step for row in rows if row.step]
    low, high = (f"{edge(steps):.1e}" for edge in (min, max)) if steps else ("-", "-")
    said = f"judged {'' if all_of_them else ', '.join(row.name for row in rows) + ': '}{rows[0].method}, "
    said += "complex step h=1e-30 and " if rows[0].oracle.startswith("complex") else "by "
    said += f"differences h={low}" + ("" if low == high else f" to {high}")
    sees = [row.sees for row in rows if row.sees is not None]
    if sees:
        said += f"; an error above {max(sees):.1e} of the gradient's norm goes unseen with probability below 1e-9"
    return said


def _row_as_dict(row):
    """Leave the arrays out; the share of bad entries says how much of them is wrong."""
    plain = {key: _plain(value) for key, value in row._asdict().items() if key not in ARRAYS}
    return plain | {"share": row.bad / row.size if row.size else 0.0}


def _cells(row):
    errors = (row.step, row.error_difference, row.bound_difference, row.error_complex)
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
