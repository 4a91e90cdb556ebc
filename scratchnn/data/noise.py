"""Batches that change a little at every pass: some ids replaced by "unknown", some left out."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike

from .batching import Batch, Batches
from .errors import DataError
from .vocabulary import UNKNOWN

SHORTEST = 4  # sequences of at most this many ids lose none


class NoisyBatches:
    """Batches whose sequences are disturbed anew at every pass, as an exercise in not relying on one letter.

    Parameters
    ----------
    inputs : sequence of (T,) int
        Ids of ``Vocabulary.encode``; the first and the last of each are kept as they are.
    targets : (n,) int
    batch_size : int
    replace : float
        Probability that an id becomes 1, "unknown".
    remove : float
        Probability that an id is left out.

    Raises
    ------
    DataError
        A probability outside [0, 1), or inputs that are not ids.
    """

    def __init__(
        self,
        inputs: Sequence[ArrayLike] | np.ndarray,
        targets: Sequence[int] | np.ndarray,
        batch_size: int,
        *,
        replace: float = 0.0,
        remove: float = 0.0,
    ) -> None:
        for name, share in (("replace", replace), ("remove", remove)):
            if not 0 <= share < 1:
                raise DataError(f"NoisyBatches: {name} is {share}, expected 0 up to (not including) 1")
        self.calm = Batches(inputs, targets, batch_size)
        if self.calm.inputs[0].ndim != 1:
            raise DataError("NoisyBatches: inputs are features, expected ids")
        self.replace, self.remove = replace, remove

    def __len__(self) -> int:
        return len(self.calm)

    def __call__(self, rng: np.random.Generator | None = None) -> Iterator[Batch]:
        """Start one pass.

        Parameters
        ----------
        rng : numpy.random.Generator, optional
            Disturbs and shuffles; not given: undisturbed, in fixed order.

        Returns
        -------
        iterator of Batch
        """
        if rng is None:
            return self.calm()
        noisy = [self._disturb(ids, rng.random(len(ids))) for ids in self.calm.inputs]
        return Batches(noisy, self.calm.targets, self.calm.batch_size)(rng)

    def _disturb(self, ids, chance):
        inner = np.ones(len(ids), dtype=bool)
        inner[[0, -1]] = False
        ids = np.where(inner & (chance > 1 - self.replace), UNKNOWN, ids)
        return ids[~(inner & (chance < self.remove))] if len(ids) > SHORTEST else ids
