"""Cross-entropy of logits against class ids: softmax, minus log, class weights, ignored targets, smoothing."""

import numpy as np
from numpy.typing import DTypeLike

from . import equations, reference

__all__ = ["equations", "reference", "sample"]


def sample(
    rng: np.random.Generator, *, B: int = 4, C: int = 5, dtype: DTypeLike = np.float64
) -> tuple[np.ndarray, np.ndarray]:
    """Draw a small problem: the arguments of ``forward``.

    Parameters
    ----------
    rng : numpy.random.Generator
    B, C : int
        Sizes.
    dtype : dtype

    Returns
    -------
    tuple
        ``(logits, targets)``: (B, C) and (B,).
    """
    return (2.0 * rng.normal(size=(B, C))).astype(dtype), rng.integers(C, size=B)
