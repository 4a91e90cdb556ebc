"""Which two mistakes could together give a gradient: told from the entries that each of them spoils alone."""

import itertools
from collections.abc import Iterator, Sequence

import numpy as np

from scratchnn.misconceptions import Bug

from . import probing
from .planted import planted
from .probing import Probe

Arrays = dict[str, np.ndarray]


def candidates(known: Sequence[Bug], asked: Sequence[tuple[Probe, Arrays, Arrays]]) -> Iterator[tuple[Bug, Bug]]:
    """List pairs, the likely ones first.

    An entry that is wrong must be spoiled by one of the two, and neither may spoil an entry that is right. Where only
    one of them spoils an entry, that entry is usually what this mistake alone makes of it: such pairs come first.

    Parameters
    ----------
    known : sequence of Bug
    asked : sequence of (Probe, dict, dict)
        Where the gradients stand, the gradients in question, and the right ones.

    Yields
    ------
    tuple of two Bug
    """
    goal, right, scale = (_joined(arrays) for arrays in zip(*(_lines(*one) for one in asked), strict=True))
    wrong = ~_same(goal, right, scale)
    spoilers = []
    for bug in known:
        numbers = _numbers(planted(bug), asked)
        if numbers is None:
            continue
        spoils = ~_same(numbers, right, scale)
        if spoils.any() and not (spoils & ~wrong).any():
            spoilers.append((bug, spoils, _same(numbers, goal, scale)))
    likely, others = [], []
    for (one, spoils_1, hits_1), (two, spoils_2, hits_2) in itertools.combinations(spoilers, 2):
        if not (wrong & ~(spoils_1 | spoils_2)).any():
            alone = (spoils_1 & ~spoils_2 & ~hits_1) | (spoils_2 & ~spoils_1 & ~hits_2)
            (others if alone.any() else likely).append((one, two))
    yield from likely
    yield from others


def _lines(place, given, truth):
    """Give the gradients of one probe as three vectors: in question, right, and the scale of each entry."""
    overall = max(np.max(np.abs(array), initial=0.0) for array in truth.values()) or 1.0
    scales = {name: max(np.max(np.abs(array), initial=0.0), 1e-6 * overall) for name, array in truth.items()}
    full = {name: np.full(np.shape(array), scales[name]) for name, array in truth.items()}
    return tuple(_flat(arrays, truth) for arrays in (given, truth, full))


def _numbers(module, asked):
    """Give a known mistake's gradients on all probes as one vector, None if they cannot be compared."""
    found = []
    for place, _, truth in asked:
        grads = probing.answer(place, module)
        if grads is None or any(np.shape(grads.get(name)) != np.shape(right) for name, right in truth.items()):
            return None
        found.append(_flat(grads, truth))
    return _joined(found)


def _same(one, other, scale):
    return np.isclose(one, other, rtol=0, atol=probing.AGREES * scale, equal_nan=True)


def _flat(arrays, names):
    return np.concatenate([np.ravel(arrays[name]) for name in names])


def _joined(arrays):
    return np.concatenate(list(arrays))
