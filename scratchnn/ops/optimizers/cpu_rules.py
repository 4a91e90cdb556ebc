"""What each optimiser's step is made of: the formula of one number, the state behind it, the settings it reads."""

from .formula import (
    adagrad_number,
    adam_number,
    adamw_number,
    centered_number,
    nesterov_number,
    rmsprop_number,
    sgd_number,
)
from .reference import AdagradState, AdamState


def sgd(state, lr, momentum=0.0, nesterov=False, weight_decay=0.0):
    """Equations (1)-(4)."""
    return nesterov_number if nesterov else sgd_number, state, (lr, momentum, weight_decay)


def adam(state, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
    """Equations (1), (5)-(9)."""
    count, means = _means(state, betas)
    return adam_number, AdamState(state.m, state.v, count), (lr, *means, eps, weight_decay)


def adamw(state, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
    """Equations (5)-(8), (10)."""
    count, means = _means(state, betas)
    return adamw_number, AdamState(state.m, state.v, count), (lr, *means, eps, lr * weight_decay)


def adagrad(state, lr, lr_decay=0.0, eps=1e-10, weight_decay=0.0):
    """Equations (1), (11)-(13)."""
    rate = lr / (1 + state.count * lr_decay)  # (12)
    return adagrad_number, AdagradState(state.total, state.count + 1), (rate, eps, weight_decay)


def rmsprop(state, lr, alpha=0.99, eps=1e-8, weight_decay=0.0, momentum=0.0, centered=False):
    """Equations (1), (14)-(18)."""
    formula = centered_number if centered else rmsprop_number
    return formula, state, (lr, alpha, 1 - alpha, eps, weight_decay, momentum)


RULES = {"sgd": sgd, "adam": adam, "adamw": adamw, "adagrad": adagrad, "rmsprop": rmsprop}


def _means(state, betas):
    (beta1, beta2), count = betas, state.count + 1
    return count, (beta1, 1 - beta1, beta2, 1 - beta2, 1 - beta1**count, 1 - beta2**count)
