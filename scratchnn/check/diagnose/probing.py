"""Probes: a subject, a seed, and what a backward pass answers there."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .. import conduct
from ..bounds import rounding_of
from ..subjects import Subject, select

AGREES = 1e-8  # of an array's largest entry: gradients of the catalogue differ from each other by far more

ALSO = {"softmax": ("softmax", "log_softmax")}  # ops that are checked under several names


class Probe(NamedTuple):
    """Where gradients are compared: inputs and upstream gradients are drawn from the seed."""

    subject: Subject
    seed: int


def probes(subjects: Sequence[Subject], seeds: Sequence[int] = (0, 1)) -> tuple[Probe, ...]:
    """List every subject with every seed, the first seed's first.

    Parameters
    ----------
    subjects : sequence of Subject
    seeds : sequence of int

    Returns
    -------
    tuple of Probe
    """
    return tuple(Probe(subject, seed) for seed in seeds for subject in subjects)


def subjects_of(op: str) -> list[Subject]:
    """List the variants of an op that ``scratchnn check`` knows.

    Parameters
    ----------
    op : str

    Returns
    -------
    list of Subject
        The plain ones first, so that what is simple is seen first.

    Raises
    ------
    InputError
        No op is called that.
    """
    found = [subject for name in ALSO.get(op, (op,)) for subject in select(name)]
    return sorted(found, key=lambda subject: not subject.name.endswith((".plain", ".tanh", ".bias")))


def answer(probe: Probe, backend: Any = "reference") -> dict[str, np.ndarray] | None:
    """Run forward and backward once and give the gradients.

    Parameters
    ----------
    probe : Probe
    backend : str or module
        Who computes.

    Returns
    -------
    dict of str to array or None
        None where it raised an exception.
    """
    forward, backward, inputs = probe.subject.make(np.random.default_rng(probe.seed), backend)
    try:
        with np.errstate(all="ignore"), conduct.global_random_state_kept():
            outputs, kept = forward({name: np.array(array) for name, array in inputs.items()})
            upstream = conduct.draw_upstream(outputs, probe.seed)
            return {name: np.array(grad) for name, grad in backward(upstream, kept).items() if grad is not None}
    except Exception:  # a crash has no gradient to compare
        return None


def agree(given: dict[str, np.ndarray] | None, known: dict[str, np.ndarray] | None) -> bool:
    """Say whether two answers are the same numbers.

    Parameters
    ----------
    given, known : dict of str to array, or None

    Returns
    -------
    bool
        False if either is None.
    """
    if given is None or known is None or given.keys() != known.keys():
        return False
    if any(np.shape(given[name]) != np.shape(right) for name, right in known.items()):
        return False
    return not any(wrong.any() for wrong in differing(given, known).values())


def differing(given: dict[str, np.ndarray], known: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Mark the entries at which two answers of the same shapes differ.

    Parameters
    ----------
    given, known : dict of str to array

    Returns
    -------
    dict of str to array of bool
    """
    overall = max((_largest(array) for array in known.values()), default=0.0) or 1.0
    found = {}
    for name, right in known.items():
        bound = max(AGREES, 10 * rounding_of(np.asarray(given[name]).dtype))
        scale = max(_largest(right), 1e-6 * overall)  # of what cancels only rounding is left, and it has no size
        found[name] = ~np.isclose(given[name], right, rtol=0, atol=bound * scale, equal_nan=True)
    return found


def distance(given: dict[str, np.ndarray], known: dict[str, np.ndarray]) -> float:
    """Give the largest difference, relative to the largest entry of its array.

    Parameters
    ----------
    given, known : dict of str to array

    Returns
    -------
    float
    """
    with np.errstate(invalid="ignore"):
        return max(
            (
                float(np.nanmax(np.abs(given[name] - right))) / (_largest(right) or 1.0)
                for name, right in known.items()
            ),
            default=0.0,
        )


def _largest(array):
    return float(np.max(np.abs(array), initial=0.0, where=np.isfinite(array)))
