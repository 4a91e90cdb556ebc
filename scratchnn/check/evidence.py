"""What the oracles say: slopes along lines through one array, which are its entries, or random directions and some.

Both oracles look along the same lines; here they are also held against each other.
"""

from typing import Any, NamedTuple

import numpy as np

from scratchnn import probe

from . import bounds

DIRECTIONS = 8  # with a tolerance of 1e-10 |g| they miss an error of 1e-8 |g| with probability 4e-15
ENTRIES = 8  # measured beside the directions, so that numbers can be shown
ALWAYS = 64  # an array of so many entries costs no more, entry by entry, than its directions would


class Evidence(NamedTuple):
    """The slopes of the loss along lines through one array."""

    name: str
    shape: tuple[int, ...]
    lines: list[Any]  # first the directions, then the entries; only entries if there is no direction
    directions: int  # how many of the lines are directions
    numeric: probe.Along
    exact: np.ndarray | None = None  # by the complex step
    on_kink: frozenset[int] = frozenset()  # lines along which the last digit decides between two slopes

    @property
    def best(self) -> np.ndarray:
        """The slopes by the better oracle."""
        return self.numeric.slopes if self.exact is None else self.exact

    @property
    def entries(self) -> np.ndarray:
        """The true entries that were measured, one per line that is an entry."""
        return self.best[self.directions :]

    @property
    def norm(self) -> float:
        """The Euclidean norm of the true gradient; from directions, whose slopes have it as their deviation."""
        slopes = self.best[: self.directions] if self.directions else self.best
        total = float(np.sum(slopes**2))
        return np.sqrt(total / self.directions if self.directions else total)

    @property
    def largest(self) -> float:
        """The largest true entry that was measured, or that the norm makes sure of."""
        size = int(np.prod(self.shape))
        sure = self.norm / np.sqrt(size) if self.directions else 0.0
        return max(bounds.largest(self.entries), sure)

    def given(self, gradient: np.ndarray) -> np.ndarray:
        """Give what a gradient says along the same lines.

        Parameters
        ----------
        gradient : array

        Returns
        -------
        (lines,) array of float64
        """
        return np.array([slope_of(gradient, line) for line in self.lines], dtype=np.float64)


def slope_of(gradient: np.ndarray, line: Any) -> float:
    """Give the slope along a line that a gradient implies.

    Parameters
    ----------
    gradient : array
    line : tuple of int, or array
        An entry, or a direction.

    Returns
    -------
    float
    """
    return float(np.sum(gradient * line, dtype=np.float64) if isinstance(line, np.ndarray) else gradient[line])


def lines_through(
    shape: tuple[int, ...], gradient: np.ndarray | None, directions: int, rng: np.random.Generator
) -> list:
    """Choose the lines to look along.

    Parameters
    ----------
    shape : tuple of int
        Of the array.
    gradient : array or None
        Given by the backward pass: its largest entry is among those measured.
    directions : int
        0: every entry; small arrays are measured entry by entry in any case.
    rng : numpy.random.Generator

    Returns
    -------
    list
        Directions, if any, then entries.
    """
    size = int(np.prod(shape))
    if not directions or size <= max(ALWAYS, directions + ENTRIES):
        return list(np.ndindex(shape))
    chosen = rng.choice(size, size=ENTRIES, replace=False).tolist()
    if gradient is not None and gradient.shape == shape and gradient.dtype.kind == "f":
        chosen = list(dict.fromkeys([int(np.argmax(np.abs(gradient))), *chosen]))[:ENTRIES]
    entries = [tuple(int(k) for k in np.unravel_index(flat, shape)) for flat in chosen]
    return [*probe.draw_directions(rng, shape, directions), *entries]


def disagreement(evidence: Evidence, overall: float) -> str:
    """Hold the complex step against the differences.

    Parameters
    ----------
    evidence : Evidence
        With both oracles.
    overall : float
        The largest entry of all arrays.

    Returns
    -------
    str
        Where they disagree and by what numbers; empty if they agree, on kinks aside.
    """
    numeric, exact = evidence.numeric, evidence.exact
    allowed = bounds.ESTIMATES * numeric.errors + bounds.ROUNDINGS * bounds.EPS * unit_along(evidence, overall)
    off = ~(np.abs(exact - numeric.slopes) <= allowed) | ~np.isfinite(exact)
    off[list(numeric.seated)] = False
    if not off.any():
        return ""
    k = int(np.argmax(off))
    where = f"along a random direction of {evidence.name}"
    if k >= evidence.directions:
        where = f"at {bounds.entry(evidence.name, evidence.lines[k])}"
    return f"{where} (complex step {exact[k]:.6g}, differences {numeric.slopes[k]:.6g})"


def unit_along(evidence: Evidence, overall: float) -> np.ndarray:
    """Give what errors are relative to, line by line: the array's scale at an entry, its norm along a direction.

    Parameters
    ----------
    evidence : Evidence
    overall : float
        The largest entry of all arrays.

    Returns
    -------
    (lines,) array
    """
    units = np.full(len(evidence.lines), bounds.scale_of(evidence.largest, overall))
    units[: evidence.directions] = max(evidence.norm, units[0]) if len(units) else 0.0
    return units


def wrong_along(
    evidence: Evidence, given: np.ndarray, allowed_exact: np.ndarray, allowed_numeric: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Judge line by line.

    Parameters
    ----------
    evidence : Evidence
    given : (lines,) array
        What the judged gradient says along the lines.
    allowed_exact, allowed_numeric : (lines,) array
        The largest error against either oracle.

    Returns
    -------
    wrong, unjudged : (lines,) array of bool
        Lines on which the gradient is wrong, and lines along which there is nothing to compare with.
    """
    numeric, exact = evidence.numeric, evidence.exact
    wrong = ~(np.abs(given - numeric.slopes) <= allowed_numeric)
    unjudged = np.zeros(len(given), dtype=bool)
    if exact is not None:
        off = ~(np.abs(given - exact) <= allowed_exact)
    for k in numeric.seated:
        wrong[k] = False
        if exact is None:
            unjudged[k] = True
        elif k in evidence.on_kink:
            low, high = _between(numeric, exact[k], k)
            off[k] = not low - allowed_numeric[k] <= given[k] <= high + allowed_numeric[k]
    return (wrong if exact is None else wrong | off), unjudged


def sides(numeric: probe.Along, k: int) -> tuple[float, float]:
    """Give the slopes below and above the kink of a line.

    Parameters
    ----------
    numeric : Along
    k : int
        The number of a line with a kink.

    Returns
    -------
    below, above : float
    """
    kink, slope = numeric.kinks[k], float(numeric.slopes[k])
    if k in numeric.seated:
        return slope - kink.jump / 2, slope + kink.jump / 2
    return (slope, slope + kink.jump) if kink.at > 0 else (slope - kink.jump, slope)


def _between(numeric, exact, k):
    """Give the range of slopes that some convention for the kink leads to."""
    below, above = sides(numeric, k)
    answers = (below, above, exact, below + above - exact)
    return min(answers), max(answers)
