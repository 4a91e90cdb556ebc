"""Embedded data sets, the user's own data, vocabularies and batches."""

from .batching import Batch, Batches
from .cards import CARDS, TEXT_CARDS, Baseline, Card, TextBaseline, TextCard
from .datasets import Dataset, load
from .errors import DataError
from .noise import NoisyBatches
from .own import read_npz, read_tsv, write_npz
from .scaling import Scaling, fit_scaling
from .stream import RunningText, StreamBatches, load_text, read_text
from .synthetic import article, marked_step
from .vocabulary import Vocabulary

__all__ = [
    "CARDS",
    "TEXT_CARDS",
    "Baseline",
    "Batch",
    "Batches",
    "Card",
    "DataError",
    "Dataset",
    "NoisyBatches",
    "RunningText",
    "Scaling",
    "StreamBatches",
    "TextBaseline",
    "TextCard",
    "Vocabulary",
    "article",
    "fit_scaling",
    "load",
    "load_text",
    "marked_step",
    "read_npz",
    "read_text",
    "read_tsv",
    "write_npz",
]
