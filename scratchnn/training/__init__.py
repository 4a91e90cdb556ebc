"""Losses, optimisers, clipping, schedules, metrics and the fit loop."""

from .clipping import clip_grad_norm, gradient_norm
from .early_stopping import EarlyStopping
from .errors import TrainingError
from .fit import fit
from .history import History
from .losses import CrossEntropyLoss
from .metrics import accuracy, classification_report, confusion_matrix
from .optimizers import SGD, Adam, AdamW
from .passes import Evaluation, evaluate
from .schedules import constant, cosine, step_decay
from .weights import WeightAverage

__all__ = [
    "SGD",
    "Adam",
    "AdamW",
    "CrossEntropyLoss",
    "EarlyStopping",
    "Evaluation",
    "History",
    "TrainingError",
    "WeightAverage",
    "accuracy",
    "classification_report",
    "clip_grad_norm",
    "confusion_matrix",
    "constant",
    "cosine",
    "evaluate",
    "fit",
    "gradient_norm",
    "step_decay",
]
