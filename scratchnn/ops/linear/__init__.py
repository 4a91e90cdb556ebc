"""Linear map of the last axis: y = x W + b."""

import numpy as np

from . import equations, reference
from .reference import Params

__all__ = ["Params", "equations", "reference", "sample"]


def sample(rng, *, T=4, B=3, D=2, N=5, bias=True, scale=0.5, dtype=np.float64):
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
