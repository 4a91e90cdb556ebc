"""Two toy models whose training can be worked out by hand, and a loss that belongs to no other room."""

from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pytest


class Batch(NamedTuple):
    inputs: np.ndarray
    lengths: np.ndarray | None
    targets: np.ndarray
    index: np.ndarray | None = None


class Toy:
    """Parameters, gradients, and nothing else."""

    def __init__(self, **params):
        self.params = {name: np.array(value) for name, value in params.items()}
        self.grads = {name: np.zeros_like(p) for name, p in self.params.items()}

    def zero_grad(self):
        for g in self.grads.values():
            g[...] = 0


class Logistic(Toy):
    """Softmax regression of two classes with two parameters: logits (0, w x + b). ``noise`` is its dropout."""

    def __init__(self, w=0.5, b=-0.25, noise=0.0, dtype=np.float64):
        super().__init__(w=np.array([w], dtype), b=np.array([b], dtype))
        self.noise = noise

    def forward(self, inputs, lengths=None, rng=None):
        x = inputs if rng is None else inputs + self.noise * rng.normal(size=inputs.shape)
        a = self.params["w"] * x + self.params["b"]
        return np.stack([np.zeros_like(a), a], axis=1), x

    def backward(self, dlogits, x):
        da = dlogits[:, 1]
        self.grads["w"] += (da * x).sum()
        self.grads["b"] += da.sum()


class SoftmaxLoss:
    """Mean cross-entropy of two classes, written with the logistic function."""

    def forward(self, logits, targets):
        a = logits[:, 1] - logits[:, 0]
        signed = np.where(targets == 1, a, -a)
        return np.log1p(np.exp(-signed)).mean(), (a, targets)

    def backward(self, cache):
        a, targets = cache
        da = (1 / (1 + np.exp(-a)) - targets) / len(targets)
        return np.stack([-da, da], axis=1)


class Walk(Toy):
    """A parameter that counts: with SGD(lr=1) ``w`` is the number of steps taken.

    On "valid" inputs it answers the entry of ``script`` number w-1: (loss, how many of the targets, all 0, it gets
    right); on others loss 1. ``seen`` is what w was at each validation.
    """

    def __init__(self, script=()):
        super().__init__(w=[0.0])
        self.script = script
        self.seen = []
        self.gradient = -1.0

    def forward(self, inputs, lengths=None, rng=None):
        w = self.params["w"][0]
        loss, right = 1.0, 0
        if rng is None:
            self.seen.append(w)
            loss, right = self.script[round(w) - 1]
        logits = np.full((len(inputs), 2), -10.0)
        logits[np.arange(len(inputs)), (np.arange(len(inputs)) >= right).astype(int)] = loss + 10
        return logits, None

    def backward(self, dlogits, cache):
        self.grads["w"] += self.gradient


class SumLoss:
    """The loss that Walk wrote into its logits: the mean over rows of their sum."""

    def forward(self, logits, targets):
        return logits.sum(axis=1).mean(), logits

    def backward(self, cache):
        return np.ones_like(cache)


def walk_batches(count=1):
    """``count`` batches of four targets 0, for training or for validation."""
    batch = Batch(np.zeros(4), None, np.zeros(4, int))
    return lambda rng=None: iter([batch] * count)


def logistic_data(n=40, size=8, seed=0):
    """Shuffled batches and one validation batch of noisy points."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    y = (x + 0.5 * rng.normal(size=n) > 0).astype(int)

    def batches(rng):
        order = rng.permutation(n)
        for start in range(0, n, size):
            chosen = order[start : start + size]
            yield Batch(x[chosen], None, y[chosen], chosen)

    return SimpleNamespace(x=x, y=y, batches=batches, validation=lambda: iter([Batch(x, None, y)]))


@pytest.fixture(scope="session")
def toys():
    """Give the toys by name."""
    return SimpleNamespace(
        Batch=Batch,
        Toy=Toy,
        Logistic=Logistic,
        SoftmaxLoss=SoftmaxLoss,
        Walk=Walk,
        SumLoss=SumLoss,
        walk_batches=walk_batches,
        logistic_data=logistic_data,
    )
