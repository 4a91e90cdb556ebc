"""The fit loop."""

import contextlib
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Literal

import numpy as np

from .checkpoints import Checkpoints, NoCheckpoints
from .early_stopping import EarlyStopping
from .errors import TrainingError
from .history import COLUMNS, History
from .interrupts import Stopped
from .optimizers import Optimizer
from .passes import expect_finite, measure, train_epoch
from .progress import make_bar
from .run import Run
from .schedules import constant

MONITORS = ("valid_accuracy", "valid_loss", None)


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
    clip_value: float | None = None,
    accumulate: int = 1,
    rng: np.random.Generator,
    early_stopping: EarlyStopping | None = None,
    progress: bool = True,
    average: float | None = None,
    monitor: Literal["valid_accuracy", "valid_loss"] | None = "valid_accuracy",
    checkpoint: Checkpoints | str | Path | None = None,
) -> History:
    """Train a model and leave the best weights in it.

    Parameters
    ----------
    model : object
        With ``params`` and ``grads`` (dicts of arrays), ``zero_grad()``,
        ``forward(inputs, lengths=..., rng=...) -> (logits, cache)`` and ``backward(dlogits, cache)``. One with a true
        ``carries_state`` takes also ``forward(..., state=...)``, None in the first batch of a pass and then what
        ``carry(cache)`` gave after the batch before: an array or a (nested) tuple of arrays.
    criterion : object
        With ``forward(logits, targets) -> (loss, cache)`` and ``backward(cache) -> dlogits``.
    optimizer : SGD, Adam or another of this package
        Over arrays of ``model.params``, all or some. Its learning rate is the base of the schedule and is put back
        at the end; its state goes on from where it stood.
    batches : callable
        ``batches(rng)`` yields the batches of one epoch, objects with ``inputs``, ``lengths`` and ``targets``.
    epochs : int
        At most this many.
    validation : callable, optional
        ``validation()`` yields batches to measure after each epoch.
    schedule : function or Plateau, optional
        Steps taken -> factor of the learning rate; e.g. ``cosine(total_steps)``. One with ``update`` is started
        anew and then told its ``metric``, a column of the history, after each epoch.
    max_norm : float, optional
        Clip the gradient's global norm to this.
    clip_value : float, optional
        Clamp every entry of the gradient to this instead.
    accumulate : int
        Batches whose gradients make one step together, as one large batch would; the last step of an epoch may have
        fewer.
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
    checkpoint : Checkpoints, str or Path, optional
        Folder to save to from time to time. If it holds a checkpoint of a fit with the same data and settings, this
        fit goes on from there and ends with the same bits as if it had never stopped.

    Returns
    -------
    History

    Raises
    ------
    CheckpointError, HeldError
        The checkpoints there are of another fit or all damaged, or another process is using them.
    TrainingError
        A loss or a gradient is not finite. The best weights so far are in the model: without any, the last ones
        known to give a finite loss. The error's ``history`` holds the finished epochs.
    ValueError
        A setting cannot be, the optimiser holds other arrays than the model, or there is no batch.

    Notes
    -----
    Ctrl-C ends training as if the epochs were over: the best weights are written, ``history.interrupted`` is True,
    and the unfinished epoch has no row. With ``checkpoint``, Ctrl-C and SIGTERM wait for the end of the step and save
    where training stands, not the best weights, so that the same call goes on from there; a second Ctrl-C waits
    for nothing. NumPy's overflow warnings are off inside, since every loss and gradient norm is checked.
    Checked by: tests/training/test_fit.py, test_checkpoints.py
    """
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"fit: rng is a {type(rng).__name__}, expected a numpy.random.Generator")
    _check_settings(epochs, validation, early_stopping, monitor, criterion)
    _check_steps(max_norm, clip_value, accumulate, schedule, validation)
    _check_arrays(model, optimizer)
    schedule = constant() if schedule is None else schedule
    run = Run(
        model, criterion, optimizer, batches, rng=rng, schedule=schedule, max_norm=max_norm, clip_value=clip_value,
        accumulate=accumulate, average=average, early_stopping=early_stopping,
    )  # fmt: skip
    for listener in (early_stopping, schedule):
        if hasattr(listener, "start"):
            listener.start()
    if isinstance(checkpoint, str | Path):
        checkpoint = Checkpoints(checkpoint)
    keeper = NoCheckpoints() if checkpoint is None else checkpoint
    with keeper.opened(run, epochs=epochs, monitor=monitor, validated=validation is not None) as finished:
        if not finished:
            _train(run, keeper, epochs, validation, monitor, progress)
    return run.history


