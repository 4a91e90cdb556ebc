"""From settings, model and data to trained weights."""

from collections.abc import Callable
from typing import Any

import numpy as np

from scratchnn import training
from scratchnn.layers import Layer
from scratchnn.models import Committee

from .prepare import Prepared
from .settings import Settings
from .steps import make_criterion, make_optimizer, make_schedule, weigh_classes
from .threads import threads_of


def learn(
    model: Layer,
    settings: Settings,
    prepared: Prepared,
    *,
    progress: bool,
    checkpoints: Callable[[int], training.Checkpoints | None] = lambda member: None,
) -> tuple[Layer, list]:
    """Train a model on the task's data, or each member of a committee in turn.

    Parameters
    ----------
    model : models.SequenceClassifier or models.Committee
    settings : Settings
    prepared : Prepared
    progress : bool
        Show a progress bar.
    checkpoints : function
        Number of a member, from 0 -> its checkpoints. A member that had come to its end gives its weights at once.

    Returns
    -------
    model : models.SequenceClassifier or models.Committee
        The trained one; after Ctrl-C without the members that had no turn.
    histories : list of training.History
        One for each trained member.
    """
    noise = {"replace": settings.replace, "remove": settings.remove}
    batches = prepared.batches(settings.fit_on, settings.batch_size, **noise)
    watched = prepared.batches("valid", 256) if settings.fit_on == "train" else None
    class_weight = weigh_classes(settings, prepared)
    members = model.members if isinstance(model, Committee) else [model]
    histories = []
    for number, member in enumerate(members):
        histories.append(
            fit_model(
                member, settings, batches, watched, watched is not None, member=number, progress=progress,
                checkpoint=checkpoints(number), class_weight=class_weight,
            )
        )  # fmt: skip
        if histories[-1].interrupted:
            if not histories[-1].rows and len(histories) > 1:  # it has learnt nothing: the others go on without it
                interrupted_by = histories.pop().interrupted_by
                histories[-1].interrupted, histories[-1].interrupted_by = True, interrupted_by
            break
    if len(histories) == len(members):
        return model, histories
    return (members[0] if len(histories) == 1 else Committee(members[: len(histories)])), histories


def fit_model(
    model: Layer,
    settings: Settings,
    batches: Any,
    watched: Any,
    chooses: bool,
    *,
    member: int = 0,
    progress: bool,
    checkpoint: training.Checkpoints | None = None,
    class_weight: np.ndarray | None = None,
) -> training.History:
    """Run ``training.fit`` as the settings say.

    Parameters
    ----------
    model : models.SequenceClassifier
    settings : Settings
    batches : data.Batches
        What to learn from.
    watched : data.Batches or None
        What to measure after each epoch.
    chooses : bool
        Keep the weights of the epoch that was best on ``watched``. False, where that is the test part or nothing:
        keep the last weights.
    member : int
        Number in a committee: each shuffles and drops by draws of its own.
    progress : bool
    checkpoint : training.Checkpoints, optional
    class_weight : (C,) array, optional
        What ``weigh_classes`` gave.

    Returns
    -------
    training.History
    """
    optimizer = make_optimizer(model.params, settings)
    schedule = make_schedule(settings, len(batches), validated=chooses)
    criterion = make_criterion(settings, class_weight)
    with threads_of(settings):
        return training.fit(
            model,
            criterion,
            optimizer,
            batches,
            epochs=settings.epochs,
            validation=watched,
            schedule=schedule,
            max_norm=None if settings.clip_value else settings.max_norm or None,
            clip_value=settings.clip_value or None,
            accumulate=settings.accumulate,
            rng=np.random.default_rng([settings.seed, 2, member]),
            early_stopping=training.EarlyStopping(settings.patience) if chooses and settings.patience else None,
            average=settings.average or None,
            monitor="valid_accuracy" if chooses else None,
            progress=progress,
            checkpoint=checkpoint,
        )
