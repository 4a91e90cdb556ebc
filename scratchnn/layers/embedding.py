"""A layer that looks ids up in a table of vectors."""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from scratchnn import ops
from scratchnn.ops.embedding.reference import Cache

from . import init as initialise
from .base import Layer, expect_size


class Embedding(Layer):
    """Table of vectors, one for each id.

    Parameters
    ----------
    num_embeddings, embedding_dim : int
        V and D.
    padding_idx : int, optional
        This id gives a vector of zeros and gets no gradient.
    init : {"normal", "pytorch", "orthogonal", "xavier_uniform", "xavier_normal", "zeros"}
        "normal" and "pytorch" are both N(0, 1), which is what PyTorch does here.
    backend : str or module
    dtype : dtype
    rng : numpy.random.Generator

    Notes
    -----
    The parameter is W (V, D), laid out as PyTorch's.
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        *,
        init: str = "normal",
        backend: str | Any = "cpu",
        dtype: DTypeLike = np.float32,
        rng: np.random.Generator | None = None,
    ) -> None:
        super().__init__(dtype=dtype, backend=backend)
        expect_size("Embedding", "num_embeddings", num_embeddings)
        expect_size("Embedding", "embedding_dim", embedding_dim)
        if padding_idx is not None and not 0 <= padding_idx < num_embeddings:
            raise ValueError(f"Embedding: padding_idx is {padding_idx}, expected 0 to {num_embeddings - 1}")
        self.num_embeddings, self.embedding_dim, self.padding_idx = num_embeddings, embedding_dim, padding_idx
        self._op = ops.backend(ops.embedding, backend)
        shape = (num_embeddings, embedding_dim)
        if init in ("normal", "pytorch"):
            initialise.expect_generator("Embedding", rng)
            W = initialise.normal(rng, shape)  # type: ignore[arg-type]  # not None, as just checked
        else:
            W = initialise.weight("Embedding", init, rng, shape)
        if padding_idx is not None:
            W[padding_idx] = 0
        self.add_param("W", W)

    def forward(self, ids: np.ndarray) -> tuple[np.ndarray, Cache]:
        """Look the ids up.

        Parameters
        ----------
        ids : (...) int
            0 to V-1.

        Returns
        -------
        y : (..., D)
        cache : embedding.reference.Cache

        Raises
        ------
        ValueError
            An id outside the table.
        TypeError
            Not integers.
        """
        cache = self._op.forward(ids, self._params(), padding_id=self.padding_idx)
        return cache.y, cache

    def backward(self, dy: np.ndarray, cache: Cache) -> None:
        """Undo ``forward``: add to each row of W's gradient what every use of it received. Ids have no gradient.

        Parameters
        ----------
        dy : (..., D)
        cache : embedding.reference.Cache
        """
        into = getattr(self._op, "add_into", None)  # a backend may spare us a table of zeros
        if into is None or not into(self.own_grads["W"], dy, cache):
            self.add_grad("W", self._op.backward(dy, cache, self._params()).W)

    def _params(self):
        return ops.embedding.Params(self.own["W"])
