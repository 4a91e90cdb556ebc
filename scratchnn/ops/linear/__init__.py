"""Linear map of the last axis: y = x W + b."""

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
    D: int = 2,
    N: int = 5,
    bias: bool = True,
    scale: float = 0.5,
    dtype: DTypeLike = np.float64,
) -> tuple[np.ndarray, Params]:
    """Draw a small problem: the arguments of ``forward``.

    Parameters
    ----------
    rng : numpy.random.Generator
    T, B, D, N : int
        Sizes; all different by default, so that a transposed product cannot hide.
    bias : bool
        Without it ``params.b`` is None.
    scale : float
        Standard deviation of weights and bias.
    dtype : dtype

    Returns
    -------
    tuple
        ``(x, params)`` with x (T, B, D).
    """

    def draw(*shape, deviation=scale):
        return (deviation * rng.normal(size=shape)).astype(dtype)

    params = Params(W=draw(D, N), b=draw(N) if bias else None)
    return draw(T, B, D, deviation=1.0), params
