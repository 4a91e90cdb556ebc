"""Something true, and what follows from it: sums, slopes, what is stacked of others."""

import itertools
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from .truths import Truth

SAME = 1e-9
MOST = 5  # different derivatives of one value whose sums are all made

TOTAL, EDGE, TAKEN, PART, SUM = "total", "edge", "taken", "part", "sum"
VALUE, SLOPE = "value", "slope"


class Known(NamedTuple):
    """Something true.

    Parameters
    ----------
    array : array
    name : str
        The forward's name, without what says when; empty if it has none.
    kind : str
        A ``total`` derivative; that by a value that came into the step (``edge``); that by an argument of a function
        (``taken``); by one of several reads (``part``); a ``sum`` of several steps; a ``value``; a ``slope`` of one.
    function : str
        Of the forward, in which it was met.
    """

    array: np.ndarray
    name: str
    kind: str
    function: str = ""


def slopes(value: np.ndarray) -> list[np.ndarray]:
    """Give what slopes are made of a value: 1-v, 1-v**2, v(1-v).

    Parameters
    ----------
    value : array

    Returns
    -------
    list of array
    """
    with np.errstate(all="ignore"):
        return [1 - value, 1 - value**2, value * (1 - value)]


def gathered(one: Truth, some: list[Truth]) -> Truth:
    """Give what is stacked of others' values, and read by nobody, the derivatives of the others.

    Parameters
    ----------
    one : Truth
    some : list of Truth
        Of the same step.

    Returns
    -------
    Truth
    """
    if one.place.kind != "bound" or one.value.ndim == 0:
        return one
    line = [other for other in some if other.place.line == one.place.line and other.place.kind == "read"]
    parts = [other.value for other in line if other.value.shape[:-1] == one.value.shape[:-1]]
    if len(parts) < 2 or not same(np.concatenate(parts, axis=-1), one.value):
        return one
    grads = []
    for value in parts:
        key = as_bytes(value)
        own = [other.grad for other in some if other.place.kind == "bound" and as_bytes(other.value) == key]
        if not own:
            return one
        grads.append(own[0])
    return one._replace(grad=np.concatenate(grads, axis=-1))


def sums(grads: list[np.ndarray], single: bool = False) -> Iterator[Any]:
    """Give the sums of several derivatives of one value, all of them if there are few.

    Parameters
    ----------
    grads : list of array
    single : bool
        Each alone, too.

    Yields
    ------
    array
    """
    if single:
        yield from grads
    if len(grads) > MOST:
        for k in range(2, len(grads) + 1):
            yield sum(grads[:k])
            yield sum(grads[-k:])
        return
    for count in range(2, len(grads) + 1):
        for some in itertools.combinations(grads, count):
            yield sum(some)


def different(grads: Iterable[np.ndarray]) -> list[np.ndarray]:
    """Leave out zeros and what is there twice.

    Parameters
    ----------
    grads : iterable of array

    Returns
    -------
    list of array
    """
    found: list[np.ndarray] = []
    for grad in grads:
        if np.any(grad) and not any(same(grad, one) for one in found):
            found.append(grad)
    return found


def same(one: Any, other: Any) -> bool:
    """Say whether two arrays are the same numbers.

    Parameters
    ----------
    one, other : array

    Returns
    -------
    bool
    """
    return np.shape(one) == np.shape(other) and bool(
        np.max(np.abs(one - other), initial=0) <= SAME * np.max(np.abs(other), initial=0)
    )


def as_bytes(value: np.ndarray) -> bytes:
    """Make a key of an array.

    Parameters
    ----------
    value : array

    Returns
    -------
    bytes
    """
    return repr(np.shape(value)).encode() + np.ascontiguousarray(value).tobytes()
