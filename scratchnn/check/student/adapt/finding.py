"""Where an array stands in whatever a function returned, and how to fetch it from there again."""

from collections.abc import Iterator
from typing import Any

import numpy as np

DEEP = 5
Path = tuple  # of ("key", k), ("index", k), ("attribute", name), ("sorted", None), ("each", path)


def array_of(thing: Any) -> np.ndarray | None:
    """Give an array, a number or a tensor as an array, None for anything else.

    Parameters
    ----------
    thing : object

    Returns
    -------
    array or None
    """
    if isinstance(thing, np.ndarray | np.number):
        return np.asarray(thing)
    if isinstance(thing, float | complex):
        return np.asarray(thing)
    if hasattr(thing, "detach") and hasattr(thing, "numpy"):  # a tensor
        return thing.detach().cpu().numpy()
    return None


def walk(thing: Any, path: Path = (), deep: int = DEEP) -> Iterator[tuple[Path, np.ndarray]]:
    """List every array in tuples, lists, dicts and attributes; equal things in a list also count as one stack.

    Parameters
    ----------
    thing : object
    path : tuple
        Where it stands.
    deep : int
        How many containers may lie in each other.

    Yields
    ------
    path : tuple
    array
    """
    found = array_of(thing)
    if found is not None:
        yield path, found
    elif deep == 0 or isinstance(thing, str | bytes | int | type(None)):
        return
    elif isinstance(thing, dict):
        if thing and all(isinstance(key, int) for key in thing):  # steps by their number, -1 before the first
            yield from _stacked([thing[key] for key in sorted(thing)], (*path, ("sorted", None)), deep)
        for key, part in thing.items():
            yield from walk(part, (*path, ("key", key)), deep - 1)
    elif isinstance(thing, tuple | list):
        yield from _stacked(thing, path, deep)
        for k, part in enumerate(thing):
            yield from walk(part, (*path, ("index", k)), deep - 1)
    elif hasattr(thing, "__dict__") and not isinstance(thing, type) and not callable(thing):
        for name, part in vars(thing).items():
            yield from walk(part, (*path, ("attribute", name)), deep - 1)


def _stacked(things, path, deep):
    if len(things) < 2:
        return
    first = [(inner, np.shape(array)) for inner, array in walk(things[0], (), min(deep - 1, 2))]
    second = [(inner, np.shape(array)) for inner, array in walk(things[-1], (), min(deep - 1, 2))]
    if not first or [inner for inner, _ in first] != [inner for inner, _ in second]:
        return
    for (inner, shape), (_, other) in zip(first, second, strict=True):
        if shape == other:
            try:
                yield (*path, ("each", inner)), at(things, (("each", inner),))
            except (ValueError, TypeError, KeyError, IndexError, AttributeError):
                continue


def at(thing: Any, path: Path) -> np.ndarray:
    """Fetch an array.

    Parameters
    ----------
    thing : object
    path : tuple
        As ``walk`` gave it.

    Returns
    -------
    array
    """
    for kind, where in path:
        if kind == "sorted":
            thing = [thing[key] for key in sorted(thing)]
            continue
        if kind == "each":
            return np.array([at(part, where) for part in thing])
        thing = getattr(thing, where) if kind == "attribute" else thing[where]
    found = array_of(thing)
    if found is None:
        raise TypeError(f"{type(thing).__name__} stands where an array was")
    return found


def shaped(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray | None:
    """Put the axes into the order that gives a shape; axes of length 1 come and go.

    Parameters
    ----------
    array : array
    shape : tuple of int

    Returns
    -------
    array or None
        None if no order does.
    """
    if array.shape == shape:
        return array
    lean = array.reshape([n for n in array.shape if n != 1])
    wanted = [n for n in shape if n != 1]
    if sorted(lean.shape) != sorted(wanted):
        return lean.reshape(shape) if lean.size == np.prod(shape) and _flat(lean.shape, shape) else None
    order = []
    for n in wanted:
        order.append(next(k for k, m in enumerate(lean.shape) if m == n and k not in order))
    return lean.transpose(order).reshape(shape)


def _flat(have, wanted):
    """Whether one is the other with its first axes made one."""
    return len(have) < len(wanted) and have and have[-1] == wanted[-1]
