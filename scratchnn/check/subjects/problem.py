"""A subject of a check: a name, a title, and how to make the problem."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ..layout import Layout


class Problem(NamedTuple):
    """What ``check_gradients`` takes."""

    forward: Callable
    backward: Callable
    inputs: dict[str, np.ndarray]


class Subject(NamedTuple):
    """Something whose gradients can be proved. The group is what stands before the first dot of the name.

    ``make(rng, backend="reference") -> Problem``: the backend is the name of one, or any module with the functions of
    the op; a layer or a model hands it on to its layers.
    """

    name: str
    title: str
    make: Callable[..., Problem]
    layout: Layout = Layout()  # what the axes and blocks of its arrays mean

    @property
    def group(self) -> str:
        """The name that `scratchnn check` knows: "lstm" for "lstm.masked"."""
        return self.name.partition(".")[0]


def normal(rng: np.random.Generator, *shape: int, scale: float = 0.5) -> np.ndarray:
    """Draw entries of the size ``scale``.

    Parameters
    ----------
    rng : numpy.random.Generator
    shape : int
    scale : float

    Returns
    -------
    array of float64
    """
    return scale * rng.normal(size=shape)


def away_from_zero(rng: np.random.Generator, *shape: int, least: float = 0.25) -> np.ndarray:
    """Draw entries of either sign that are at least ``least``: no difference crosses a kink at zero.

    Parameters
    ----------
    rng : numpy.random.Generator
    shape : int
    least : float

    Returns
    -------
    array of float64
    """
    return rng.choice([-1.0, 1.0], size=shape) * rng.uniform(least, 2.0, size=shape)
