"""From a task's name to a run folder: settings, training, evaluation, prediction."""

from .article import is_article, resume_article, train_article
from .folder import RunError, RunFinished, RunFolder
from .job import describe, resume, train
from .language import describe_language, is_language, resume_language, train_language
from .opened import evaluate, open_run, predict
from .prepare import load_dataset
from .reading import evaluate_language, load_running_text
from .recipes import BEST, RECIPES, recipe
from .sampling import sample
from .saving import Saving, go_on
from .settings import Settings, SettingsError

__all__ = [
    "BEST",
    "RECIPES",
    "RunError",
    "RunFinished",
    "RunFolder",
    "Saving",
    "Settings",
    "SettingsError",
    "describe",
    "describe_language",
    "evaluate",
    "evaluate_language",
    "go_on",
    "is_article",
    "is_language",
    "load_dataset",
    "load_running_text",
    "open_run",
    "predict",
    "recipe",
    "resume",
    "resume_article",
    "resume_language",
    "sample",
    "train",
    "train_article",
    "train_language",
]
