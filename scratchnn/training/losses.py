"""Losses: settings around the ops that compute them."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from scratchnn import arrays, ops
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
        backend: str | Any = "cpu",
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
            Always on the host.
        cache
            For ``backward``.

        Raises
        ------
        ValueError
            Shapes disagree, a target is no class, or a setting is impossible.
        """
        weight = None if self.weight is None else self.weight.astype(np.empty(0, logits.dtype).real.dtype)
        cache = self.op.forward(
            logits,
            targets,
            ignore_index=self.ignore_index,
            weight=weight,
            label_smoothing=self.label_smoothing,
            reduction=self.reduction,
        )
        if arrays.on_device(cache.loss):
            loss = arrays.to_host(cache.loss)
            return loss if self.reduction == "none" else loss[0], cache
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


def balanced_weights(targets: np.ndarray, num_classes: int, ignore_index: int = -100) -> np.ndarray:
    """Compute class weights under which every class counts the same in sum, and a target 1 in the mean.

    Parameters
    ----------
    targets : (...) int
        Of the training part.
    num_classes : int
        C.
    ignore_index : int
        Targets with this value do not count.

    Returns
    -------
    (C,) array
        n / (classes that occur * how often this one does), for ``CrossEntropyLoss(weight=...)``; 1 for a class that
        does not occur.

    Raises
    ------
    ValueError
        No target counts, or one is no class.

    Notes
    -----
    As ``class_weight="balanced"`` in scikit-learn. Source: King & Zeng 2001.
    Checked by: tests/training/test_losses.py
    """
    counted = np.asarray(targets).ravel()
    counted = counted[counted != ignore_index]
    if counted.size == 0:
        raise ValueError("balanced_weights: no target counts, expected at least one")
    if counted.min() < 0 or counted.max() >= num_classes:
        raise ValueError(
            f"balanced_weights: targets go from {counted.min()} to {counted.max()}, expected 0 to {num_classes - 1}"
        )
    counts = np.bincount(counted, minlength=num_classes)
    return np.where(counts == 0, 1.0, counted.size / ((counts > 0).sum() * np.maximum(counts, 1)))
