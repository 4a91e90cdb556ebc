"""The verdict on one array whose every entry was measured."""

import numpy as np

from . import bounds
from .evidence import Evidence, unit_along, wrong_along
from .report import Row


def judge_entries(row: Row, given: np.ndarray, evidence: Evidence, overall: float) -> Row:
    """Compare a gradient with the truth, entry by entry.

    Parameters
    ----------
    row : Row
        With name, shape and size.
    given : array
        The gradient, finite and of the right shape and kind.
    evidence : Evidence
        Of every entry.
    overall : float
        The largest entry of all arrays.

    Returns
    -------
    Row
    """
    if not given.size:
        return row._replace(passed=True)
    scale = bounds.scale_of(evidence.largest, overall)
    unit = scale or 1.0
    own, numeric = evidence.given(given), evidence.numeric
    bound = bounds.complex_bound_of(given.dtype)
    floor = bounds.rounding_of(given.dtype) if evidence.largest == scale else bound  # it has no scale of its own
    allowed = bounds.ESTIMATES * numeric.errors + floor * unit_along(evidence, overall)
    bad, unjudged = wrong_along(evidence, own, np.full(own.shape, bound * scale), allowed)
    error, wrong = np.abs(own - numeric.slopes) / unit, np.abs(own - evidence.best) / unit
    if evidence.exact is not None:
        row = row._replace(error_complex=bounds.largest(wrong[~_seated(numeric)]), bound_complex=bound)
    shown, worst = (
        _shown(error, allowed / unit, numeric),
        int(np.argmax(np.where(bad, wrong, -1) if bad.any() else wrong)),
    )
    if not _seated(numeric).all():
        row = row._replace(error_difference=float(error[shown]), bound_difference=float(allowed[shown] / unit))
    row = row._replace(
        worst=evidence.lines[worst],
        given=float(own[worst]),
        expected=float(evidence.best[worst]),
        bad=int(bad.sum()),
        wrong=bad.reshape(row.shape),
    )
    if bad.any():
        return row._replace(remark=_remark(row, given))
    return _if_sharp_enough(row, evidence, allowed / unit, unjudged)


def _seated(numeric):
    seated = np.zeros(len(numeric.slopes), dtype=bool)
    seated[list(numeric.seated)] = True
    return seated


def _shown(error, allowed, numeric):
    """Choose the error against the differences that is shown: the farthest beyond its bound, or the largest."""
    beyond = np.where(_seated(numeric), -np.inf, error - allowed)
    if (beyond > 0).any() or _seated(numeric).all():
        return int(np.argmax(beyond))
    return int(np.argmax(np.where(_seated(numeric), -1.0, error)))


def _remark(row, given):
    shown = f"{bounds.entry(row.name, row.worst)} is {row.given:.12g}, expected {row.expected:.12g}"
    if row.size > 1 and not given.any():
        return f"the gradient is zero everywhere; {shown}"
    return f"{row.bad} of {row.size} entries wrong; {shown}"


def _if_sharp_enough(row, evidence, allowed, unjudged):
    """Pass, unless the differences decide alone and cannot tell right from wrong."""
    if evidence.exact is not None:
        return row._replace(passed=True)
    blunt = (allowed > bounds.BLUNT) & ~unjudged
    if blunt.any():
        k = int(np.argmax(blunt))
        return row._replace(
            truth=None,
            wrong=None,
            bad=int(blunt.sum()),
            remark=f"cannot be judged: at {bounds.entry(row.name, evidence.lines[k])} the differences are sure only "
            f"to {allowed[k]:.1e} of the largest entry",
        )
    if unjudged.all():
        return row._replace(
            truth=None, wrong=None, bad=row.size, remark="cannot be judged: every entry sits on a kink"
        )
    return row._replace(passed=True)
