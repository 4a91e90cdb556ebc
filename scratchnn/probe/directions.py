"""Random directions: k numbers that vouch for a gradient of any size, with a probability that can be stated.

A gradient g of n entries is held against the true one, g*, along directions v whose entries are independent normal
numbers: is v.g the slope that the loss has along v? With the error e = g - g*, v.e is normal with mean 0 and
deviation |e| (Euclidean norm), however the error is spread: one entry wrong out of 100,000 shows as well as all of
them wrong a little. (Random signs would not do: two entries wrong by the same amount cancel in every second
direction.)

The comparison convicts where v.g and the measured slope differ by more than a tolerance tau; the measured slope may
itself be wrong by up to tau. So an error stays unseen in one direction only if |v.e| <= 2 tau, and since the density
of a normal number is at most 1 / sqrt(2 pi) per deviation,

    P(unseen in one direction) <= 4 tau / (sqrt(2 pi) |e|) = 1.6 tau / |e|
    P(unseen in k directions)  <= (1.6 tau / |e|)**k        (the directions are independent; tau: geometric mean)

Solved for the error: with probability 1 - p, every |e| >= 1.6 tau / p**(1/k) is seen. Example: tau = 1e-10 |g| and
k = 8: an error of 1e-8 |g| goes unseen with probability (0.016)**8 = 4e-15. The probability is over the directions,
which are drawn afresh from a seed that the judged code does not know; it holds for every fixed error e.
"""

from collections.abc import Sequence

import numpy as np

DENSITY = 4 / np.sqrt(2 * np.pi)


def draw_directions(rng: np.random.Generator, shape: tuple[int, ...], count: int) -> list[np.ndarray]:
    """Draw directions with independent normal entries.

    Parameters
    ----------
    rng : numpy.random.Generator
    shape : tuple of int
        Of the array.
    count : int

    Returns
    -------
    list of arrays of shape ``shape``
    """
    return [rng.normal(size=shape) for _ in range(count)]


def unseen_probability(error: float, tolerances: Sequence[float]) -> float:
    """Bound the probability that an error stays within the tolerance along every direction.

    Parameters
    ----------
    error : float
        Euclidean norm of the error.
    tolerances : sequence of float
        Of each direction.

    Returns
    -------
    float
        At most 1.
    """
    return float(np.prod([min(DENSITY * tolerance / error, 1.0) for tolerance in tolerances])) if error > 0 else 1.0


def seen_error(probability: float, tolerances: Sequence[float]) -> float:
    """Give the smallest error that stays unseen with at most a given probability.

    Parameters
    ----------
    probability : float
    tolerances : sequence of float
        Of each direction; infinite for one that says nothing.

    Returns
    -------
    float
        Euclidean norm of the error; infinite without any direction.
    """
    telling = np.array([tolerance for tolerance in tolerances if np.isfinite(tolerance)])
    if not telling.size:
        return np.inf
    if not np.all(telling > 0):
        return 0.0
    return float(DENSITY * np.exp(np.mean(np.log(telling))) / probability ** (1 / telling.size))
