"""Moving a value by a complex step: one of its entries, in one or in many copies of the batch at once."""

from typing import Any

import numpy as np

STEP = 1e-30


class Unmoved(Exception):
    """A value was not met again, or stands in an order that is not that of the batch."""


class Move:
    """Adds the imaginary step to one entry in each of some copies.

    Parameters
    ----------
    base : array
        The value in a run with one copy of the batch.
    copies : int
        How many copies there are, side by side.
    start : int
        The first copy that is moved.
    entries : (N,) int
        Which entry of the flattened value moves in copy ``start``, ``start + 1``, ...
    axis : int, optional
        Along which the copies stand; found from the shapes by default.
    """

    def __init__(
        self, base: np.ndarray, copies: int, start: int, entries: np.ndarray, axis: int | None = None
    ) -> None:
        self.base, self.copies, self.start, self.entries, self.axis = base, copies, start, entries, axis

    def __call__(self, value: Any) -> np.ndarray:
        """Move a value.

        Parameters
        ----------
        value : array

        Returns
        -------
        array of complex

        Raises
        ------
        Unmoved
            The copies do not stand side by side, or hold other numbers.
        """
        value = np.array(value, dtype=np.complex128)
        axis = self._axis(value.shape)
        grid = np.moveaxis(value, axis, 0)
        grid = grid.reshape(self.copies, -1, *grid.shape[1:])
        if not np.shares_memory(grid, value):
            raise Unmoved("the copies do not stand side by side")
        base = np.moveaxis(self.base, axis, 0)
        with np.errstate(invalid="ignore"):
            off = np.abs(grid.real - base) > 1e-12 + 1e-9 * np.abs(base)
        if off.any():
            raise Unmoved("the batch is not where it was expected")
        place = list(np.unravel_index(self.entries, self.base.shape))
        place.insert(0, place.pop(axis))
        grid[(self.start + np.arange(len(self.entries)), *place)] += 1j * STEP
        return value

    def _axis(self, shape):
        """Find the axis along which the copies stand."""
        if self.axis is not None:
            return self.axis
        base = self.base.shape
        if len(base) == len(shape):
            grown = [k for k in range(len(base)) if shape[k] != base[k]]
            if len(grown) == 1 and shape[grown[0]] == self.copies * base[grown[0]]:
                return grown[0]
            if not grown and self.copies == 1 and base:
                return 0
        raise Unmoved(f"a node of shape {base} became {shape} with {self.copies} copies of the batch")