def _train(run, keeper, epochs, validation, monitor, progress):
    history, failed = run.history, True
    signals = contextlib.nullcontext() if isinstance(keeper, NoCheckpoints) else run.interrupts
    try:
        with (
            signals,
            make_bar(progress, epochs, run.batches, epoch=run.epoch + run.between, done=run.position) as bar,
            np.errstate(over="ignore", invalid="ignore", divide="ignore"),
        ):
            try:
                _run_epochs(run, keeper, bar, epochs, validation, monitor)
            except Stopped:
                keeper.save(run)
                raise
        failed = False
    except KeyboardInterrupt:
        history.interrupted = True
        failed = False
    except TrainingError as error:
        error.history = history
        raise
    finally:
        history.interrupted_by = "SIGINT" if history.interrupted else None
        run.optimizer.lr = run.base_lr
        run.weights.settle(failed)
        history.seconds = run.seconds
    if not history.interrupted:
        keeper.finish(run)
    if run.interrupts.asked is not None:  # perhaps after the last step: the caller must still learn of it
        history.interrupted, history.interrupted_by = True, run.interrupts.asked


def _run_epochs(run, keeper, bar, epochs, validation, monitor):
    while run.epoch + run.between <= epochs and not run.history.stopped_early:
        if run.between:
            run.begin_epoch()
        train_epoch(run, bar, keeper)
        _end_epoch(run, keeper, bar, validation, monitor)
        if run.epoch < epochs and not run.history.stopped_early:
            keeper.after_epoch(run)


def _end_epoch(run, keeper, bar, validation, monitor):
    rate, history = run.meter.rate, run.history
    valid_loss = valid_accuracy = None
    if validation is not None:
        with run.weights.evaluating():
            found = measure(run.model, run.criterion, validation, run.interrupts.stop_here)
        valid_loss, valid_accuracy = found.loss, found.accuracy
        expect_finite("the validation loss", valid_loss, f"after epoch {run.epoch}", run)
    row = {
        "epoch": run.epoch,
        "seconds": time.perf_counter() - run.meter.started,
        "train_loss": run.meter.loss,
        "train_accuracy": run.meter.accuracy,
        "valid_loss": valid_loss,
        "valid_accuracy": valid_accuracy,
        "gradient_norm": run.meter.gradient_norm,
        "lr": run.optimizer.lr,
        "sequences_per_second": rate,
    }
    history.rows.append(row)
    run.between = True
    choosing = validation is not None and monitor is not None
    if choosing and run.weights.offer(_score(monitor, valid_loss, valid_accuracy)):
        history.best_epoch = run.epoch
    bar.epoch(row, history.best_epoch)
    metric = getattr(run.schedule, "metric", None)
    if metric is not None:
        run.schedule.update(row[metric])
    stopping = run.early_stopping
    if stopping is not None and stopping.update(_score(monitor, valid_loss, valid_accuracy)[0]):
        history.stopped_early = True


def _score(monitor, loss, accuracy):
    return (accuracy, -loss) if monitor == "valid_accuracy" else (-loss,)


def _check_settings(epochs, validation, early_stopping, monitor, criterion):
    if int(epochs) != epochs or epochs < 1:
        raise ValueError(f"fit: epochs is {epochs}, expected a whole number of at least 1")
    if monitor not in MONITORS:
        raise ValueError(f"fit: monitor is {monitor!r}, expected one of {', '.join(map(repr, MONITORS))}")
    if early_stopping is not None and (validation is None or monitor is None):
        raise ValueError("fit: early_stopping needs validation and a monitor to judge by")
    if getattr(criterion, "reduction", "mean") not in ("mean", "sum"):
        raise ValueError(f"fit: the criterion's reduction is {criterion.reduction!r}, expected 'mean' or 'sum'")


def _check_steps(max_norm, clip_value, accumulate, schedule, validation):
    for name, value in (("max_norm", max_norm), ("clip_value", clip_value)):
        if value is not None and not value > 0:
            raise ValueError(f"fit: {name} is {value}, expected a number above 0, or None for no clipping")
    if max_norm is not None and clip_value is not None:
        raise ValueError("fit: both max_norm and clip_value are given, expected one way of clipping")
    if int(accumulate) != accumulate or accumulate < 1:
        raise ValueError(f"fit: accumulate is {accumulate}, expected a whole number of at least 1")
    metric = getattr(schedule, "metric", None)
    if metric is not None and metric not in COLUMNS:
        raise ValueError(f"fit: the schedule's metric is {metric!r}, expected one of {', '.join(COLUMNS)}")
    if metric in ("valid_loss", "valid_accuracy") and validation is None:
        raise ValueError(f"fit: the schedule waits for {metric}, which needs validation")


def _check_arrays(model, optimizer):
    params = model.params
    for name, array in optimizer.params.items():
        if params.get(name) is not array:
            raise ValueError(
                f"fit: {name!r} of the optimizer is not the array in model.params, make it from model.params"
            )
