"""A place that alone can make everything right, and what it must write for that."""

from typing import NamedTuple

import numpy as np

from .push import Key, Site


class Reached(NamedTuple):
    """A place that alone can make everything right.

    Parameters
    ----------
    key : Key
    site : Site
    offsets : dict of Key to array
        What must be added, here (and at another place, if it takes two), flat, for all times that it is written.
    values : list of array
        What is written there now, at each time, while all others are right.
    wanted : list of array
    ways : array
        Directions, as rows, in which an offset changes a gradient.
    order : int
        When it is first written.
    """

    key: Key
    site: Site
    offsets: dict[Key, np.ndarray]
    values: list[np.ndarray]
    wanted: list[np.ndarray]
    ways: np.ndarray
    order: int

    @property
    def sure(self) -> np.ndarray:
        """Mark the entries, flat, that only one number makes right."""
        return (self.ways**2).sum(axis=0) > 1 - 1e-7

    def is_answered(self, values: np.ndarray) -> bool:
        """Say whether other values, flat, make everything right.

        Parameters
        ----------
        values : array

        Returns
        -------
        bool
        """
        wanted = np.concatenate([np.ravel(one) for one in self.wanted])
        if values.shape != wanted.shape or not np.isfinite(values).all():
            return False
        scale = np.abs(wanted).max(initial=0) + np.abs(self.offsets[self.key]).max(initial=0)
        return bool(np.abs(self.ways @ (values - wanted)).max(initial=0) <= 1e-8 * scale)
