"""Code that takes one sequence at a time: it is called for each of the batch."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from .answers import LENIENT
from .outputs import Kept


def parts_of(given: dict[str, Any], cache: Any) -> Iterator[tuple[dict[str, Any], Any]]:
    """Cut the batch into sequences.

    Parameters
    ----------
    given : dict
        Our arguments.
    cache : Kept or None

    Yields
    ------
    dict, Kept or None
        Those of one sequence.
    """
    count = next(np.shape(given[name])[1] for name in ("x", "dh") if name in given)
    for b in range(count):
        one = {}
        for name, value in given.items():
            if isinstance(value, np.ndarray) and value.ndim > 1:
                one[name] = value[:, b] if value.ndim == 3 else value[b]
            else:
                one[name] = value
        part = None
        if isinstance(cache, Kept):
            part = Kept(cache.own[b], {}, cache.given["each"][b])
        yield (one, part)


def summed(answers: list[dict[str, Any]]) -> dict[str, Any]:
    """Put the gradients of all sequences together: inputs side by side, weights added up.

    Parameters
    ----------
    answers : list of dict
        One for each sequence.

    Returns
    -------
    dict
    """
    whole = {}
    for name in answers[0]:
        parts = [answer[name] for answer in answers]
        if parts[0] is None:
            whole[name] = None
        elif name in LENIENT:
            whole[name] = np.stack(parts, axis=1 if name == "x" else 0)
        else:
            whole[name] = sum(parts)
    return whole
