"""Gradient accumulation: several micro-batches that make one step, equal to one big batch.

With ``reduction="mean"`` the loss of micro-batch k is ``loss_k = S_k / W_k``: the sum over its targets that count,
divided by their number or, with class weights, by their summed weights. The big batch would have

    loss = (S_1 + ... + S_n) / (W_1 + ... + W_n) = sum_k W_k * loss_k / sum_k W_k

and its gradient is the same mean of the gradients. A plain mean over the micro-batches is this only when all W_k are
equal: not with a shorter last batch, ignored targets, or class weights.
"""

from typing import Any

import numpy as np

from scratchnn import arrays


def batch_weight(criterion: Any, targets: np.ndarray) -> float:
    """Compute what the mean loss of a batch divides by.

    Parameters
    ----------
    criterion : object
        Its ``reduction`` ("mean" when it has none), ``ignore_index`` and ``weight`` (of the classes; both may be
        missing or None) say what counts and how much.
    targets : (...) int

    Returns
    -------
    float
        The summed class weights of the targets that count: without class weights their number. 1.0 with reduction
        "sum", which divides by nothing.
    """
    if getattr(criterion, "reduction", "mean") == "sum":
        return 1.0
    ignored, weight = getattr(criterion, "ignore_index", None), getattr(criterion, "weight", None)
    counted = targets if ignored is None else targets[targets != ignored]
    return float(counted.size if weight is None else np.asarray(weight)[counted].sum())


class Accumulator:
    """Sums of one optimiser step over its micro-batches.

    Parameters
    ----------
    criterion : object
        What the losses come from.

    Notes
    -----
    For each micro-batch ``weight = accumulator.add(loss, targets)``, then let the model add up
    ``model.backward(weight * criterion.backward(cache), ...)``; after the last one
    ``loss = accumulator.finish(model.grads)`` and step.
    Dropout and batches that see each other (none here) aside, the result is the big batch's to rounding.
    Checked by: tests/training/test_accumulation.py
    """

    def __init__(self, criterion: Any) -> None:
        self.criterion = criterion
        self.total_loss = self.total_weight = 0.0
        self.count = 0

    def add(self, loss: float, targets: np.ndarray) -> float:
        """Take one micro-batch into the sums.

        Parameters
        ----------
        loss : float
            Of this micro-batch, as the criterion gave it.
        targets : (...) int

        Returns
        -------
        float
            What its gradient counts: multiply what goes into the model's backward by it.
        """
        weight = batch_weight(self.criterion, targets)
        self.total_loss += weight * float(loss)
        self.total_weight += weight
        self.count += 1
        return weight

    def finish(self, grads: dict[str, np.ndarray]) -> float:
        """Turn summed gradients into those of the one big batch, and begin anew.

        Parameters
        ----------
        grads : dict of str to array
            Summed over the micro-batches; changed in place.

        Returns
        -------
        float
            Loss of the one big batch; 0.0 when nothing counted, as for a batch in which nothing counts.

        Raises
        ------
        ValueError
            There was no micro-batch.
        """
        if self.count == 0:
            raise ValueError("Accumulator.finish: there was no micro-batch")
        summed = getattr(self.criterion, "reduction", "mean") == "sum"
        divisor = 1.0 if summed else self.total_weight or 1.0
        loss = self.total_loss / divisor
        if divisor != 1:
            for g in grads.values():
                arrays.divide_into(g, divisor)
        self.total_loss = self.total_weight = 0.0
        self.count = 0
        return loss
