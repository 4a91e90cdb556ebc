"""Attention: scores of queries against keys, a softmax over the sources, a weighted mean of values."""

import numpy as np
from numpy.typing import DTypeLike

from . import equations, reference
from .reference import Params

__all__ = ["Params", "equations", "reference", "sample"]


def sample(
    rng: np.random.Generator,
    *,
    score: str = "scaled_dot",
    B: int = 3,
    Q: int = 4,
    S: int = 5,
    E_q: int = 2,
    E_k: int | None = None,
    F: int = 6,
    A: int = 8,
    scale: float = 0.5,
    dtype: DTypeLike = np.float64,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, Params | None]:
    """Draw a small problem: the arguments of ``forward``, to be called with the same ``score``.

    Parameters
    ----------
    rng : numpy.random.Generator
    score : {"dot", "scaled_dot", "general", "additive"}
        Decides which parameters there are; the dot scores have none.
    B, Q, S, E_q, E_k, F, A : int
        Sizes; all different by default, so that a transposed product cannot hide. ``E_k`` is 7 unless given,
        but ``E_q`` for the dot scores, which need equal widths.
    scale : float
        Standard deviation of the parameters.
    dtype : dtype

    Returns
    -------
    tuple
        ``(q, k, v, params)``; ``params`` is None for the dot scores.
    """

    def draw(*shape, deviation=scale):
        return (deviation * rng.normal(size=shape)).astype(dtype)

    if E_k is None:
        E_k = E_q if score in ("dot", "scaled_dot") else 7
    q = draw(B, Q, E_q, deviation=1.0)
    k = draw(B, S, E_k, deviation=1.0)
    v = draw(B, S, F, deviation=1.0)
    params = None
    if score == "general":
        params = Params(W_a=draw(E_q, E_k))
    elif score == "additive":
        params = Params(W_q=draw(E_q, A), W_k=draw(E_k, A), v_a=draw(A))
    return q, k, v, params
