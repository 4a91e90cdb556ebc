"""Elementwise nonlinearities and their slopes, written as functions of the output."""

import numpy as np

from . import equations, reference

__all__ = ["equations", "reference", "sample"]


def sample(rng, *, B=3, H=5, dtype=np.float64):
    """Draw a small input for ``forward``: a tuple (x,) with x (B, H)."""
    return (rng.normal(size=(B, H)).astype(dtype),)
