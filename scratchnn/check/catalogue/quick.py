"""A quick judge for many wrong backward passes of one right forward: the truth is measured once, by the complex step.

``judge`` measures it anew each time, by both oracles; this is for the catalogue, where many backward passes share
a forward. What passes is what passes there: 1e-10 of the array's largest entry, and the same conduct.
"""

import functools
from typing import Any, NamedTuple

import numpy as np

from scratchnn import probe

from .. import bounds, conduct
from ..subjects import Subject


class Verdict(NamedTuple):
    """What is wrong with a backward pass."""

    errors: dict[str, float]  # array -> largest error relative to its largest entry, infinite if it has no gradient
    failures: tuple[str, ...]  # one sentence each: what it changed, what it raised
    grads: dict[str, np.ndarray]  # what it gave

    @property
    def wrong(self) -> tuple[str, ...]:
        """The arrays whose gradient is wrong."""
        return tuple(name for name, error in self.errors.items() if not error <= bounds.COMPLEX_BOUND)

    @property
    def crashed(self) -> bool:
        """Whether it raised, so that nobody had to judge it."""
        return any(" raised " in sentence for sentence in self.failures)

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong."""
        return not self.wrong and not self.failures


def judge_backward(subject: Subject, backend: Any, seed: int = 0) -> Verdict:
    """Judge the backward pass of a backend whose forward gives what the reference's gives.

    Parameters
    ----------
    subject : Subject
    backend : str or module
    seed : int
        Draws the inputs and the upstream gradients.

    Returns
    -------
    Verdict

    Raises
    ------
    ValueError
        An output differs from the reference's: the truth would be another.
    """
    outputs, truth = _measured(subject.make, seed)
    problem = subject.make(np.random.default_rng(seed), backend)
    given, _ = problem.forward({name: np.array(array) for name, array in problem.inputs.items()})
    for name, right in outputs.items():
        if not (name in given and np.array_equal(given[name], right)):
            raise ValueError(f"quick.judge_backward: output {name} of {subject.name} is not what the reference gives")
    found = conduct.observe(*problem, seed)
    grads = found.grads or {}
    return Verdict({name: _error(grads.get(name), right) for name, right in truth.items()}, found.failures, grads)


@functools.cache
def _measured(make, seed):
    """Give outputs and true gradients of the reference, and remember them."""
    forward, _, inputs = make(np.random.default_rng(seed))
    outputs = {name: np.array(array) for name, array in forward(inputs)[0].items()}
    upstream = conduct.draw_upstream(outputs, seed)
    return outputs, probe.complex_step(lambda moved: probe.project(forward(moved)[0], upstream), inputs)


def _error(given, right):
    if given is None or given.shape != right.shape or not np.isfinite(given).all():
        return np.inf
    return float(np.max(np.abs(given - right)) / np.max(np.abs(right)))
