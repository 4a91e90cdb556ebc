"""Kinks: places on a line where the slope of the loss jumps (relu, max, abs), or the loss itself does.

A difference whose step crosses a kink measures a mean of two slopes. Two questions find that out:

*Do the one-sided slopes disagree at the point itself?* G(h) = (phi(h) - 2 phi(0) + phi(-h)) / h is the forward minus
the backward difference. Where phi is smooth, G(h) = phi'' h + phi'''' h**3 / 12 + ... goes to 0; at a kink it goes to
the jump of the slope. Three steps cancel h and h**3, and what is left over is told by how much the last one changed.

*Where is it?* A second difference over a spacing d is phi'' d**2 where phi is smooth, and about jump * d around a
kink. Halve the interval again and again toward the largest second difference: over an interval of width w the slope
changes by phi'' w where phi is smooth (it halves with w), and by the jump around a kink (it stays).
"""

from itertools import pairwise
from typing import NamedTuple

from .lines import Line

HALVINGS = 44  # from a step of 0.1 down to 1e-14
LEAST = 7  # halvings before anything is said
FALLEN = 0.3  # two halvings bring a smooth slope's change to 1/4 of what it was, and leave a kink's
AWAY = 16  # widths from a kink at which its slopes are measured
CLEAR = 20  # deviations of noise that a second difference must exceed to point anywhere
ROUNDING = 23  # noise / h in the extrapolated jump: sqrt(6) * (8/7) * 2 / (h/4) = 22.4, the two other steps add 2 %

SIDE_TRIALS = 6
SIDE_ROUNDING = 400  # noise / h: sqrt(2) * 32 from h/32, times 2 * 4/3 * 8/7 * 16/15 * 32/31 = 3.4, and the rest


class Kink(NamedTuple):
    """A place where the slope changes all of a sudden."""

    at: float  # on the line: the distance from the point, signed
    width: float  # it lies within at - width .. at + width
    jump: float  # slope above minus slope below

    @property
    def room(self) -> float:
        """How far one can step from the point, either way, without meeting it; 0: the point may sit on it."""
        return max(abs(self.at) - self.width, 0.0)


def slope_jump(line: Line, h: float, noise: float) -> tuple[float, float]:
    """Extrapolate the one-sided slopes' difference at the point from the steps h, h/2, h/4.

    Parameters
    ----------
    line : Line
    h : float
    noise : float
        Deviation of the loss's rounding errors.

    Returns
    -------
    jump, error : float
        0 within its error where the loss is smooth.
    """
    centre = 2 * line.value(0.0)
    g0, g1, g2 = ((line.value(s) + line.value(-s) - centre) / s for s in (h, h / 2, h / 4))
    first, second = 2 * g1 - g0, 2 * g2 - g1
    jump = second + (second - first) / 7
    return jump, abs(jump - second) + ROUNDING * noise / h


def side_slope(line: Line, h: float, noise: float) -> tuple[float, float]:
    """Extrapolate the one-sided differences over h, h/2, ..., h/32: a kink on the other side does not touch them.

    Their error is a series in all powers of h; Neville's tableau cancels one power with each column.

    Parameters
    ----------
    line : Line
    h : float
        Negative for the slope below the point.
    noise : float
        Deviation of the loss's rounding errors.

    Returns
    -------
    slope, error : float
        The smallest error over h, h/4, h/16, ... where the tableau agrees with itself best.
    """
    found = []
    for _ in range(SIDE_TRIALS):
        column = [line.one_sided(h / 2**k) for k in range(6)]
        last = []
        for power in range(1, 6):
            last.append(column[-1])
            column = [b + (b - a) / (2**power - 1) for a, b in pairwise(column)]
        error = max(abs(column[0] - last[-1]), abs(last[-1] - last[-2]) / 4) + SIDE_ROUNDING * noise / abs(h)
        found.append((error, column[0]))
        h /= 4
    error, slope = min(found, key=lambda pair: (not pair[0] < float("inf"), pair[0]))
    return slope, error


def find_kink(line: Line, reach: float, noise: float) -> Kink | None:
    """Look for the sharpest kink within ``reach`` of the point.

    Parameters
    ----------
    line : Line
    reach : float
        How far to look, to either side.
    noise : float
        Deviation of the loss's rounding errors.

    Returns
    -------
    Kink or None
        None where the loss is smooth as far as noise lets one see.
    """
    middle, d = 0.0, reach / 2
    changes = []
    for _ in range(HALVINGS):
        values = [line.value(middle + k * d) for k in (-2, -1, 0, 1, 2)]
        bends = [values[k - 1] - 2 * values[k] + values[k + 1] for k in (1, 2, 3)]
        sharpest = max(range(3), key=lambda k: abs(bends[k]))
        if not abs(bends[sharpest]) > CLEAR * noise:
            break
        changes.append((values[4] - values[3] - values[1] + values[0]) / d)
        if len(changes) > LEAST and abs(changes[-1]) <= FALLEN * abs(changes[-3]):
            return None
        at, width = middle, 2 * d
        middle, d = middle + (sharpest - 1) * d, d / 2
    if len(changes) <= LEAST:
        return None
    far = AWAY * width  # noise is less there, in parts of the jump
    above, below = line.value(at + 2 * far) - line.value(at + far), line.value(at - far) - line.value(at - 2 * far)
    return Kink(at, width, (above - below) / far)
