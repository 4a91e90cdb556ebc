"""Long short-term memory: gates i f g o, cell state c, hidden state h."""

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
) -> tuple[np.ndarray, np.ndarray, np.ndarray, Params]:
    """Draw a small problem with non-zero initial states: the arguments of ``forward``.

    Parameters
    ----------
    rng : numpy.random.Generator
    T, B, D, H : int
        Sizes; all different by default, so that a transposed product cannot hide.
    scale : float
        Standard deviation of weights and initial states.
    dtype : dtype

    Returns
    -------
    tuple
        ``(x, h0, c0, params)``.
    """

    def draw(*shape, deviation=scale):
        return (deviation * rng.normal(size=shape)).astype(dtype)

    params = Params(W_x=draw(D, 4 * H), W_h=draw(H, 4 * H), b=draw(4 * H))
    return draw(T, B, D, deviation=1.0), draw(B, H), draw(B, H), params
