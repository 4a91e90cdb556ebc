"""The fit loop."""

import time
from collections.abc import Callable, Iterable
from typing import Any, Literal

import numpy as np

from .early_stopping import EarlyStopping
from .errors import TrainingError
from .history import History
from .optimizers import Optimizer
from .passes import evaluate, expect_finite, train_epoch
from .progress import make_bar
from .schedules import constant
from .weights import Weights

MONITORS = ("valid_accuracy", "valid_loss", None)


class Run:
    """What ``fit`` was given, and where it stands.

    Attributes
    ----------
    model, criterion, optimizer, batches, rng, schedule, max_norm
        As given to ``fit``.
    base_lr : float
        The optimiser's learning rate before the schedule.
    weights : Weights
    step : int
        Steps taken.
    """

    def __init__(
        self,
        model: Any,
        criterion: Any,
        optimizer: Optimizer,
        batches: Callable[..., Iterable[Any]],
        *,
        rng: np.random.Generator,
        schedule: Callable[[int], float],
        max_norm: float | None,
        average: float | None,
    ) -> None:
        self.model, self.criterion, self.optimizer, self.batches = model, criterion, optimizer, batches
        self.rng, self.schedule, self.max_norm = rng, schedule, max_norm
        self.base_lr = optimizer.lr
        self.weights = Weights(model.params, average)
        self.step = 0


def fit(
    model: Any,
    criterion: Any,
    optimizer: Optimizer,
    batches: Callable[..., Iterable[Any]],
    *,
    epochs: int,
    validation: Callable[..., Iterable[Any]] | None = None,
    schedule: Callable[[int], float] | None = None,
    max_norm: float | None = None,
    rng: np.random.Generator,
    early_stopping: EarlyStopping | None = None,
    progress: bool = True,
    average: float | None = None,
    monitor: Literal["valid_accuracy", "valid_loss"] | None = "valid_accuracy",
) -> History:
    """Train a model and leave the best weights in it.

    Parameters
    ----------
    model : object
        With ``params`` and ``grads`` (dicts of arrays), ``zero_grad()``,
        ``forward(inputs, lengths=..., rng=...) -> (logits, cache)`` and ``backward(dlogits, cache)``.
    criterion : object
        With ``forward(logits, targets) -> (loss, cache)`` and ``backward(cache) -> dlogits``.
    optimizer : SGD, Adam or AdamW
        Over arrays of ``model.params``, all or some. Its learning rate is the base of the schedule and is put back
        at the end; its state goes on from where it stood.
    batches : callable
        ``batches(rng)`` yields the batches of one epoch, objects with ``inputs``, ``lengths`` and ``targets``.
    epochs : int
        At most this many.
    validation : callable, optional
        ``validation()`` yields batches to measure after each epoch.
    schedule : function, optional
        Steps taken -> factor of the learning rate; e.g. ``cosine(total_steps)``.
    max_norm : float, optional
        Clip the gradient's global norm to this.
    rng : numpy.random.Generator
        Shuffles and drops; the only source of chance. Same start, data and settings: the same result, bit for bit.
    early_stopping : EarlyStopping, optional
        Needs ``validation`` and a ``monitor``.
    progress : bool
        Show a bar.
    average : float, optional
        Decay of an exponential moving average of the weights; validation and the final weights then use it.
    monitor : {"valid_accuracy", "valid_loss", None}
        Which epoch's weights are the best: the one of the highest validation accuracy (among equals the lowest
        loss, then the earliest), or of the lowest validation loss. None: validation only watches. Without
        validation, or with None, the last weights are kept.

    Returns
    -------
    History

    Raises
    ------
    TrainingError
        A loss or a gradient is not finite. The best weights so far are in the model: without any, the last ones
        known to give a finite loss. The error's ``history`` holds the finished epochs.
    ValueError
        A setting cannot be, the optimiser holds other arrays than the model, or there is no batch.

    Notes
    -----
    Ctrl-C ends training as if the epochs were over: the best weights are written, ``history.interrupted`` is True,
    and the unfinished epoch has no row. NumPy's overflow warnings are off inside, since every loss and gradient
    norm is checked.
    Checked by: tests/training/test_fit.py
    """
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"fit: rng is a {type(rng).__name__}, expected a numpy.random.Generator")
    _check_settings(epochs, validation, early_stopping, max_norm, monitor, criterion)
    _check_arrays(model, optimizer)
    schedule = constant() if schedule is None else schedule
    run = Run(model, criterion, optimizer, batches, rng=rng, schedule=schedule, max_norm=max_norm, average=average)
    history = History()
    failed = True
    try:
        with (
            make_bar(progress, epochs, batches) as bar,
            np.errstate(over="ignore", invalid="ignore", divide="ignore"),
        ):
            _run_epochs(run, history, bar, epochs, validation, early_stopping, monitor)
        failed = False
    except KeyboardInterrupt:
        history.interrupted = True
        failed = False
    except TrainingError as error:
        error.history = history
        raise
    finally:
        optimizer.lr = run.base_lr
        run.weights.settle(failed)
    return history


def _run_epochs(run, history, bar, epochs, validation, early_stopping, monitor):
    if early_stopping is not None:
        early_stopping.start()
    for epoch in range(1, epochs + 1):
        started = time.perf_counter()
        meter = train_epoch(run, epoch, bar)
        rate = meter.rate
        valid_loss = valid_accuracy = None
        if validation is not None:
            with run.weights.evaluating():
                found = evaluate(run.model, run.criterion, validation)
            valid_loss, valid_accuracy = found.loss, found.accuracy
            expect_finite("the validation loss", valid_loss, f"after epoch {epoch}", run)
        row = {
            "epoch": epoch,
            "seconds": time.perf_counter() - started,
            "train_loss": meter.loss,
            "train_accuracy": meter.accuracy,
            "valid_loss": valid_loss,
            "valid_accuracy": valid_accuracy,
            "gradient_norm": meter.gradient_norm,
            "lr": run.optimizer.lr,
            "sequences_per_second": rate,
        }
        history.rows.append(row)
        choosing = validation is not None and monitor is not None
        if choosing and run.weights.offer(_score(monitor, valid_loss, valid_accuracy)):
            history.best_epoch = epoch
        bar.epoch(row, history.best_epoch)
        if early_stopping is not None and early_stopping.update(_score(monitor, valid_loss, valid_accuracy)[0]):
            history.stopped_early = True
            return


def _score(monitor, loss, accuracy):
    return (accuracy, -loss) if monitor == "valid_accuracy" else (-loss,)


def _check_settings(epochs, validation, early_stopping, max_norm, monitor, criterion):
    if int(epochs) != epochs or epochs < 1:
        raise ValueError(f"fit: epochs is {epochs}, expected a whole number of at least 1")
    if max_norm is not None and not max_norm > 0:
        raise ValueError(f"fit: max_norm is {max_norm}, expected a number above 0, or None for no clipping")
    if monitor not in MONITORS:
        raise ValueError(f"fit: monitor is {monitor!r}, expected one of {', '.join(map(repr, MONITORS))}")
    if early_stopping is not None and (validation is None or monitor is None):
        raise ValueError("fit: early_stopping needs validation and a monitor to judge by")
    if getattr(criterion, "reduction", "mean") not in ("mean", "sum"):
        raise ValueError(f"fit: the criterion's reduction is {criterion.reduction!r}, expected 'mean' or 'sum'")


def _check_arrays(model, optimizer):
    params = model.params
    for name, array in optimizer.params.items():
        if params.get(name) is not array:
            raise ValueError(
                f"fit: {name!r} of the optimizer is not the array in model.params, make it from model.params"
            )
