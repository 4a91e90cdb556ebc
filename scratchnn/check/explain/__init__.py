"""Where and how a gradient is wrong: fills a report's rows with a place and hints.

Every hint is a statement about numbers, and was verified before it was written: two arrays are called equal where no
entry differs by more than 1e-6 of the largest one (or the check's own bound, for float32) nor by more than a
thousandth of the error that is to be explained. What it may mean stands behind the colon, as a question. Of n
entries that are wrong by chance, all would meet one such statement with a chance of about (1e-6)**n.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ..layout import Layout
from ..report import Row
from . import parts, sums, whole
from .case import CLEAR, EXACT, Case
from .endings import begins
from .guess import guess_layout
from .pieces import Pieces
from .place import place_of

MOST_HINTS = 3


def explain(
    rows: tuple[Row, ...],
    layout: Layout | None,
    inputs: Mapping[str, Any],
    *,
    forward: Callable | None = None,
    backward: Callable | None = None,
    upstream: Mapping[str, np.ndarray] | None = None,
) -> tuple[tuple[Row, ...], tuple[str, ...]]:
    """Say of every failed row where it is wrong and what the error looks like.

    Parameters
    ----------
    rows : tuple of Row
        With gradient, truth and the map of wrong entries; rows that passed, or were not measured entry by entry, come
        back as they are.
    layout : Layout, optional
        Guessed from names and shapes if not given.
    inputs : mapping of str to array
    forward, backward : function, optional
        As for ``check_gradients``. With them, and ``upstream``, gradients are also taken apart: by output, step, row.
    upstream : mapping of str to array, optional

    Returns
    -------
    rows : tuple of Row
    notes : tuple of str
        What was guessed, and what holds for all rows together.
    """
    if all(row.passed for row in rows):
        return rows, ()
    upstream = dict(upstream or {})
    guessed = guess_layout(inputs, upstream) if layout is None else layout
    can_run = forward is not None and backward is not None and upstream
    pieces = Pieces(forward, backward, upstream, dict(inputs), guessed) if can_run else None
    explained = tuple(_explained(row, rows, guessed, inputs, upstream, pieces) for row in rows)
    blocks = any(" gate" in row.place or "block" in " ".join(row.hints) for row in explained)
    notes = [guessed.note] if blocks and guessed.note else []
    return explained, (*notes, *_together(rows))


def _explained(row, rows, layout, inputs, upstream, pieces):
    if row.passed or row.gradient is None or row.truth is None or not np.isfinite(row.truth).all():
        return row
    case = _case(row, rows, layout, inputs, upstream)
    if case.given.shape != case.truth.shape:
        return row._replace(hints=_first(whole.of_shape(case)))
    if not np.isfinite(case.given).all():
        return row._replace(place=place_of(case.wrong, row.name, layout))
    place = place_of(case.wrong, row.name, layout)
    if np.max(np.abs(case.given - case.truth)) <= 100 * case.tolerance:
        return row._replace(place=place)  # too close to tell one explanation from another
    said = _first(whole.of_whole(case))
    shares = pieces.of(row.name) if pieces and not said else None
    if shares is not None:
        said = _first(sums.of_sums(case, shares, pieces))
    said = said or _first(parts.of_parts(case))
    since = None if said or shares is None else begins(pieces, row.name, shares, case.tolerance)
    if since is None:
        return row._replace(place=place, hints=said or _carry_of(case))
    ending = replace(case, given=since.given, truth=since.right, wrong=since.wrong)
    where = _where(place, ending, since, _last_wrong_step(rows, layout))
    return row._replace(place=where, hints=_first(_of_ending(ending, since, pieces.T)))


def _case(row, rows, layout, inputs, upstream):
    given, truth = np.asarray(row.gradient), row.truth
    largest = float(np.max(np.abs(truth), initial=0))
    error = float(np.max(np.abs(given - truth), initial=0)) if given.shape == truth.shape else largest
    bound = min(row.bound_complex or np.inf, row.bound_difference or np.inf)
    bound = bound if np.isfinite(bound) else 0.0
    tolerance = max(bound * largest, min(EXACT * max(largest, error), CLEAR * error))
    return Case(
        name=row.name,
        given=given,
        truth=truth,
        wrong=row.wrong if row.wrong is not None else np.ones(truth.shape, bool),
        tolerance=tolerance,
        layout=layout,
        sizes=layout.sizes(inputs),
        others={other.name: other.truth for other in rows if other.name != row.name and other.truth is not None},
        upstream=upstream,
        inputs=dict(inputs),
    )


def _first(sentences):
    """Keep the first few, each once."""
    return tuple(dict.fromkeys(sentences))[:MOST_HINTS]


def _where(place, ending, since, last):
    """Name the gates that are wrong where it begins, and the step.

    An ending of the sequence has a first step of its own. If the arrays that have a time axis are right where the
    ending begins, it is the being first that is wrong.
    """
    there = place_of(ending.wrong, ending.name, ending.layout)
    when = f"from t={since.t} backward" if since.t else "at t=0"
    if last is not None and last < since.t:
        when = "at the first step" if last == 0 else f"from t={last} backward"
    first = when if there == "all of it" or there.startswith("scattered") else f"{there}, {when}"
    return first if there == place or not since.t else f"{first}; before t={since.t} {place}"


def _last_wrong_step(rows, layout):
    """Give the last step at which an array with a time axis is wrong, None if there is none."""
    found = []
    for row in rows:
        axis = layout.axis(row.name, row.shape, "time")
        if axis is not None and row.wrong is not None and row.wrong.any():
            found.append(int(np.max(np.nonzero(row.wrong)[axis])))
    return max(found, default=None)


def _of_ending(ending, since, T):
    """Say what the shortest wrong ending of the sequence looks like, and that a shorter one is right."""
    what = f"the last {_steps(T - since.t)} alone"
    for sentence in _first(whole.of_whole(ending)) or _first(parts.of_parts(ending)):
        yield f"{what}: {sentence}"
    if since.t < T - 1:
        rest = _steps(T - 1 - since.t)
        yield f"the last {rest} alone would be right: look at what is carried from t={since.t + 1} to t={since.t}"


def _carry_of(case):
    """Say it of an array that has a time axis itself."""
    axis = case.layout.axis(case.name, case.truth.shape, "time")
    if axis is None or not case.layout.carry:
        return ()
    T = case.truth.shape[axis]
    hit = np.flatnonzero(case.wrong.any(axis=tuple(k for k in range(case.wrong.ndim) if k != axis)))
    last = int(hit[-1])
    if last == T - 1 or len(hit) != last + 1:
        return ()
    verb = "is" if last == T - 2 else "are"
    return (f"the last {_steps(T - 1 - last)} {verb} right: look at what is carried from t={last + 1} to t={last}",)


def _steps(count):
    return "step" if count == 1 else f"{count} steps"


def _together(rows):
    """Find one factor in all rows."""
    given = [row for row in rows if row.gradient is not None and row.truth is not None]
    if len(given) < 2 or len(given) < len(rows) or any(row.gradient.shape != row.truth.shape for row in given):
        return ()
    one = np.concatenate([np.ravel(row.gradient) for row in given])
    all_truth = np.concatenate([np.ravel(row.truth) for row in given])
    if not np.isfinite(one).all() or not np.any(all_truth):
        return ()
    ratio = float(one @ all_truth) / float(all_truth @ all_truth)
    if abs(ratio - 1) < CLEAR or np.max(np.abs(one - ratio * all_truth)) > EXACT * np.max(np.abs(all_truth)):
        return ()
    return (f"all arrays are {ratio:.6g} times the right ones: one factor for all of them",)
