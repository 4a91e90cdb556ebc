"""From settings to what a step is made of: optimiser, schedule, loss."""

import math
from typing import Any

import numpy as np

from scratchnn import training

from .prepare import Prepared
from .settings import Settings, SettingsError

OPTIMIZERS = {
    "adam": lambda params, s, **common: training.Adam(params, **common),
    "adamw": lambda params, s, **common: training.AdamW(params, **common),
    "sgd": lambda params, s, **common: training.SGD(params, momentum=s.momentum, nesterov=s.momentum > 0, **common),
    "adagrad": lambda params, s, **common: training.Adagrad(params, **common),
    "rmsprop": lambda params, s, **common: training.RMSprop(params, momentum=s.momentum, **common),
}
PLATEAU = {"factor": 0.3, "patience": 2}  # a drop after the third epoch without improvement
LAST_FACTOR = 0.01  # where "exponential" ends


def make_optimizer(params: dict[str, np.ndarray], settings: Settings) -> training.Optimizer:
    """Make the optimiser.

    Parameters
    ----------
    params : dict of str to array
        Of the model.
    settings : Settings

    Returns
    -------
    training.Optimizer
    """
    groups = [] if settings.decay_biases else [training.no_decay(params)]
    return OPTIMIZERS[settings.optimizer](
        params,
        settings,
        lr=settings.learning_rate,
        weight_decay=settings.weight_decay,
        groups=groups,
        backend=settings.backend,
    )


def make_schedule(settings: Settings, batches: int, *, validated: bool) -> Any:
    """Make the schedule of the learning rate.

    Parameters
    ----------
    settings : Settings
    batches : int
        In one epoch.
    validated : bool
        There is a validation loss to listen to; else "plateau" listens to the training loss.

    Returns
    -------
    function or training.Plateau or training.Warmup
    """
    steps = settings.epochs * math.ceil(batches / settings.accumulate)
    warmup = int(settings.warmup * steps)
    rest = steps - warmup
    if settings.schedule == "cosine":
        return training.cosine(steps, warmup_steps=warmup)
    schedule = {
        "constant": training.constant,
        "step": lambda: training.step_decay(max(1, rest // 3), 0.3),
        "linear": lambda: training.linear(max(1, rest)),
        "exponential": lambda: training.exponential(LAST_FACTOR ** (1 / max(1, rest))),
        "plateau": lambda: training.Plateau(**PLATEAU, metric="valid_loss" if validated else "train_loss"),
    }[settings.schedule]()
    return training.Warmup(schedule, warmup) if warmup else schedule


def weigh_classes(settings: Settings, prepared: Prepared) -> np.ndarray | None:
    """Compute the weights of the classes from the targets that are learnt from.

    Parameters
    ----------
    settings : Settings
    prepared : Prepared

    Returns
    -------
    (C,) array or None
        None: all alike.
    """
    if settings.class_weights == "none":
        return None
    dataset = prepared.dataset
    index = np.concatenate([dataset.split[part] for part in settings.fit_on.split("+")])
    return training.balanced_weights(dataset.targets[index], len(dataset.classes))


def make_criterion(settings: Settings, class_weight: np.ndarray | None) -> training.CrossEntropyLoss:
    """Make the loss.

    Parameters
    ----------
    settings : Settings
    class_weight : (C,) array or None
        What ``weigh_classes`` gave.

    Returns
    -------
    training.CrossEntropyLoss

    Raises
    ------
    SettingsError
        Class weights are asked for in a task that knows none.
    """
    if settings.class_weights != "none" and class_weight is None:
        raise SettingsError(
            f"class_weights is {settings.class_weights!r}, but the task {settings.task} has no use for it"
        )
    return training.CrossEntropyLoss(class_weight, label_smoothing=settings.label_smoothing, backend=settings.backend)
