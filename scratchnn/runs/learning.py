"""From settings, model and data to trained weights."""

from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from scratchnn import training
from scratchnn.layers import Layer
from scratchnn.models import Committee

from .prepare import Prepared
from .settings import Settings

OPTIMIZERS = {
    "adam": lambda params, s: training.Adam(params, lr=s.learning_rate, weight_decay=s.weight_decay),
    "adamw": lambda params, s: training.AdamW(params, lr=s.learning_rate, weight_decay=s.weight_decay),
    "sgd": lambda params, s: training.SGD(
        params, lr=s.learning_rate, momentum=s.momentum, nesterov=s.momentum > 0, weight_decay=s.weight_decay
    ),
}


def learn(model: Layer, settings: Settings, prepared: Prepared, *, progress: bool) -> tuple[Layer, list]:
    """Train a model on the task's data, or each member of a committee in turn.

    Parameters
    ----------
    model : models.SequenceClassifier or models.Committee
    settings : Settings
    prepared : Prepared
    progress : bool
        Show a progress bar.

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
    members = model.members if isinstance(model, Committee) else [model]
    histories = []
    for number, member in enumerate(members):
        histories.append(
            fit_model(member, settings, batches, watched, watched is not None, member=number, progress=progress)
        )
        if histories[-1].interrupted:
            if not histories[-1].rows and len(histories) > 1:  # it has learnt nothing: the others go on without it
                histories.pop()
                histories[-1].interrupted = True
            break
    if len(histories) == len(members):
        return model, histories
    return (members[0] if len(histories) == 1 else Committee(members[: len(histories)])), histories


def fit_model(
    model: Layer, settings: Settings, batches: Any, watched: Any, chooses: bool, *, member: int = 0, progress: bool
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

    Returns
    -------
    training.History
    """
    optimizer = OPTIMIZERS[settings.optimizer](model.params, settings)
    steps = settings.epochs * len(batches)
    schedule = {
        "constant": training.constant,
        "cosine": lambda: training.cosine(steps, warmup_steps=int(settings.warmup * steps)),
        "step": lambda: training.step_decay(max(1, steps // 3), 0.3),
    }[settings.schedule]()
    with threadpool_limits(settings.threads):
        return training.fit(
            model,
            training.CrossEntropyLoss(label_smoothing=settings.label_smoothing),
            optimizer,
            batches,
            epochs=settings.epochs,
            validation=watched,
            schedule=schedule,
            max_norm=settings.max_norm or None,
            rng=np.random.default_rng([settings.seed, 2, member]),
            early_stopping=training.EarlyStopping(settings.patience) if chooses and settings.patience else None,
            average=settings.average or None,
            monitor="valid_accuracy" if chooses else None,
            progress=progress,
        )
