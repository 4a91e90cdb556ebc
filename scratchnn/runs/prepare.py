"""From settings to data, vocabulary, batches and an untrained model."""

import hashlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from scratchnn import arrays, data
from scratchnn.models import Committee, LanguageModel, SequenceClassifier

from .settings import Settings, SettingsError

MODEL_SETTINGS = (
    "embedding_size", "cell", "hidden_size", "num_layers", "bidirectional", "pooling", "score", "attention_size",
    "query", "ngram_sizes", "ngram_dropout", "input_dropout", "dropout", "output_dropout", "dropout_per", "init",
    "forget_bias", "backend",
)  # fmt: skip
LANGUAGE_SETTINGS = (
    "embedding_size", "cell", "hidden_size", "num_layers", "input_dropout", "dropout", "dropout_per", "init",
    "forget_bias", "backend",
)  # fmt: skip


class Prepared(NamedTuple):
    """A data set ready for the model."""

    dataset: data.Dataset
    vocabulary: data.Vocabulary | None  # None for features
    inputs: list  # of (T,) int64 ids or (T, D) float32 features
    input_size: int | None  # D, or None for ids

    def batches(self, part: str, batch_size: int, **noise: float) -> data.Batches | data.NoisyBatches:
        """Give the batches of one part of the split.

        Parameters
        ----------
        part : {"train", "valid", "test", "train+valid"}
        batch_size : int
        **noise
            ``replace`` and ``remove`` of ``data.NoisyBatches``.

        Returns
        -------
        data.Batches or data.NoisyBatches
        """
        index = np.concatenate([self.dataset.split[name] for name in part.split("+")])
        inputs, targets = [self.inputs[k] for k in index], self.dataset.targets[index]
        if any(noise.values()):
            return data.NoisyBatches(inputs, targets, batch_size, **noise)
        return data.Batches(inputs, targets, batch_size)


def fingerprint(dataset: data.Dataset) -> str:
    """Give a short hash of what a data set holds, so that a run notices when its data has changed.

    Parameters
    ----------
    dataset : data.Dataset

    Returns
    -------
    str
        16 hexadecimal digits of SHA-256 over inputs, targets and split.
    """
    digest = hashlib.sha256()
    for example in dataset.inputs:
        digest.update(example.encode() if isinstance(example, str) else np.ascontiguousarray(example).tobytes())
        digest.update(b"\n")
    for numbers in (dataset.targets, *dataset.split.values()):
        digest.update(np.ascontiguousarray(numbers, np.int64).tobytes())
    return digest.hexdigest()[:16]


def load_dataset(settings: Settings) -> data.Dataset:
    """Load the task's data: embedded, or the user's own file by its suffix.

    Parameters
    ----------
    settings : Settings

    Returns
    -------
    data.Dataset
    """
    if settings.task == "chars":
        raise SettingsError("the task chars is one running text, not a set: use runs.train_language for it")
    if settings.task == "article":
        return data.article(np.random.default_rng([settings.seed, 0]))
    if settings.task != "own":
        return data.load(settings.task)
    if settings.data is None:
        raise SettingsError("task own needs the path of a file (--data)")
    if Path(settings.data).exists() and not Path(settings.data).is_dir() and not Path(settings.data).is_file():
        raise SettingsError(f"{settings.data} is not a regular file, expected lines of label TAB text, or a .npz")
    if str(settings.data).lower().endswith(".npz"):
        return data.read_npz(settings.data)
    return data.read_tsv(settings.data, unit=None if settings.unit == "auto" else settings.unit)


def prepare(
    settings: Settings, *, dataset: data.Dataset | None = None, vocabulary: data.Vocabulary | None = None
) -> Prepared:
    """Load and encode the data.

    Parameters
    ----------
    settings : Settings
    dataset : data.Dataset, optional
        Used instead of the task's own.
    vocabulary : data.Vocabulary, optional
        That of an earlier run; made from the training part when not given.

    Returns
    -------
    Prepared
    """
    dataset = load_dataset(settings) if dataset is None else dataset
    if dataset.kind != "text":
        return Prepared(dataset, None, list(dataset.inputs), int(dataset.inputs[0].shape[1]))
    if vocabulary is None:
        known = [dataset.inputs[k] for part in settings.fit_on.split("+") for k in dataset.split[part]]
        unit = dataset.unit if settings.unit == "auto" else settings.unit
        vocabulary = data.Vocabulary.from_texts(
            known, unit=unit, minimum_count=settings.minimum_count, marks=settings.marks
        )
    return Prepared(dataset, vocabulary, [vocabulary.encode(text) for text in dataset.inputs], None)


def build_model(
    settings: Settings, *, num_classes: int, vocabulary: data.Vocabulary | None, input_size: int | None
) -> SequenceClassifier | Committee | LanguageModel:
    """Make the untrained model; the initial weights are drawn from the seed.

    Parameters
    ----------
    settings : Settings
    num_classes : int
    vocabulary : data.Vocabulary or None
    input_size : int or None

    Returns
    -------
    models.SequenceClassifier, models.Committee of them, or models.LanguageModel
    """
    if settings.task == "chars":
        options = {name: getattr(settings, name) for name in LANGUAGE_SETTINGS}
        return LanguageModel(num_classes, rng=np.random.default_rng([settings.seed, 1, 0]), **options)
    options = {name: getattr(settings, name) for name in MODEL_SETTINGS}
    sizes = {"vocabulary_size": None if vocabulary is None else len(vocabulary), "input_size": input_size}
    members = [
        SequenceClassifier(num_classes, rng=np.random.default_rng([settings.seed, 1, k]), **sizes, **options)
        for k in range(settings.members)
    ]
    return members[0] if len(members) == 1 else Committee(members)


class Predictions(NamedTuple):
    """What a model says about a list of examples, in their order."""

    logits: np.ndarray  # (N, C)
    alpha: list | None  # N arrays (T,), or None without attention

    @property
    def probabilities(self) -> np.ndarray:
        """Softmax of the logits: (N, C)."""
        z = self.logits - self.logits.max(axis=1, keepdims=True)
        return np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)

    @property
    def classes(self) -> np.ndarray:
        """The most probable class of each: (N,)."""
        return self.logits.argmax(axis=1)


def predictions(
    model: SequenceClassifier | Committee, inputs: list[np.ndarray], batch_size: int = 256
) -> Predictions:
    """Run a model over examples, in evaluation mode.

    Parameters
    ----------
    model : models.SequenceClassifier
    inputs : list of (T,) int64 or (T, D) float32
    batch_size : int

    Returns
    -------
    Predictions
    """
    batches = data.Batches(inputs, np.zeros(len(inputs), np.int64), batch_size)
    logits = alpha = None
    for batch in batches():
        scores, cache = model.forward(batch.inputs, lengths=batch.lengths)
        scores, told = arrays.as_numpy(scores), None if cache.alpha is None else arrays.as_numpy(cache.alpha)
        if logits is None:
            logits = np.zeros((len(inputs), scores.shape[1]), scores.dtype)
            alpha = None if cache.alpha is None else [None] * len(inputs)
        logits[batch.index] = scores
        if alpha is not None:
            for row, k in enumerate(batch.index):
                alpha[k] = told[row, : batch.lengths[row]]
    return Predictions(logits, alpha)
