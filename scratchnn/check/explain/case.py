"""A wrong gradient beside the right one, with all that it may be compared with."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..layout import Layout

EXACT = 1e-6  # of the largest entry; closer than that is called equal
CLEAR = 1e-3  # of the largest error: what differs by more is told apart


@dataclass(frozen=True)
class Case:
    """One array whose gradient is wrong, and what it may be compared with.

    Parameters
    ----------
    name : str
    given : array
        By the backward pass; its shape may be wrong.
    truth : array
    wrong : bool array
        Which entries are wrong.
    tolerance : float
        Absolute; within it two entries are equal.
    layout : Layout
    sizes : dict of str to int
        T, B, D, ... of this problem.
    others : dict of str to array
        The right gradients of the other inputs.
    upstream : dict of str to array
    inputs : dict
    """

    name: str
    given: np.ndarray
    truth: np.ndarray
    wrong: np.ndarray
    tolerance: float
    layout: Layout
    sizes: dict[str, int]
    others: dict[str, np.ndarray] = field(default_factory=dict)
    upstream: dict[str, np.ndarray] = field(default_factory=dict)
    inputs: dict[str, Any] = field(default_factory=dict)

    def same(self, one: np.ndarray, other: np.ndarray) -> bool:
        """Tell whether two arrays are equal within the tolerance.

        Parameters
        ----------
        one, other : array

        Returns
        -------
        bool
        """
        return np.shape(one) == np.shape(other) and float(np.max(np.abs(one - other), initial=0)) <= self.tolerance

    def zero(self, array: np.ndarray) -> bool:
        """Tell whether an array is zero within the tolerance.

        Parameters
        ----------
        array : array

        Returns
        -------
        bool
        """
        return float(np.max(np.abs(array), initial=0)) <= self.tolerance

    def slack(self, truth: np.ndarray) -> float:
        """Give by how much a factor of ``truth`` may be off.

        Parameters
        ----------
        truth : array

        Returns
        -------
        float
        """
        return self.tolerance / max(float(np.max(np.abs(truth), initial=0)), self.tolerance)
