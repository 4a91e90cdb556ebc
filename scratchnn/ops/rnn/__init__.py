"""The simple recurrent network (Elman): one hidden state h; tanh, relu or linear."""

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
    H: int = 5,
    scale: float = 0.5,
    dtype: DTypeLike = np.float64,
) -> tuple[np.ndarray, np.ndarray, Params]:
    """Draw a small problem with a non-zero initial state: the arguments of ``forward``.

    Parameters
    ----------
    rng : numpy.random.Generator
    T, B, D, H : int
        Sizes; all different by default, so that a transposed product cannot hide.
    scale : float
        Standard deviation of weights and initial state.
    dtype : dtype

    Returns
    -------
    tuple
        ``(x, h0, params)``.
    """

    def draw(*shape, deviation=scale):
        return (deviation * rng.normal(size=shape)).astype(dtype)

    params = Params(W_x=draw(D, H), W_h=draw(H, H), b=draw(H))
    return draw(T, B, D, deviation=1.0), draw(B, H), params
