"""Is it the same computation? Every output and gradient against the reference in float64, before anything is timed.

The bound
---------
A float32 result carries the roundings of its whole way, each at most u = 2**-24 of the number at hand. With n of them
the worst case is n u, but roundings go both ways: in all likelihood they add up to about sqrt(n) u (Higham & Mary
2019, "A new approach to probabilistic rounding error analysis"). So the largest difference in an array, over the
array's largest entry, must stay below ``LAMBDA * sqrt(n) * u``; n is ``cases.roundings``. A missing term or a wrong
factor is off by thousands of times more.
"""

import math
from typing import NamedTuple

import numpy as np

from .cases import EPSILON, LR, Case, roundings

UNIT = 2.0**-24  # half of float32's eps: the largest relative error of one rounding
TF32 = 2.0**-11  # the same of a factor on tensor cores: tf32 keeps 11 bits
LAMBDA = 16.0  # leaves room for tanh and exp, which are right to a few units, and for sums of unlike terms


class Agreement(NamedTuple):
    """What a comparison found."""

    error: float  # the worst array's largest difference, over its largest entry
    bound: float
    sentence: str | None  # what is wrong; None when everything agrees

    @property
    def agrees(self) -> bool:
        """Say whether the contender may be timed."""
        return self.sentence is None


def compare(
    case: Case, results: dict[str, np.ndarray], truth: dict[str, np.ndarray], *, tf32: bool = False
) -> Agreement:
    """Compare a contender's results with the reference's.

    Parameters
    ----------
    case : Case
    results : dict of str to array
        The contender's: outputs under their names, gradients as "grad NAME", parameters after Adam as "after NAME".
    truth : dict of str to array
        The same from the reference in float64.
    tf32 : bool
        Both factors of every product were rounded to tf32 before: two roundings more, of that size.

    Returns
    -------
    Agreement
    """
    bound = LAMBDA * (math.sqrt(roundings(case)) * UNIT + (math.sqrt(2) * TF32 if tf32 else 0.0))
    worst = 0.0
    for name, expected in truth.items():
        found = results.get(name)
        if found is None:
            return Agreement(math.inf, bound, f"{name} is missing")
        if found.shape != expected.shape:
            return Agreement(math.inf, bound, f"{name} has shape {found.shape}, expected {expected.shape}")
        difference = np.abs(found.astype(np.float64) - expected)
        largest = float(np.abs(expected).max(initial=0.0)) or 1.0
        if name.startswith("after "):
            allowed = _adam_moves(truth["grad " + name.removeprefix("after ")], bound) + 4 * UNIT * largest
            difference = np.where(difference <= allowed, 0.0, difference)
        error = float(difference.max(initial=0.0)) / largest
        if not error <= bound:  # NaN is wrong too
            return Agreement(error, bound, f"{name} differs by {error:.1e} of its largest entry, bound {bound:.1e}")
        worst = max(worst, error)
    return Agreement(worst, bound, None)


def _adam_moves(g, bound):
    """How far Adam's first step, lr g / (|g| + eps), may move when g is off by ``bound`` of the largest gradient.

    Where g could be 0 the step may have either sign: 2 lr. Elsewhere the slope lr eps / (|g| + eps)**2 counts, at the
    smallest |g| that the error allows.
    """
    off = bound * np.abs(g).max(initial=0.0)
    least = np.maximum(np.abs(g) - off, 0.0)
    slope = np.minimum(2.0, off * EPSILON / (least + EPSILON) ** 2)
    return LR * (np.where(least > 0, slope, 2.0) + 1e-5)  # 1e-5: Adam's own few roundings
