"""Losses: settings around the ops that compute them."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from scratchnn import ops
from scratchnn.ops import cross_entropy


class CrossEntropyLoss:
    """Cross-entropy of logits against class ids.

    Parameters
    ----------
    weight : (C,) array, optional
        Weight of each class, 0 or more.
    ignore_index : int
        Targets with this value do not count.
    reduction : {"mean", "sum", "none"}
        "mean" divides by the summed weights of the targets that count, as PyTorch does.
    label_smoothing : float
        Share of the target spread evenly over all classes.
    backend : str or module

    Notes
    -----
    ``loss, cache = criterion.forward(logits, targets)``, then ``dlogits = criterion.backward(cache)``.
    Source: equations of ``scratchnn.ops.cross_entropy``.  Checked by: tests/training/test_losses.py
    """

    def __init__(
        self,
        weight: ArrayLike | None = None,
        ignore_index: int = -100,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
        *,
        backend: str | Any = "reference",
    ) -> None:
        self.weight = None if weight is None else np.array(weight, dtype=np.float64)
        self.ignore_index = ignore_index
        self.reduction = reduction
        self.label_smoothing = float(label_smoothing)
        self.op = ops.backend(cross_entropy, backend)

    def forward(self, logits: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, Any]:
        """Compute the loss.

        Parameters
        ----------
        logits : (..., C)
        targets : (...) int
            Classes 0 to C-1, or ``ignore_index``.

        Returns
        -------
        loss : number; the shape of targets with ``reduction="none"``
        cache
            For ``backward``.

        Raises
        ------
        ValueError
            Shapes disagree, a target is no class, or a setting is impossible.
        """
        weight = None if self.weight is None else self.weight.astype(logits.real.dtype)
        cache = self.op.forward(
            logits,
            targets,
            ignore_index=self.ignore_index,
            weight=weight,
            label_smoothing=self.label_smoothing,
            reduction=self.reduction,
        )
        return cache.loss, cache

    def backward(self, cache: Any, dloss: float | np.ndarray = 1.0) -> np.ndarray:
        """Undo ``forward``.

        Parameters
        ----------
        cache
            What ``forward`` returned.
        dloss : number; the shape of targets with ``reduction="none"``
            Gradient of what is done with the loss.

        Returns
        -------
        (..., C)
            dLoss/dlogits.

        Notes
        -----
        forward  was   loss = cross_entropy(logits, targets)
        so now         dlogits = dloss * (p - target distribution) / what the mean divided by
        """
        return self.op.backward(cache, dloss).logits
