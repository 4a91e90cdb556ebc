"""Optimisers as pure update functions: stochastic gradient descent, Adam, AdamW, Adagrad, RMSprop."""

import numpy as np
from numpy.typing import DTypeLike

from . import equations, reference
from .reference import AdagradState, AdamState, RMSpropState, SGDState

__all__ = ["AdagradState", "AdamState", "RMSpropState", "SGDState", "equations", "reference", "sample"]


def sample(
    rng: np.random.Generator, *, D: int = 2, H: int = 5, scale: float = 0.5, dtype: DTypeLike = np.float64
) -> tuple[np.ndarray, np.ndarray]:
    """Draw a parameter and its gradient: the arguments of every optimiser for a first step.

    Parameters
    ----------
    rng : numpy.random.Generator
    D, H : int
        Sizes of the parameter.
    scale : float
        Standard deviation of the parameter.
    dtype : dtype

    Returns
    -------
    tuple
        ``(p, grad)``, both (D, H).
    """
    p = (scale * rng.normal(size=(D, H))).astype(dtype)
    return p, rng.normal(size=(D, H)).astype(dtype)
