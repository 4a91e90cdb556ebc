"""A layer that drops entries in training and passes them through in evaluation."""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from scratchnn import ops, shapes
from scratchnn.ops.dropout.reference import Cache

from .base import Layer
from .init import expect_generator


class Dropout(Layer):
    """Inverted dropout: entries are zeroed with probability p, the kept ones divided by 1 - p.

    Parameters
    ----------
    p : float
        0 <= p < 1.
    per : {"step", "sequence"}
        Draw every entry anew, or once for all positions along ``time_axis`` (Gal & Ghahramani 2016).
    time_axis : int
        0 for time-major inputs, 1 for batch-first ones; only read with ``per="sequence"``.
    backend : str or module
    dtype : dtype
        There is nothing to store; accepted so that all layers are made alike.
    """

    def __init__(
        self,
        p: float,
        per: str = "step",
        time_axis: int = 0,
        *,
        backend: str | Any = "cpu",
        dtype: DTypeLike = np.float32,
    ) -> None:
        super().__init__(dtype=dtype, backend=backend)
        if not 0 <= p < 1:
            raise ValueError(f"Dropout: p is {p}, expected 0 <= p < 1")
        shapes.expect_choice("Dropout", "per", per, ("step", "sequence"))
        self.p, self.per, self.time_axis = p, per, time_axis
        self._op = ops.backend(ops.dropout, backend)

    def forward(self, x: np.ndarray, rng: np.random.Generator | None = None) -> tuple[np.ndarray, Cache]:
        """Drop, when a Generator is given.

        Parameters
        ----------
        x : array of any shape
        rng : numpy.random.Generator, optional
            Given: training, the mask is drawn from it. None: evaluation, y = x.

        Returns
        -------
        y : the shape of x
        cache : dropout.reference.Cache

        Raises
        ------
        ValueError
            ``rng`` is no Generator.
        """
        if rng is None:
            shapes.expect_float("Dropout.forward", "x", x)
            return x, Cache(None, self.p, x)
        expect_generator("Dropout.forward", rng)
        cache = self._op.forward(x, self.p, rng=rng, per=self.per, time_axis=self.time_axis)
        return cache.y, cache

    def backward(self, dy: np.ndarray, cache: Cache) -> np.ndarray:
        """Undo ``forward``: the gradient passes where the entry was kept, with the same factor.

        Parameters
        ----------
        dy : the shape of y
        cache : dropout.reference.Cache

        Returns
        -------
        dx : the shape of x
        """
        return self._op.backward(dy, cache).x
