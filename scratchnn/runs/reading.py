"""A language model on its text: which text, how surprised it is by the held-out end, what that is held against."""

import hashlib
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from scratchnn import training
from scratchnn.data import TEXT_CARDS, RunningText, StreamBatches, load_text, ngrams, read_text
from scratchnn.models import LanguageModel

from .folder import RunError
from .opened import open_run
from .settings import Settings

READ = 200  # steps of a chunk when measuring: the result does not depend on it
REMEMBERED = 128  # characters after which the memory is no longer measured
ROWS = 64


class Measured(NamedTuple):
    """A language model on the held-out end of its text."""

    nats: float  # mean of -ln p over the characters
    characters: int  # how many were predicted

    @property
    def bits(self) -> float:
        """The same in bits: what an arithmetic coder would need for a character."""
        return self.nats / float(np.log(2))

    @property
    def perplexity(self) -> float:
        """exp(nats): as hard as to guess among so many equally likely characters."""
        return float(np.exp(self.nats))


class LanguageEvaluation(NamedTuple):
    """A run of a language model measured again."""

    settings: Settings
    text: RunningText
    measured: Measured
    baselines: list  # of [str, float], nats per character, the weakest first


def load_running_text(settings: Settings) -> RunningText:
    """Load the text that the settings name: embedded, or the user's own file.

    Parameters
    ----------
    settings : Settings

    Returns
    -------
    data.RunningText
    """
    return load_text(settings.task) if settings.data is None else read_text(settings.data)


def text_fingerprint(text: RunningText) -> str:
    """Give a short hash of a text and of where its held-out part begins.

    Parameters
    ----------
    text : data.RunningText

    Returns
    -------
    str
        16 hexadecimal digits of SHA-256.
    """
    return hashlib.sha256(f"{text.start}\n{text.text}".encode()).hexdigest()[:16]


def same_text(record: dict[str, Any], path: str | Path, data: str | None = None) -> tuple[Settings, RunningText]:
    """Load the text that a run learnt from, and refuse any other: its held-out part would hold training text.

    Parameters
    ----------
    record : dict
        With the run's ``settings`` and fingerprint of the ``data``.
    path : str or Path
        Of the run, for the sentence.
    data : str, optional
        Where the user's own file lies now, if it has moved.

    Returns
    -------
    settings : Settings
        With that place.
    text : data.RunningText

    Raises
    ------
    RunError
        Another text, or a place for an embedded one.
    """
    settings = record["settings"]
    if data is not None and settings.data is None:
        raise RunError(f"{path} was trained on {settings.task}, which comes with the package; leave out --data")
    settings = settings.changed(data=data)
    text = load_running_text(settings)
    if text_fingerprint(text) != record["data"]:
        raise RunError(f"{settings.data or settings.task} is not, or no longer, the text that {path} was trained on")
    return settings, text


def measure_text(model: LanguageModel, ids: np.ndarray, start: int) -> Measured:
    """Predict every character of the held-out part in one stream, the state carried from its begin to its end.

    Parameters
    ----------
    model : models.LanguageModel
    ids : (N,) int
        The whole text.
    start : int
        Where the held-out part begins; the model sees the one character before it first.

    Returns
    -------
    Measured
    """
    found = training.evaluate(model, training.CrossEntropyLoss(), StreamBatches(ids[start - 1 :], 1, READ))
    return Measured(found.loss, len(found.targets))


def memory_of(model: LanguageModel, ids: np.ndarray, start: int) -> tuple[np.ndarray, np.ndarray]:
    """Measure how the surprise falls with what has been read since the state was zero.

    The held-out part is cut into pieces of 128 characters, in each of which the model starts from nothing. Places
    that are far from the start are taken together: a single one has too few characters to be measured well.

    Parameters
    ----------
    model : models.LanguageModel
    ids : (N,) int
    start : int

    Returns
    -------
    read : (n,)
        Characters read before the prediction, the mean of each group.
    nats : (n,)
        Mean surprise by the character that came next.
    """
    held_out = ids[start - 1 :]
    steps = min(REMEMBERED, len(held_out) - 1)
    count = (len(held_out) - 1) // steps
    inputs, targets = (held_out[k : k + count * steps].reshape(count, steps) for k in (0, 1))
    criterion = training.CrossEntropyLoss(reduction="none")
    total = np.zeros(steps)
    for first in range(0, count, ROWS):
        rows = slice(first, first + ROWS)
        logits, _ = model.forward(inputs[rows])
        losses, _ = criterion.forward(logits, targets[rows])
        total += losses.sum(axis=0)
    edges = np.unique(np.round(np.geomspace(1, steps + 1, 16)).astype(int))
    groups = [np.arange(low, high) for low, high in pairwise(edges)]
    read = np.array([group.mean() for group in groups])
    return read, np.array([total[group - 1].mean() / count for group in groups])


def text_baselines(settings: Settings, text: RunningText) -> list:
    """Give what the model is held against: n-gram models on the same held-out part.

    Parameters
    ----------
    settings : Settings
    text : data.RunningText

    Returns
    -------
    list of [str, float]
        Name and nats per character, the weakest first. Those of an own text are measured now.
    """
    found = TEXT_CARDS[settings.task].baselines if settings.data is None else ngrams.measure(text)
    return [[baseline.method, baseline.nats] for baseline in sorted(found, key=lambda one: -one.nats)]


def evaluate_language(path: str | Path, *, data: str | None = None, backend: str | None = None) -> LanguageEvaluation:
    """Measure a run of a language model on the held-out end of its text.

    Parameters
    ----------
    path : str or Path
        Run folder.
    data : str, optional
        Where the user's own file lies now, if it has moved.
    backend : str, optional

    Returns
    -------
    LanguageEvaluation

    Raises
    ------
    RunError
        The run cannot be opened, is none of a language model, or learnt from another text.
    """
    run = open_run(path, backend)
    if not isinstance(run.model, LanguageModel):
        raise RunError(f"{path} is a classifier, expected a language model; measure it with runs.evaluate")
    settings, text = same_text(run._asdict(), path, data)
    measured = measure_text(run.model, run.vocabulary.encode(text.text), text.start)
    return LanguageEvaluation(settings, text, measured, text_baselines(settings, text))
