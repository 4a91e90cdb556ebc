"""An embedding that knows its neighbours: the vector of a character plus those of the n-grams that end at it."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from scratchnn import arrays

from .base import Layer, expect_size
from .embedding import Embedding
from .init import expect_generator

PADDING = 0


class NGramEmbeddingCache(NamedTuple):
    """What backward needs."""

    single: Any  # the cache of the embedding of the ids themselves
    grams: tuple  # one cache of an embedding for each size
    factor: float  # 1 / (1 - dropout) in training, 1 in evaluation


class NGramEmbedding(Layer):
    """Sum of an embedding of every id and of hashed embeddings of the n-grams that end there.

    Parameters
    ----------
    num_embeddings, embedding_dim : int
        V and D; id 0 is padding.
    sizes : tuple of int
        The n of the n-grams, 2 or more.
    buckets : int
        Rows of each n-gram table, row 0 for "no n-gram here". Different n-grams may share a row.
    dropout : float
        Share of n-grams left out in training, each as a whole (inverted: the others are scaled up).
    scale : float
        Standard deviation of the initial vectors of single ids; those of n-grams start at a tenth of it.
    backend : str or module
    dtype : dtype
    rng : numpy.random.Generator

    Notes
    -----
    Bojanowski, Grave, Joulin & Mikolov 2017, "Enriching word vectors with subword information": the sum over
    n-grams and the hashing. Here it is taken at every position rather than over the word. The children are
    "single" and "grams_2", "grams_3"...
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        *,
        sizes: tuple[int, ...] = (2, 3),
        buckets: int = 8192,
        dropout: float = 0.0,
        scale: float = 0.3,
        backend: str | Any = "cpu",
        dtype: DTypeLike = np.float32,
        rng: np.random.Generator | None = None,
    ) -> None:
        super().__init__(dtype=dtype, backend=backend)
        expect_size("NGramEmbedding", "buckets", buckets)
        if not sizes or min(sizes) < 2:
            raise ValueError(f"NGramEmbedding: sizes is {sizes!r}, expected whole numbers of at least 2")
        if not 0 <= dropout < 1:
            raise ValueError(f"NGramEmbedding: dropout is {dropout}, expected 0 <= dropout < 1")
        self.sizes, self.buckets, self.dropout = tuple(sizes), buckets, dropout
        options: dict[str, Any] = {"padding_idx": PADDING, "backend": backend, "dtype": dtype, "rng": rng}
        self.single = self.add_child("single", Embedding(num_embeddings, embedding_dim, **options))
        self.grams = [self.add_child(f"grams_{n}", Embedding(buckets, embedding_dim, **options)) for n in self.sizes]
        arrays.scale_into(self.single.own["W"], scale)
        for table in self.grams:
            arrays.scale_into(table.own["W"], scale / 10)

    def forward(
        self, ids: np.ndarray, rng: np.random.Generator | None = None
    ) -> tuple[np.ndarray, NGramEmbeddingCache]:
        """Look up.

        Parameters
        ----------
        ids : (B, T) int
            0 is padding.
        rng : numpy.random.Generator, optional
            Given: training, n-grams are dropped by it. None: evaluation.

        Returns
        -------
        y : (B, T, D)
        cache : NGramEmbeddingCache
        """
        y, single = self.single.forward(ids)
        factor = 1.0
        if rng is not None and self.dropout:
            expect_generator("NGramEmbedding.forward", rng)
            factor = 1 / (1 - self.dropout)
        caches = []
        for n, table in zip(self.sizes, self.grams, strict=True):
            rows = ngram_rows(ids, n, self.buckets)
            if factor != 1.0:
                rows = np.where(rng.random(rows.shape) < self.dropout, PADDING, rows)  # type: ignore[union-attr]
            vectors, cache = table.forward(rows)
            y = arrays.add(y, arrays.scale(vectors, factor))
            caches.append(cache)
        return y, NGramEmbeddingCache(single, tuple(caches), factor)

    def backward(self, dy: np.ndarray, cache: NGramEmbeddingCache) -> None:
        """Undo ``forward``: every table used receives dy, scaled as its vectors were.

        Parameters
        ----------
        dy : (B, T, D)
        cache : NGramEmbeddingCache

        Notes
        -----
        forward  was   y = single[ids] + sum over n of factor * grams_n[rows_n]
        so now         each table's gradient is the scatter-add of dy, or of factor * dy, over the rows it gave
        """
        self.single.backward(dy, cache.single)
        for table, gram in zip(self.grams, cache.grams, strict=True):
            table.backward(arrays.scale(dy, cache.factor), gram)


def ngram_rows(ids: np.ndarray, n: int, buckets: int) -> np.ndarray:
    """Hash the n ids that end at each position to a table row.

    Parameters
    ----------
    ids : (B, T) int
        0 is padding.
    n : int
    buckets : int

    Returns
    -------
    (B, T) int64
        1 to buckets-1; 0 where fewer than n real ids end.
    """
    B, T = ids.shape
    rows = np.zeros((B, T), np.int64)
    if n > T or buckets < 2:
        return rows
    code = np.full((B, T - n + 1), n, np.int64)
    real = np.ones(code.shape, dtype=bool)
    for k in range(n):
        window = ids[:, k : T - n + 1 + k].astype(np.int64)
        code = (code * 1000003 + window + 1) % 2147483647  # a polynomial in the ids, modulo the prime 2**31 - 1
        real &= window != PADDING
    rows[:, n - 1 :] = np.where(real, 1 + code % (buckets - 1), PADDING)
    return rows
