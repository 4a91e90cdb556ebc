"""Bring every feature of a series to mean 0 and deviation 1, by the training examples alone."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Scaling(NamedTuple):
    """A fitted scale: ``apply`` gives (x - mean) / deviation, feature by feature."""

    mean: np.ndarray  # (D,) float64
    deviation: np.ndarray  # (D,) float64, 1 where a feature never changes

    def apply(self, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Scale series with the fitted numbers.

        Parameters
        ----------
        inputs : list of (T, D)

        Returns
        -------
        list of (T, D) float32
        """
        return [((x - self.mean) / self.deviation).astype(np.float32) for x in inputs]


def fit_scaling(inputs: Sequence[np.ndarray]) -> Scaling:
    """Measure mean and deviation of every feature over all steps of the series given.

    Parameters
    ----------
    inputs : list of (T, D)
        The training examples only: what is learned from the test part is not a test any more.

    Returns
    -------
    Scaling
    """
    steps = np.concatenate([np.asarray(x, np.float64) for x in inputs])
    deviation = steps.std(axis=0)
    return Scaling(steps.mean(axis=0), np.where(deviation > 0, deviation, 1.0))
