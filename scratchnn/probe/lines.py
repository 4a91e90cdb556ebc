"""The loss along a straight line: all that a difference or a complex step ever looks at.

phi(t) = loss(x + t * d), where d moves one entry of one array, or all of them at once along a direction.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from .inputs import evaluate

Where = tuple[int, ...] | np.ndarray  # an entry by its index, or a direction with the shape of the array


class Line:
    """phi(t) = loss(x + t * d); its values are kept, so that no step is evaluated twice.

    Parameters
    ----------
    loss : function
    work : dict of str to array
        Inputs as ``promoted`` copies them; left as they were after every call.
    name : str
        The array that is moved.
    where : tuple of int, or array
        The entry that moves, or the direction in which all entries do.
    """

    def __init__(self, loss: Callable[[dict[str, Any]], Any], work: dict[str, Any], name: str, where: Where):
        self.loss, self.work, self.name = loss, work, name
        self.where = where if isinstance(where, tuple) else np.asarray(where)  # a direction of a number is no array
        self.values = {}

    def value(self, t: float) -> float:
        """Give phi(t), real part."""
        if t not in self.values:
            self.values[t] = float(np.real(self._evaluated(t)))
        return self.values[t]

    def slope(self, h: float) -> float:
        """Give the central difference (phi(h) - phi(-h)) / 2h; 0 for a step too small to move anything."""
        difference = self.value(h) - self.value(-h)
        return difference / (self._taken(-h, h) or 1.0)

    def one_sided(self, h: float) -> float:
        """Give the forward difference (phi(h) - phi(0)) / h."""
        difference = self.value(h) - self.value(0.0)
        return difference / (self._taken(0.0, h) or 1.0)

    def imaginary(self, h: float) -> Any:
        """Give phi(i h) as the loss returns it; the inputs must be complex."""
        return self._evaluated(complex(0, h))

    def _evaluated(self, t):
        array = self.work[self.name]
        if isinstance(self.where, np.ndarray):
            return evaluate(self.loss, {**self.work, self.name: np.asarray(array + t * self.where)})
        kept = array[self.where]
        array[self.where] = kept + t
        try:
            return evaluate(self.loss, self.work)
        finally:
            array[self.where] = kept

    def _taken(self, low, high):
        """Give the step really taken: the difference of two representable numbers."""
        if isinstance(self.where, np.ndarray):
            return high - low
        kept = self.work[self.name][self.where]
        return float((kept + high) - (kept + low)) if np.isfinite(kept) else 1.0


def pattern(shape: tuple[int, ...]) -> np.ndarray:
    """Give fixed signs without a pattern along any axis: those of sin(1), sin(4), sin(9), ...

    Parameters
    ----------
    shape : tuple of int

    Returns
    -------
    array of +1 and -1
    """
    counts = np.arange(1.0, 1.0 + np.prod(shape, dtype=int))
    return np.where(np.sin(counts**2) >= 0, 1.0, -1.0).reshape(shape)


def along_all(shape: tuple[int, ...]) -> np.ndarray:
    """Give a direction of length 1 that moves every entry equally far: fixed signs / sqrt(size).

    Parameters
    ----------
    shape : tuple of int

    Returns
    -------
    array of shape ``shape``
    """
    return pattern(shape) / np.sqrt(max(np.prod(shape, dtype=int), 1))


def magnitude(array: np.ndarray) -> float:
    """Give the root mean square of the finite entries, 1 if there is none but zeros.

    Parameters
    ----------
    array : array

    Returns
    -------
    float
    """
    return root_mean_square(array[np.isfinite(array)]) or 1.0


def root_mean_square(values: np.ndarray) -> float:
    """Give sqrt(mean(values**2)) without overflow, 0 for no values.

    Parameters
    ----------
    values : array

    Returns
    -------
    float
    """
    size = np.max(np.abs(values), initial=0)
    return float(size * np.sqrt(np.mean((values / size) ** 2))) if size > 0 else 0.0
