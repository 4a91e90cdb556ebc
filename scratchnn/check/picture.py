"""The picture of a report: one error map per array."""

import numpy as np
from matplotlib.figure import Figure

from scratchnn import draw

from .bounds import COMPLEX_BOUND
from .layout import Layout
from .report import Report, Row


def picture(*reports: Report) -> Figure:
    """Draw reports, one error map per array.

    Parameters
    ----------
    *reports : Report

    Returns
    -------
    matplotlib.figure.Figure
    """
    panels, titles = [], []
    for report in reports:
        overall = max((row.largest for row in report.rows), default=0.0)
        many = f"{report.name}, " if len(reports) > 1 else ""
        panels += [panel(row, report.layout or Layout(), overall, f"{many}{row.name}") for row in report.rows]
        by = f" ({' and '.join(report.oracles)})" if report.oracles else ""
        titles.append(f"{report.name or 'gradients'}: {'passed' if report.passed else 'FAILED'}{by}")
        titles += [f"! {sentence}" for sentence in report.failures[:3]]
    exact = all("complex step" in report.oracles for report in reports)
    return draw.error_maps(panels, title="\n".join(titles), bound=COMPLEX_BOUND if exact else None)


def panel(row: Row, layout: Layout, overall: float, title: str) -> draw.Panel:
    """Make a picture's panel of a row.

    Parameters
    ----------
    row : Row
    layout : Layout
    overall : float
        The largest entry of all arrays: the scale of one that is zero everywhere.
    title : str

    Returns
    -------
    draw.Panel
    """
    kept = row.truth is not None and row.gradient is not None
    errors = None
    if kept and np.shape(row.gradient) == row.truth.shape:
        with np.errstate(invalid="ignore"):
            errors = np.abs(np.asarray(row.gradient, dtype=float) - row.truth) / (row.largest or overall or 1.0)
    worst = row.error_difference if row.error_complex is None else row.error_complex
    words = ["" if worst is None else f"worst {worst:.0e}", f"{row.bad:,} of {row.size:,} wrong" if row.bad else ""]
    return draw.Panel(
        name=title,
        errors=errors,
        passed=row.passed,
        words=", ".join(filter(None, words)),
        place=row.place,
        axes=layout.axes_of(row.name, row.shape),
        blocks=layout.blocks_of(row.name, row.shape),
        remark=row.remark or f"no map: judged along {row.method}",
    )
