"""Watching arrays: what changed since a snapshot, and which arrays share their memory."""

from collections.abc import Iterator
from typing import Any

import numpy as np

TOO_HARD = 10_000  # steps that NumPy may spend on telling whether two strided views overlap


def snapshot(thing: Any) -> dict[str, Any]:
    """Copy every array and number that can be reached from ``thing``, keyed by where it stands.

    Parameters
    ----------
    thing : any nesting of tuples, lists, dicts, objects and arrays

    Returns
    -------
    dict of str to array or number
    """
    return {place: np.array(leaf) if isinstance(leaf, np.ndarray) else leaf for place, leaf in leaves(thing)}


def changes(before: dict[str, Any], thing: Any) -> list[str]:
    """Name the places where ``thing`` is no longer what its snapshot says, bit for bit.

    Parameters
    ----------
    before : dict
        What ``snapshot`` gave.
    thing : any

    Returns
    -------
    list of str
    """
    now = dict(leaves(thing))
    places = [*before, *(place for place in now if place not in before)]
    return [place for place in places if not identical(before.get(place), now.get(place))]


def leaves(thing: Any, place: str = "", above: tuple = ()) -> Iterator[tuple[str, Any]]:
    """Walk through tuples, lists, dicts and objects to everything that holds no more of them.

    Parameters
    ----------
    thing : any
    place : str
        Where it stands.
    above : tuple
        What it is part of; nothing is entered twice.

    Yields
    ------
    place, leaf
    """
    if isinstance(thing, np.ndarray | np.generic) or thing is None or isinstance(thing, int | float | complex | str):
        yield place, thing
        return
    if any(thing is parent for parent in above):
        return
    above = (*above, thing)
    if isinstance(thing, dict):
        parts = [(f".{key}", value) for key, value in thing.items()]
    elif isinstance(thing, tuple) and hasattr(thing, "_fields"):
        parts = [(f".{field}", getattr(thing, field)) for field in thing._fields]
    elif isinstance(thing, tuple | list):
        parts = [(f"[{k}]", value) for k, value in enumerate(thing)]
    elif not callable(thing) and hasattr(thing, "__dict__"):
        parts = [(f".{key}", value) for key, value in vars(thing).items()]
    else:
        return
    for part, value in parts:
        yield from leaves(value, (place + part).removeprefix("."), above)


def identical(one: Any, other: Any) -> bool:
    """Compare bit for bit.

    Parameters
    ----------
    one, other : array or number

    Returns
    -------
    bool
    """
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        alike = one.shape == other.shape and one.dtype == other.dtype
        return alike and (one.dtype.kind == "O" or one.tobytes() == other.tobytes())
    if type(one) is not type(other):
        return False
    return bool(one == other or (one != one and other != other))


def shared(arrays: dict[str, Any], other: Any) -> list[tuple[str, str]]:
    """Find arrays that lie in the memory of another thing's arrays.

    Parameters
    ----------
    arrays : dict of str to array
    other : any

    Returns
    -------
    list of (name, place)
        At most one place for every array.
    """
    found = []
    for name, array in arrays.items():
        for place, leaf in leaves(other):
            if _overlap(array, leaf):
                found.append((name, place))
                break
    return found


def _overlap(one, other):
    if not (isinstance(one, np.ndarray) and isinstance(other, np.ndarray) and one.size and other.size):
        return False
    if not np.may_share_memory(one, other):
        return False
    try:
        return np.shares_memory(one, other, max_work=TOO_HARD)
    except np.exceptions.TooHardError:
        return False
