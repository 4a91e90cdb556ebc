"""Losses, optimisers, clipping, schedules, metrics and the fit loop."""

from .accumulation import Accumulator, batch_weight
from .checkpoints import Checkpoints
from .clipping import clip_grad_norm, clip_grad_value, gradient_norm
from .early_stopping import EarlyStopping
from .errors import CheckpointError, TrainingError
from .fit import fit
from .groups import Group, no_decay
from .history import History
from .losses import CrossEntropyLoss, balanced_weights
from .metrics import accuracy, classification_report, confusion_matrix
from .optimizers import SGD, Adagrad, Adam, AdamW, Optimizer, RMSprop
from .passes import Evaluation, evaluate
from .plateau import Plateau, Warmup
from .schedules import constant, cosine, exponential, linear, multi_step, step_decay
from .weights import WeightAverage

__all__ = [
    "SGD",
    "Accumulator",
    "Adagrad",
    "Adam",
    "AdamW",
    "CheckpointError",
    "Checkpoints",
    "CrossEntropyLoss",
    "EarlyStopping",
    "Evaluation",
    "Group",
    "History",
    "Optimizer",
    "Plateau",
    "RMSprop",
    "TrainingError",
    "Warmup",
    "WeightAverage",
    "accuracy",
    "balanced_weights",
    "batch_weight",
    "classification_report",
    "clip_grad_norm",
    "clip_grad_value",
    "confusion_matrix",
    "constant",
    "cosine",
    "evaluate",
    "exponential",
    "fit",
    "gradient_norm",
    "linear",
    "multi_step",
    "no_decay",
    "step_decay",
]
