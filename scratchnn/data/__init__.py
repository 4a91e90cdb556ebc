"""Embedded data sets, the user's own data, vocabularies and batches."""

from .batching import Batch, Batches
from .cards import CARDS, Baseline, Card
from .datasets import Dataset, load
from .errors import DataError
from .noise import NoisyBatches
from .own import read_npz, read_tsv, write_npz
from .scaling import Scaling, fit_scaling
from .synthetic import article, marked_step
from .vocabulary import Vocabulary

__all__ = [
    "CARDS",
    "Baseline",
    "Batch",
    "Batches",
    "Card",
    "DataError",
    "Dataset",
    "NoisyBatches",
    "Scaling",
    "Vocabulary",
    "article",
    "fit_scaling",
    "load",
    "marked_step",
    "read_npz",
    "read_tsv",
    "write_npz",
]
