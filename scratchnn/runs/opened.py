"""Open a run folder again: measure it, or ask it about one text."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from scratchnn import training
from scratchnn.data import Dataset
from scratchnn.data.vocabulary import UNKNOWN, Vocabulary
from scratchnn.models import LanguageModel

from .folder import RunError, RunFolder
from .prepare import Predictions, Prepared, build_model, fingerprint, predictions, prepare
from .settings import Settings


class Loaded(NamedTuple):
    """A run read back from disk."""

    model: Any
    settings: Settings
    classes: tuple
    vocabulary: Any  # data.Vocabulary, or None for series
    input_size: int | None
    path: str
    data: str  # fingerprint of the data it was trained on


class Evaluation(NamedTuple):
    """A run measured on the test part."""

    settings: Settings
    prepared: Prepared
    predictions: Predictions
    report: dict  # training.classification_report


def open_run(path: str | Path, backend: str | None = None) -> Loaded:
    """Read a run folder and rebuild its model.

    Parameters
    ----------
    path : str or Path
    backend : str, optional
        Another backend than the run was trained with.

    Returns
    -------
    Loaded

    Raises
    ------
    RunError
        Missing, damaged, or not of scratchnn; one sentence.
    """
    folder = RunFolder(path)
    record = folder.read_record()
    settings = record["settings"].changed(backend=backend, members=record.get("members_trained"))
    vocabulary = read_vocabulary(record, path)
    try:
        model = build_model(
            settings,
            num_classes=len(record["classes"]),
            vocabulary=vocabulary,
            input_size=record["input_size"],
        )
        model.load_state_dict(folder.read_weights())
    except RunError:
        raise
    except (ValueError, KeyError, TypeError) as error:
        raise RunError(f"{path}: settings and weights do not fit together ({error})") from None
    return Loaded(
        model, settings, tuple(record["classes"]), vocabulary, record["input_size"], str(path), record["data"]
    )


def evaluate(path: str | Path, *, data: str | None = None, backend: str | None = None) -> Evaluation:
    """Measure a run on the test part of its data.

    Parameters
    ----------
    path : str or Path
        Run folder.
    data : str, optional
        Where the user's own file lies now, if it has moved.
    backend : str, optional

    Returns
    -------
    Evaluation
    """
    run = open_run(path, backend)
    _expect_classifier(run)
    settings, prepared = same_data(run._asdict(), run.vocabulary, run.path, data)
    test = prepared.dataset.split["test"]
    told = predictions(run.model, [prepared.inputs[k] for k in test])
    report = training.classification_report(prepared.dataset.targets[test], told.classes, len(run.classes))
    return Evaluation(settings, prepared, told, report)


def _expect_classifier(run):
    if isinstance(run.model, LanguageModel):
        raise RunError(f"{run.path} is a language model, expected a classifier; let it write with `scratchnn sample`")


def read_vocabulary(record: dict[str, Any], path: str | Path) -> Vocabulary | None:
    """Rebuild the vocabulary in a run's settings.json.

    Parameters
    ----------
    record : dict
        Of ``RunFolder.read_record``.
    path : str or Path
        Of the run, for the sentence.

    Returns
    -------
    data.Vocabulary or None
        None: the run is about series.

    Raises
    ------
    RunError
        It is damaged.
    """
    try:
        return None if record["vocabulary"] is None else Vocabulary.from_dict(record["vocabulary"])
    except (ValueError, KeyError, TypeError) as error:
        raise RunError(f"{path}: the vocabulary in settings.json is damaged ({error})") from None


def same_data(
    record: dict[str, Any],
    vocabulary: Vocabulary | None,
    path: str | Path,
    data: str | None = None,
    dataset: Dataset | None = None,
) -> tuple[Settings, Prepared]:
    """Load the data that a run was trained on, and refuse any other: its test part would hold training examples.

    Parameters
    ----------
    record : dict
        With the run's ``settings``, ``classes`` and fingerprint of the ``data``.
    vocabulary : data.Vocabulary or None
    path : str or Path
        Of the run, for the sentence.
    data : str, optional
        Where the user's own file lies now, if it has moved.
    dataset : data.Dataset, optional
        Used instead of the task's own.

    Returns
    -------
    settings : Settings
        With the new place of the data.
    prepared : Prepared

    Raises
    ------
    RunError
        Other data than those of the run.
    """
    settings = record["settings"]
    if data is not None and settings.task != "own":
        raise RunError(f"{path} was trained on {settings.task}, which comes with the package; leave out --data")
    settings = settings.changed(data=data and str(Path(data).resolve()))
    prepared = prepare(settings, dataset=dataset, vocabulary=vocabulary)
    if tuple(prepared.dataset.classes) != tuple(record["classes"]) or fingerprint(prepared.dataset) != record["data"]:
        raise RunError(f"{settings.data or settings.task} is not, or no longer, the data that {path} was trained on")
    return settings, prepared


class Prediction(NamedTuple):
    """The answer for one example."""

    tokens: list  # of str; for series "step 0", "step 1"...
    unknown: list  # tokens the vocabulary does not know
    classes: tuple
    probabilities: np.ndarray  # (C,)
    alpha: np.ndarray | None  # (T,)
    truth: str | None


def predict(
    path: str | Path,
    texts: Sequence[str] = (),
    *,
    example: int | None = None,
    data: str | None = None,
    backend: str | None = None,
) -> list[Prediction]:
    """Classify texts, or one example of the run's test part.

    Parameters
    ----------
    path : str or Path
        Run folder.
    texts : sequence of str
    example : int, optional
        Position in the test part, from 0.
    data : str, optional
        Where the user's own file lies now, if it has moved; only needed for an example.
    backend : str, optional

    Returns
    -------
    list of Prediction

    Raises
    ------
    RunError
        The run is unusable, a text is empty, or the run was not trained on texts.
    """
    run = open_run(path, backend)
    _expect_classifier(run)
    if run.vocabulary is None and texts:
        raise RunError(f"{path} was trained on series of numbers, not on texts; ask for a test example (--example N)")
    encoded, tokens, truths = [], [], []
    for number, text in enumerate(texts, 1):
        encoded.append(_encode(run, text, f"text {number}" if len(texts) > 1 else "the text"))
        tokens.append(run.vocabulary.pieces(text))
        truths.append(None)
    if example is not None:
        _, prepared = same_data(run._asdict(), run.vocabulary, run.path, data)
        test = prepared.dataset.split["test"]
        if not 0 <= example < len(test):
            raise RunError(f"example {example} does not exist, expected 0 to {len(test) - 1}")
        k = test[example]
        encoded.append(prepared.inputs[k])
        raw = prepared.dataset.inputs[k]
        tokens.append(run.vocabulary.pieces(raw) if run.vocabulary else [f"step {t}" for t in range(len(raw))])
        truths.append(prepared.dataset.classes[prepared.dataset.targets[k]])
    if not encoded:
        raise RunError("nothing to predict: give one or more texts, or --example N")
    told = predictions(run.model, encoded)
    return [
        Prediction(
            tokens=tokens[n],
            unknown=[]
            if run.vocabulary is None
            else [token for token, k in zip(tokens[n], encoded[n], strict=True) if k == UNKNOWN],
            classes=run.classes,
            probabilities=told.probabilities[n],
            alpha=None if told.alpha is None else told.alpha[n],
            truth=truths[n],
        )
        for n in range(len(encoded))
    ]


def _encode(run, text, which):
    if not text.strip():
        raise RunError(f"{which} is empty, expected at least one character")
    ids = run.vocabulary.encode(text)
    inner = ids[1:-1] if run.vocabulary.marks else ids
    if (inner == UNKNOWN).all():
        unit = run.vocabulary.unit
        raise RunError(
            f"none of the {unit} of {text!r} occurred in training, expected at least one known to {run.path}"
        )
    return ids
