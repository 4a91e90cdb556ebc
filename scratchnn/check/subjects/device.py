"""Gradients that a device computed, judged by what the reference computes."""

from typing import Any

import numpy as np

from scratchnn import arrays

from .problem import Problem, Subject

CLOSE = 1e-11  # of the largest entry: outputs of the device and of the reference


def on_device(subject: Subject, seed: int) -> Problem:
    """Make a problem whose forward is the reference's and whose backward is that of the device.

    The oracles ask for the forward thousands of times, with complex numbers too: the reference answers. The device
    runs forward and backward once, and its outputs must be the reference's.

    Parameters
    ----------
    subject : Subject
    seed : int

    Returns
    -------
    Problem
    """
    truth = subject.make(np.random.default_rng(seed), "reference")
    judged = subject.make(np.random.default_rng(seed), "gpu")

    def forward(given):
        return truth.forward(given)[0], given

    def backward(upstream, given):
        outputs, cache = judged.forward(given)
        expected = truth.forward(given)[0]
        for name, output in outputs.items():
            _expect_same(subject.name, name, arrays.as_numpy(output), expected[name])
        grads = judged.backward({name: _there(array) for name, array in upstream.items()}, cache)
        return {name: arrays.as_numpy(grad) for name, grad in grads.items()}

    return Problem(forward, backward, truth.inputs)


def _there(array: Any) -> Any:
    return array if np.ndim(array) == 0 else arrays.to_device(array)


def _expect_same(subject, name, output, expected):
    off = np.max(np.abs(output - expected), initial=0)
    if not off <= CLOSE * max(1.0, np.max(np.abs(expected), initial=0)):
        raise ValueError(f"{subject} on the device: output {name} is {off:.1e} off the reference's")
