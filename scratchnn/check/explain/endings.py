"""Since when a parameter's gradient is wrong: asked of ever longer endings of the sequence."""

from typing import NamedTuple

import numpy as np

from .pieces import Pieces


class Ending(NamedTuple):
    """The gradient of one array over the steps from t on."""

    t: int
    given: np.ndarray
    right: np.ndarray
    wrong: np.ndarray  # bool


def begins(pieces: Pieces, name: str, shares: np.ndarray, tolerance: float) -> Ending | None:
    """Find the shortest ending of the sequence over which the gradient of a parameter is wrong.

    What the copies of a parameter from step t on do to the loss is the right gradient over the ending that begins
    there, so the backward pass can be asked about that ending alone, where no error has been carried far yet.

    Parameters
    ----------
    pieces : Pieces
    name : str
    shares : (U, O, T, B, ...)
        As ``Pieces.of`` gave them.
    tolerance : float
        Absolute.

    Returns
    -------
    Ending or None
        None if the array is used once, if the code cannot be run that way, or if all of it begun anew is right.
    """
    if len(shares) < 2 or pieces.states is None:
        return None
    right = np.cumsum(shares.sum(axis=(1, 2, 3))[::-1], axis=0)[::-1]
    try:
        answers = [_answer(pieces, name, t) for t in range(len(shares))]
    except Exception:  # whatever the code does not let itself be asked
        return None
    if any(answer.shape != right[0].shape or not np.isfinite(answer).all() for answer in answers):
        return None
    maps = [np.abs(answer - truth) > tolerance for answer, truth in zip(answers, right, strict=True)]
    wrong = [t for t, each in enumerate(maps) if each.any()]
    return Ending(wrong[-1], answers[wrong[-1]], right[wrong[-1]], maps[wrong[-1]]) if 0 in wrong else None


def _answer(pieces, name, start):
    inputs, upstream = pieces.from_step(start)
    _, cache = pieces.forward(inputs)
    return np.asarray(pieces.backward(upstream, cache)[name])
