"""Softmax and log-softmax over the last axis, stable, with a mask."""

import numpy as np
from numpy.typing import DTypeLike

from . import equations, reference

__all__ = ["equations", "reference", "sample"]


def sample(
    rng: np.random.Generator, *, B: int = 3, C: int = 5, masked: bool = False, dtype: DTypeLike = np.float64
) -> tuple[np.ndarray, ...]:
    """Draw a small problem: the arguments of ``forward``.

    Parameters
    ----------
    rng : numpy.random.Generator
    B, C : int
        Sizes; different by default, so that a sum over the wrong axis cannot hide.
    masked : bool
        With a mask: about a third of the entries do not count, and in the last row none does.
    dtype : dtype

    Returns
    -------
    tuple
        ``(z,)``, or ``(z, mask)``; both (B, C).
    """
    z = (2.0 * rng.normal(size=(B, C))).astype(dtype)
    if not masked:
        return (z,)
    mask = rng.random(size=(B, C)) < 2 / 3
    mask[-1] = False
    return z, mask
