"""The verdict on a large array: along random directions first, and where it is wrong if they convict it."""

import numpy as np

from scratchnn import probe

from . import bounds
from .evidence import Evidence, slope_of, unit_along, wrong_along
from .oracles import Oracles
from .report import Row

MORE = 64  # entries drawn to estimate how many are wrong
TRIALS = 3  # searches for a wrong entry; each ends at one, unless chance or noise leads it astray


def judge_directions(
    row: Row,
    given: np.ndarray,
    evidence: Evidence,
    overall: float,
    oracles: Oracles,
    rng: np.random.Generator,
) -> Row:
    """Hold a gradient against the slopes along random directions, and find a wrong entry if they differ.

    Parameters
    ----------
    row : Row
        With name, shape and size.
    given : array
        The gradient, finite and of the right shape and kind.
    evidence : Evidence
        Of some directions, then of some entries.
    overall : float
        The largest entry of all arrays.
    oracles : Oracles
        To measure more, should the directions convict.
    rng : numpy.random.Generator

    Returns
    -------
    Row
        Errors along directions are relative to the gradient's norm, those of entries to the largest entry.
    """
    allowed_exact, allowed = _allowed(given, evidence, overall)
    units = np.where(unit_along(evidence, overall) > 0, unit_along(evidence, overall), 1.0)
    own = evidence.given(given)
    bad, unjudged = wrong_along(evidence, own, allowed_exact, allowed)
    error = np.abs(own - evidence.numeric.slopes) / units
    shown = int(np.argmax(np.where(unjudged, -1.0, error / np.maximum(allowed / units, 1e-300))))
    row = row._replace(error_difference=float(error[shown]), bound_difference=float(allowed[shown] / units[shown]))
    tolerances = allowed
    if evidence.exact is not None:
        wrong = np.abs(own - evidence.exact) / units
        k = int(np.argmax(wrong))
        row = row._replace(error_complex=float(wrong[k]), bound_complex=float(allowed_exact[k] / units[k]))
        tolerances = np.minimum(allowed_exact, allowed)
    telling = np.where(unjudged, np.inf, tolerances)[: evidence.directions]
    seen = probe.seen_error(bounds.UNSEEN, telling) / float(units[0])
    row = row._replace(sees=seen)
    if bad.any():
        return _convicted(row, given, evidence, overall, oracles, rng, int(bad[: evidence.directions].sum()))
    row = _with_worst(row._replace(bad=0), given, evidence)
    if seen > bounds.BLUNT:
        return row._replace(
            bad=row.size,
            remark=f"cannot be judged: {evidence.directions} directions see errors above {seen:.1e} of the norm only",
        )
    return row._replace(passed=True)


def _allowed(given, evidence, overall):
    """Give the largest errors allowed along each line, against the complex step and against the differences."""
    units = unit_along(evidence, overall)
    scale = bounds.scale_of(evidence.largest, overall)
    bound, rounding = bounds.complex_bound_of(given.dtype), bounds.rounding_of(given.dtype)
    along = np.arange(len(units)) < evidence.directions
    floor = rounding if evidence.largest == scale else bound
    return bound * scale + rounding * along * units, bounds.ESTIMATES * evidence.numeric.errors + floor * units


def _with_worst(row, given, evidence):
    """Fill in the entry that is most wrong of those measured."""
    entries = evidence.lines[evidence.directions :]
    own = np.array([slope_of(given, line) for line in entries])
    k = int(np.argmax(np.abs(own - evidence.entries)))
    return row._replace(worst=entries[k], given=float(own[k]), expected=float(evidence.entries[k]))


def _convicted(row, given, evidence, overall, oracles, rng, directions):
    """Find wrong entries: by drawing some at random, and by halving the array toward the larger error."""
    flat = rng.choice(row.size, size=MORE, replace=False)
    drawn = [tuple(int(k) for k in np.unravel_index(position, row.shape)) for position in flat]
    lines = [*drawn, *evidence.lines[evidence.directions :]]
    for _ in range(TRIALS):
        lines.append(_search(row, given, oracles, rng))
        entries = oracles.look(row.name, lines)
        bad, _ = wrong_along(entries, entries.given(given), *_allowed(given, entries, overall))
        if bad.any():
            break
    row = _with_worst(row, given, entries)
    share = float(np.mean(bad[:MORE]))
    some = f"about {share:.0%} of the entries" if share else "few entries"
    return row._replace(
        bad=max(round(share * row.size), int(bad.sum()), 1),
        remark=f"wrong along {directions} of {evidence.directions} random directions; {int(bad.sum())} of "
        f"{len(lines)} entries measured are wrong, so {some}; {bounds.entry(row.name, row.worst)} is "
        f"{row.given:.12g}, expected {row.expected:.12g}",
    )


def _search(row, given, oracles, rng):
    """Halve the array along its longest axis, again and again, toward the half with the larger error."""
    block = [slice(0, size) for size in row.shape]
    while any(part.stop - part.start > 1 for part in block):
        axis = max(range(len(block)), key=lambda k: block[k].stop - block[k].start)
        start, stop = block[axis].start, block[axis].stop
        parts = slice(start, (start + stop) // 2), slice((start + stop) // 2, stop)
        halves = [[*block[:axis], part, *block[axis + 1 :]] for part in parts]
        lines = [_direction_in(half, row.shape, rng) for half in halves]
        errors = [
            abs(slope_of(given, line) - slope)
            for line, slope in zip(lines, oracles.best(row.name, lines), strict=True)
        ]
        block = halves[int(np.argmax(errors))]
    return tuple(part.start for part in block)


def _direction_in(block, shape, rng):
    line = np.zeros(shape)
    line[tuple(block)] = rng.normal(size=line[tuple(block)].shape)
    return line
