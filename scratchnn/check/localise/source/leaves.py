"""The arrays inside of tuples, lists and dicts, and the ways to them."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

Way = tuple[Any, ...]  # to an array inside of a value: indices, keys and fields; "*" for a place in a list


def leaves(value: Any, way: Way = (), depth: int = 3) -> Iterator[tuple[Way, Any]]:
    """List the arrays inside of a value.

    Parameters
    ----------
    value : object
    way : tuple
    depth : int

    Yields
    ------
    way : tuple
    array : array or float
    """
    if _is_number(value):
        yield way, value
    elif depth:
        for step, inner in _inside(value):
            yield from leaves(inner, (*way, step), depth - 1)


def replaced(value: Any, function: Callable[[Way, Any], Any], way: Way = (), depth: int = 3) -> Any:
    """Exchange the arrays inside of a value; what stays as it was stays itself.

    Parameters
    ----------
    value : object
    function : function
        Takes way and array.
    way : tuple
    depth : int

    Returns
    -------
    object
    """
    if _is_number(value):
        return function(way, value)
    if not depth:
        return value
    old = list(_inside(value))
    new = [replaced(inner, function, (*way, step), depth - 1) for step, inner in old]
    if all(one is inner for one, (_, inner) in zip(new, old, strict=True)):
        return value
    if isinstance(value, dict):
        return dict(zip(value, new, strict=True))
    if hasattr(value, "_fields"):
        return type(value)(*new)
    return type(value)(new)


def _inside(value):
    if isinstance(value, dict):
        yield from value.items()
    elif hasattr(value, "_fields") and isinstance(value, tuple):
        yield from zip(value._fields, value, strict=True)
    elif isinstance(value, tuple):
        yield from enumerate(value)
    elif isinstance(value, list):
        yield from (("*", one) for one in value)


def _is_number(value):
    if isinstance(value, np.ndarray):
        return value.dtype.kind == "f" and value.size > 0
    return isinstance(value, float | np.floating)
