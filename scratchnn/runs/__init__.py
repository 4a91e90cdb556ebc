"""From a task's name to a run folder: settings, training, evaluation, prediction."""

from .article import train_article
from .folder import RunError, RunFolder
from .job import describe, train
from .opened import evaluate, open_run, predict
from .prepare import load_dataset
from .recipes import BEST, RECIPES, recipe
from .settings import Settings, SettingsError

__all__ = [
    "BEST",
    "RECIPES",
    "RunError",
    "RunFolder",
    "Settings",
    "SettingsError",
    "describe",
    "evaluate",
    "load_dataset",
    "open_run",
    "predict",
    "recipe",
    "train",
    "train_article",
]
