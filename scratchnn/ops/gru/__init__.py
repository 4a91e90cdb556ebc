"""Gated recurrent unit: gates r z, candidate n, hidden state h."""

import numpy as np

from . import equations, reference
from .reference import Params

__all__ = ["Params", "equations", "reference", "sample"]


def sample(rng, *, T=4, B=3, D=2, H=5, scale=0.5, dtype=np.float64):
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

    params = Params(W_x=draw(D, 3 * H), W_h=draw(H, 3 * H), b=draw(3 * H), b_hn=draw(H))
    return draw(T, B, D, deviation=1.0), draw(B, H), params
