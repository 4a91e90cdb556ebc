"""One pass over the data: to learn from it, or to measure."""

import math
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from scratchnn import arrays

from .accumulation import Accumulator
from .clipping import clip_grad_norm, clip_grad_value, gradient_norm
from .errors import TrainingError

if TYPE_CHECKING:
    from .checkpoints import Checkpoints, NoCheckpoints
    from .progress import Bar, Silent
    from .run import Run


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

    def add(self, loss: float, logits: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Take one batch into the sums.

        Parameters
        ----------
        loss : float
        logits : (..., C)
        targets : (...) int

        Returns
        -------
        targets, predictions : (n,) int
            Of the targets that count.
        """
        counts = np.ones(targets.shape, bool) if self.ignore_index is None else targets != self.ignore_index
        targets, predictions = targets[counts], arrays.as_numpy(logits).argmax(axis=-1)[counts]
        self.total_loss += loss * (targets.size if self.reduction == "mean" else 1)
        self.right += int((targets == predictions).sum())
        self.counted += targets.size
        self.sequences += len(counts)
        return targets, predictions

    def stepped(self, norm: float) -> None:
        """Take one step of the optimiser into the sums.

        Parameters
        ----------
        norm : float
            Of the gradient.
        """
        self.total_norm += norm
        self.steps += 1

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


def forward(model: Any, batch: Any, *, rng: np.random.Generator | None, state: Any) -> tuple[np.ndarray, Any]:
    """Run a model over a batch, from the state carried out of the batch before if it has one.

    Parameters
    ----------
    model : object
        As for ``fit``.
    batch : object
        With ``inputs`` and ``lengths``.
    rng : numpy.random.Generator or None
    state : array or tuple of arrays, optional
        What ``carried`` gave after the batch before; None: the first batch of a pass.

    Returns
    -------
    logits : (..., C)
    cache : object
    """
    extra = {"state": state} if getattr(model, "carries_state", False) else {}
    return model.forward(batch.inputs, lengths=batch.lengths, rng=rng, **extra)


def carried(model: Any, cache: Any) -> Any:
    """Give the state that the next batch of this pass begins with.

    Parameters
    ----------
    model : object
    cache : object
        Of the model's forward.

    Returns
    -------
    array, tuple of arrays, or None
        Copies, so that what is carried holds no larger array alive and is the same after a checkpoint down to its
        order in memory. None: the model carries no state.
    """
    return _copied(model.carry(cache)) if getattr(model, "carries_state", False) else None


def _copied(tree):
    if tree is None:
        return None
    return tuple(map(_copied, tree)) if isinstance(tree, tuple | list) else arrays.copy(tree)


def evaluate(model: Any, criterion: Any, batches: Callable[..., Iterable[Any]]) -> Evaluation:
    """Measure a model without changing it; dropout is off.

    Parameters
    ----------
    model : object
        With ``forward(inputs, lengths=..., rng=...) -> (logits, cache)``; one that carries state from batch to batch
        as for ``fit``.
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
    return measure(model, criterion, batches, lambda: None)


def measure(
    model: Any, criterion: Any, batches: Callable[..., Iterable[Any]], pause: Callable[[], None]
) -> Evaluation:
    """Do what ``evaluate`` does, with a word between two batches.

    Parameters
    ----------
    model, criterion : object
    batches : callable
    pause : function
        Called after every batch; may raise to stop.

    Returns
    -------
    Evaluation
    """
    meter, told, state = Meter(criterion), [], None
    for batch in batches():
        logits, cache = forward(model, batch, rng=None, state=state)
        state = carried(model, cache)
        loss, _ = criterion.forward(logits, batch.targets)
        told.append(meter.add(float(loss), logits, batch.targets))
        pause()
    if not told:
        raise ValueError("evaluate: the data yields no batch")
    targets, predictions = (np.concatenate(parts) for parts in zip(*told, strict=True))
    return Evaluation(meter.loss, meter.accuracy, targets, predictions)


def train_epoch(run: "Run", bar: "Silent | Bar", keeper: "Checkpoints | NoCheckpoints") -> None:
    """Go through the rest of the training data, one step of the optimiser for every ``run.accumulate`` batches.

    Parameters
    ----------
    run : Run
        Within an epoch; its sums are in ``run.meter`` afterwards.
    bar : object
        Told of every batch.
    keeper : Checkpoints or NoCheckpoints
        Told of every step.

    Raises
    ------
    TrainingError
        A loss or a gradient is not finite; that step is not taken.
    ValueError
        There is no batch.
    """
    while taken := run.take():
        _step(run, taken)
        run.position += len(taken)
        for _ in taken:
            bar.batch(run.meter)
        keeper.after_step(run)
    if run.position == 0:
        raise ValueError(f"fit: the training data yields no batch in epoch {run.epoch}")


def _step(run, taken):
    """Learn from some batches with one step of the optimiser."""
    model, criterion, optimizer = run.model, run.criterion, run.optimizer
    optimizer.lr = run.base_lr * run.schedule(run.step)
    together = Accumulator(criterion) if run.accumulate > 1 else None
    model.zero_grad()
    for number, batch in enumerate(taken, run.position + 1):
        logits, cache = forward(model, batch, rng=run.rng, state=run.state)
        run.state = carried(model, cache)
        loss, loss_cache = criterion.forward(logits, batch.targets)
        loss = float(loss)
        expect_finite("the loss", loss, f"in epoch {run.epoch}, batch {number}", run)
        if number == 1:
            run.weights.proved_finite()
        dlogits = criterion.backward(loss_cache)
        if together is not None:
            dlogits = arrays.scale(dlogits, together.add(loss, batch.targets))
        model.backward(dlogits, cache)
        run.meter.add(loss, logits, batch.targets)
    found = model.grads
    grads = {name: found[name] for name in optimizer.params}
    if together is not None:
        together.finish(grads)
    norm = gradient_norm(grads) if run.max_norm is None else clip_grad_norm(grads, run.max_norm)
    expect_finite("the gradient norm", norm, f"in epoch {run.epoch}, batch {number}", run)
    if run.clip_value is not None:
        clip_grad_value(grads, run.clip_value)
    optimizer.step(grads)
    run.step += 1
    run.weights.stepped()
    run.meter.stepped(norm)


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
