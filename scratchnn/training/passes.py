"""One pass over the data: to learn from it, or to measure."""

import math
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .clipping import clip_grad_norm, gradient_norm
from .errors import TrainingError

if TYPE_CHECKING:
    from .fit import Run
    from .progress import Bar, Silent


class Evaluation(NamedTuple):
    """A model measured."""

    loss: float  # mean over the targets that count
    accuracy: float
    targets: np.ndarray  # (n,) int, those that count, in the order of the batches
    predictions: np.ndarray  # (n,) int


class Meter:
    """Sums over the batches of one pass.

    The loss of a pass is the mean of the batch losses weighted by how many targets count in each; with class weights
    this is close to, not equal to, the weighted mean over the whole set.

    Parameters
    ----------
    criterion : object
        Its ``reduction`` ("mean" when it has none) tells what a batch loss is, its ``ignore_index`` which targets
        do not count.
    """

    def __init__(self, criterion: Any) -> None:
        self.reduction = getattr(criterion, "reduction", "mean")
        self.ignore_index = getattr(criterion, "ignore_index", None)
        self.total_loss, self.total_norm = 0.0, 0.0
        self.right, self.counted, self.sequences, self.steps = 0, 0, 0, 0
        self.started = time.perf_counter()

    def add(
        self, loss: float, logits: np.ndarray, targets: np.ndarray, norm: float = 0.0
    ) -> tuple[np.ndarray, np.ndarray]:
        """Take one batch into the sums.

        Parameters
        ----------
        loss : float
        logits : (..., C)
        targets : (...) int
        norm : float
            Gradient norm.

        Returns
        -------
        targets, predictions : (n,) int
            Of the targets that count.
        """
        counts = np.ones(targets.shape, bool) if self.ignore_index is None else targets != self.ignore_index
        targets, predictions = targets[counts], logits.argmax(axis=-1)[counts]
        self.total_loss += loss * (targets.size if self.reduction == "mean" else 1)
        self.total_norm += norm
        self.right += int((targets == predictions).sum())
        self.counted += targets.size
        self.sequences += len(counts)
        self.steps += 1
        return targets, predictions

    @property
    def loss(self) -> float:
        """Mean loss of a target."""
        return self.total_loss / max(self.counted, 1)

    @property
    def accuracy(self) -> float:
        """Share of right predictions."""
        return self.right / max(self.counted, 1)

    @property
    def gradient_norm(self) -> float:
        """Mean over the steps, before clipping."""
        return self.total_norm / max(self.steps, 1)

    @property
    def rate(self) -> float:
        """Sequences per second since the pass began."""
        return self.sequences / max(time.perf_counter() - self.started, 1e-9)


def evaluate(model: Any, criterion: Any, batches: Callable[..., Iterable[Any]]) -> Evaluation:
    """Measure a model without changing it; dropout is off.

    Parameters
    ----------
    model : object
        With ``forward(inputs, lengths=..., rng=...) -> (logits, cache)``.
    criterion : object
        With ``forward(logits, targets) -> (loss, cache)``.
    batches : callable
        ``batches()`` yields objects with ``inputs``, ``lengths`` and ``targets``.

    Returns
    -------
    Evaluation

    Raises
    ------
    ValueError
        There is no batch.
    """
    meter, told = Meter(criterion), []
    for batch in batches():
        logits, _ = model.forward(batch.inputs, lengths=batch.lengths, rng=None)
        loss, _ = criterion.forward(logits, batch.targets)
        told.append(meter.add(float(loss), logits, batch.targets))
    if not told:
        raise ValueError("evaluate: the data yields no batch")
    targets, predictions = (np.concatenate(parts) for parts in zip(*told, strict=True))
    return Evaluation(meter.loss, meter.accuracy, targets, predictions)


def train_epoch(run: "Run", epoch: int, bar: "Silent | Bar") -> Meter:
    """Go once through the training data, one step of the optimiser for every batch.

    Parameters
    ----------
    run : Run
        What ``fit`` was given, and where it stands.
    epoch : int
        Counted from 1.
    bar : object
        Told of every batch.

    Returns
    -------
    Meter

    Raises
    ------
    TrainingError
        A loss or a gradient is not finite; that step is not taken.
    ValueError
        There is no batch.
    """
    model, criterion, optimizer = run.model, run.criterion, run.optimizer
    meter = Meter(criterion)
    for number, batch in enumerate(run.batches(run.rng), 1):
        optimizer.lr = run.base_lr * run.schedule(run.step)
        logits, cache = model.forward(batch.inputs, lengths=batch.lengths, rng=run.rng)
        loss, loss_cache = criterion.forward(logits, batch.targets)
        loss = float(loss)
        expect_finite("the loss", loss, f"in epoch {epoch}, batch {number}", run)
        if number == 1:
            run.weights.proved_finite()
        model.zero_grad()
        model.backward(criterion.backward(loss_cache), cache)
        found = model.grads
        grads = {name: found[name] for name in optimizer.params}
        norm = gradient_norm(grads) if run.max_norm is None else clip_grad_norm(grads, run.max_norm)
        expect_finite("the gradient norm", norm, f"in epoch {epoch}, batch {number}", run)
        optimizer.step(grads)
        run.step += 1
        run.weights.stepped()
        meter.add(loss, logits, batch.targets, norm)
        bar.batch(meter)
    if meter.steps == 0:
        raise ValueError(f"fit: the training data yields no batch in epoch {epoch}")
    return meter


def expect_finite(what: str, value: float, when: str, run: "Run") -> None:
    """Raise TrainingError with what to try unless ``value`` is a finite number."""
    if math.isfinite(value):
        return
    advice = f"a smaller learning rate (now {run.optimizer.lr:g})"
    advice += (
        " or gradient clipping (max_norm=1.0)"
        if run.max_norm is None
        else f" or stronger clipping (max_norm is {run.max_norm:g})"
    )
    raise TrainingError(f"fit: {what} is {value} {when}: try {advice}, and look for NaN or huge numbers in the data")
