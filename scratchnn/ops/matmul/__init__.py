"""The product of two matrices: what every other kernel spends its time in."""

import numpy as np
from numpy.typing import DTypeLike

from . import equations, reference

__all__ = ["equations", "reference", "sample"]


def sample(
    rng: np.random.Generator, *, M: int = 4, K: int = 3, N: int = 5, dtype: DTypeLike = np.float64
) -> tuple[np.ndarray, np.ndarray]:
    """Draw a small problem: the arguments of ``forward``.

    Parameters
    ----------
    rng : numpy.random.Generator
    M, K, N : int
        Sizes; all different by default, so that a transposed product cannot hide.
    dtype : dtype

    Returns
    -------
    tuple
        ``(A, B)`` with A (M, K) and B (K, N).
    """
    return rng.normal(size=(M, K)).astype(dtype), rng.normal(size=(K, N)).astype(dtype)
