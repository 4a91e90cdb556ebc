"""Dropout, inverted: kept entries grow by 1 / (1 - p), so evaluation needs no change."""

import numpy as np

from . import equations, reference

__all__ = ["equations", "reference", "sample"]


def sample(rng, *, T=4, B=3, D=2, p=0.4, dtype=np.float64):
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
