"""Embedding: one learned row for every id."""

import numpy as np
from numpy.typing import DTypeLike

from . import equations, reference
from .reference import Params

__all__ = ["Params", "equations", "reference", "sample"]


def sample(
    rng: np.random.Generator,
    *,
    T: int = 4,
    B: int = 3,
    V: int = 5,
    D: int = 2,
    scale: float = 0.5,
    dtype: DTypeLike = np.float64,
) -> tuple[np.ndarray, Params]:
    """Draw a small problem in which some ids repeat: the arguments of ``forward``.

    Parameters
    ----------
    rng : numpy.random.Generator
    T, B, V, D : int
        Sizes; with T * B > V at least one id repeats.
    scale : float
        Standard deviation of the rows.
    dtype : dtype

    Returns
    -------
    tuple
        ``(ids, params)`` with ids (T, B).
    """
    params = Params(W=(scale * rng.normal(size=(V, D))).astype(dtype))
    return rng.integers(V, size=(T, B)), params
