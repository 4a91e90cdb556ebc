"""Elementwise nonlinearities and their slopes, written as functions of the output."""

import numpy as np
from numpy.typing import DTypeLike

from . import equations, reference

__all__ = ["equations", "reference", "sample"]


def sample(rng: np.random.Generator, *, B: int = 3, H: int = 5, dtype: DTypeLike = np.float64) -> tuple[np.ndarray]:
    """Draw a small input for ``forward``: a tuple (x,) with x (B, H)."""
    return (rng.normal(size=(B, H)).astype(dtype),)
