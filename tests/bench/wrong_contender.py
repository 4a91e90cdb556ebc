"""A contender that forgets the gradient of c_last, and one whose module cannot be imported stands beside it."""

import numpy as np

from scratchnn.bench.contenders import ours

FORGETS = "dc_last"


def setup(threads):
    """Nothing to set."""


def versions():
    """Name it."""
    return "a planted mistake"


def prepare(case, inputs, rung=None):
    """Make an LSTM that takes no gradient from its final cell state."""
    return ours.prepare(case, {**inputs, FORGETS: np.zeros_like(inputs[FORGETS])}, backend="reference")
