"""Cut a set into padded batches, sequences of like length together."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .errors import DataError

POOL = 32  # batches that are sorted by length together when shuffling


class Batch(NamedTuple):
    """Some sequences padded to the longest of them."""

    inputs: np.ndarray  # (B, T) int64 ids, 0 at padding; or (B, T, D) float32, 0 at padding
    lengths: np.ndarray  # (B,) int64, real steps
    targets: np.ndarray  # (B,) int64
    index: np.ndarray  # type: ignore[assignment]  # (B,) int64, position of each sequence in the inputs of Batches


class Batches:
    """A set as batches: ``batches(rng)`` goes once through it in shuffled order, ``batches()`` in a fixed one.

    Parameters
    ----------
    inputs : sequence of (T,) int or of (T, D) float
        Ids (of ``Vocabulary.encode``) or features; lengths may differ, D may not.
    targets : (n,) int
        Class of each sequence.
    batch_size : int
        Sequences in a batch; the smallest batch, at most one a pass, holds the rest.
    bucketed : bool
        Put sequences of like length into one batch, so that padding is small. Shuffled: the order is shuffled, each
        stretch of 32 batches is sorted by length, then the batches are shuffled. Fixed: sorted by length (equal
        lengths in the order given); False keeps the order given. ``index`` tells which sequence is which.

    Raises
    ------
    DataError
        No sequences, an empty one, shapes or counts that disagree, a batch size below 1.

    Notes
    -----
    Every pass holds every sequence exactly once. Nothing but ``rng`` decides the order: a Generator in the same state
    gives the same batches, and two passes with one Generator differ because the first has moved it on.
    The whole draw is made when the pass begins, not batch by batch.
    """

    def __init__(
        self,
        inputs: Sequence[ArrayLike] | np.ndarray,
        targets: Sequence[int] | np.ndarray,
        batch_size: int,
        *,
        bucketed: bool = True,
    ) -> None:
        if len(inputs) == 0:
            raise DataError("Batches: inputs holds no sequences, expected at least one")
        if len(inputs) != len(targets):
            raise DataError(f"Batches: {len(targets)} targets for {len(inputs)} inputs, expected one each")
        if isinstance(batch_size, bool) or not isinstance(batch_size, int | np.integer) or batch_size < 1:
            raise DataError(f"Batches: batch_size is {batch_size!r}, expected a whole number of at least 1")
        self.inputs = [np.asarray(x) for x in inputs]
        self.targets = np.asarray(targets, dtype=np.int64)
        self.batch_size = int(batch_size)
        self.bucketed = bucketed
        self._check()
        self.lengths = np.array([len(x) for x in self.inputs], dtype=np.int64)

    def _check(self):
        first = self.inputs[0]
        kinds = {1: "iu", 2: "f"}
        if first.ndim not in kinds or first.dtype.kind not in kinds[first.ndim]:
            raise DataError(
                f"Batches: inputs[0] has shape {first.shape} and dtype {first.dtype}, "
                "expected (T,) integers or (T, D) floats"
            )
        for k, x in enumerate(self.inputs):
            if x.ndim != first.ndim or x.shape[1:] != first.shape[1:] or x.dtype.kind not in kinds[first.ndim]:
                expected = "(T,) integers" if first.ndim == 1 else f"(T, {first.shape[1]}) floats"
                raise DataError(f"Batches: inputs[{k}] has shape {x.shape} and dtype {x.dtype}, expected {expected}")
            if len(x) == 0:
                raise DataError(f"Batches: inputs[{k}] has no steps, expected at least one")

    def __len__(self) -> int:
        return -(-len(self.inputs) // self.batch_size)

    def __call__(self, rng: np.random.Generator | None = None) -> Iterator[Batch]:
        """Start one pass.

        Parameters
        ----------
        rng : numpy.random.Generator, optional
            Shuffles; not given, the order is fixed.

        Returns
        -------
        iterator of Batch
        """
        return (self._batch(index) for index in self._order(rng))

    def _order(self, rng):
        """Give the positions of each batch of one pass."""
        order = np.arange(len(self.inputs)) if rng is None else rng.permutation(len(self.inputs))
        if self.bucketed:
            size = len(order) if rng is None else POOL * self.batch_size
            pools = [order[start : start + size] for start in range(0, len(order), size)]
            order = np.concatenate([pool[np.argsort(self.lengths[pool], kind="stable")] for pool in pools])
        chunks = [order[start : start + self.batch_size] for start in range(0, len(order), self.batch_size)]
        return chunks if rng is None else [chunks[k] for k in rng.permutation(len(chunks))]

    def _batch(self, index):
        lengths = self.lengths[index]
        first = self.inputs[0]
        dtype = np.int64 if first.ndim == 1 else np.float32
        padded = np.zeros((len(index), lengths.max(), *first.shape[1:]), dtype)
        for row, k in enumerate(index):
            padded[row, : lengths[row]] = self.inputs[k]
        return Batch(padded, lengths, self.targets[index], index.astype(np.int64))
