"""Dropout, inverted: kept entries grow by 1 / (1 - p), so evaluation needs no change."""

import numpy as np
from numpy.typing import DTypeLike

from . import equations, reference

__all__ = ["equations", "reference", "sample"]


def sample(
    rng: np.random.Generator, *, T: int = 4, B: int = 3, D: int = 2, p: float = 0.4, dtype: DTypeLike = np.float64
) -> tuple[np.ndarray, float]:
    """Draw a small problem: the positional arguments of ``forward`` (give it ``mask=`` or ``rng=`` beside them).

    Parameters
    ----------
    rng : numpy.random.Generator
    T, B, D : int
        Sizes.
    p : float
        Probability of dropping.
    dtype : dtype

    Returns
    -------
    tuple
        ``(x, p)`` with x (T, B, D).
    """
    return rng.normal(size=(T, B, D)).astype(dtype), p
