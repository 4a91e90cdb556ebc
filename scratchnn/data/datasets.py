"""The embedded sets: ``load(name)``."""

import io
import lzma
import unicodedata
from importlib import resources
from typing import Any, NamedTuple

import numpy as np

from .cards import CARDS
from .errors import DataError
from .scaling import Scaling, fit_scaling
from .split import content_split, every_ninth_of_class, in_order

SENTIMENTS = ("negative", "neutral", "positive")
THRESHOLD = 0.5  # a mean rating of at least this, or of at most its negative, has a side


class Dataset(NamedTuple):
    """Labelled sequences with their split."""

    name: str
    kind: str  # "text" or "series"
    unit: str | None  # of a text: "characters" or "words"
    inputs: list  # n texts (Unicode NFC), or n arrays (T, D) float32
    targets: np.ndarray  # (n,) int64, positions in classes
    classes: tuple  # names of the classes
    split: dict  # "train", "valid", "test": (n_part,) int64 positions, ascending
    scaling: Scaling | None = None  # of a series: what inputs were scaled with

    def part(self, which: str) -> tuple[list[Any], np.ndarray]:
        """Give the examples of one part.

        Parameters
        ----------
        which : str
            "train", "valid" or "test".

        Returns
        -------
        inputs : list
        targets : (n_part,) int64
        """
        rows = self.split[which]
        return [self.inputs[k] for k in rows], self.targets[rows]


def load(name: str) -> Dataset:
    """Load an embedded set; nothing is fetched and nothing is kept in memory between calls.

    Parameters
    ----------
    name : str
        A key of ``CARDS``: "surnames", "sentiment", "vowels" or "digits".

    Returns
    -------
    Dataset

    Raises
    ------
    DataError
        Unknown name.
    """
    if name not in CARDS:
        raise DataError(f"load: name is {name!r}, expected one of {', '.join(map(repr, CARDS))}")
    content = resources.files(__package__).joinpath("files", CARDS[name].file).read_bytes()
    return _LOADERS[name](lzma.decompress(content))


def _rows(content):
    text = unicodedata.normalize("NFC", content.decode("utf-8"))
    return [line.split("\t", 1) for line in text.split("\n") if line]


def _surnames(content):
    labels, names = zip(*_rows(content), strict=True)
    classes = tuple(sorted(set(labels)))
    place = {label: k for k, label in enumerate(classes)}
    targets = np.array([place[label] for label in labels], dtype=np.int64)
    return Dataset("surnames", "text", "characters", list(names), targets, classes, content_split(names))


def _sentiment(content):
    ratings, texts = zip(*_rows(content), strict=True)
    ratings = np.array(ratings, dtype=np.float64)
    targets = np.select([ratings <= -THRESHOLD, ratings >= THRESHOLD], [0, 2], default=1).astype(np.int64)
    return Dataset("sentiment", "text", "words", list(texts), targets, SENTIMENTS, content_split(texts))


def _vowels(content):
    with np.load(io.BytesIO(content), allow_pickle=False) as stored:
        steps = stored["q"].T / 1000.0
        ends = np.cumsum(stored["length"].astype(np.int64))
        targets = stored["speaker"].astype(np.int64)
        count = int(stored["n_train"])
    raw = np.split(steps, ends[:-1])
    split = every_ninth_of_class(targets, count)
    scaling = fit_scaling([raw[k] for k in split["train"]])
    classes = tuple(f"speaker {k + 1}" for k in range(targets.max() + 1))
    return Dataset("vowels", "series", None, scaling.apply(raw), targets, classes, split, scaling)


def _digits(content):
    with np.load(io.BytesIO(content), allow_pickle=False) as stored:
        images = stored["x"].astype(np.float32) / np.float32(16)
        targets = stored["y"].astype(np.int64)
    split = in_order(len(images), 288, 360)
    return Dataset("digits", "series", None, list(images), targets, tuple("0123456789"), split)


_LOADERS = {"surnames": _surnames, "sentiment": _sentiment, "vowels": _vowels, "digits": _digits}
