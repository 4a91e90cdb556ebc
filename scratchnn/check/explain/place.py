"""Where an array is wrong, in words: which gate, which steps, which rows of the batch."""

import numpy as np

from ..layout import Layout, sliced

FEW = 4  # indices that are listed; more are counted
PLURALS = {"entry": "entries", "query": "queries", "class": "classes"}


def place_of(wrong: np.ndarray, name: str, layout: Layout) -> str:
    """Describe which entries are wrong.

    Parameters
    ----------
    wrong : bool array
        At least one True.
    name : str
    layout : Layout

    Returns
    -------
    str
        For example "forget gate", "from t=1 backward, rows 0 and 2 of the batch", "all of it".
    """
    if wrong.all():
        return "all of it"
    blocks = layout.blocks_of(name, wrong.shape)
    said = [_gates(wrong, *blocks)] if blocks else []
    for k, meaning in enumerate(layout.axes_of(name, wrong.shape)):
        touched = np.flatnonzero(wrong.any(axis=tuple(j for j in range(wrong.ndim) if j != k)))
        if len(touched) < wrong.shape[k] and not (blocks and k == blocks[0]):
            said.append(
                steps(touched, wrong.shape[k]) if meaning == "time" else indices(meaning, touched, wrong.ndim, k)
            )
    said = [words for words in said if words]
    return ", ".join(said) or f"scattered over {wrong.sum()} of {wrong.size} entries"


def steps(touched: np.ndarray, T: int) -> str:
    """Describe a set of time steps.

    Parameters
    ----------
    touched : (n,) int
        Ascending, fewer than T.
    T : int

    Returns
    -------
    str
    """
    first, last = int(touched[0]), int(touched[-1])
    if first == last:
        return f"t={first} only"
    if len(touched) == last - first + 1:
        return f"from t={last} backward" if first == 0 else f"from t={first} on" if last == T - 1 else (
            f"from t={first} to {last}"
        )  # fmt: skip
    return f"t={listed(touched)}"


def indices(meaning: str, touched: np.ndarray, ndim: int, axis: int) -> str:
    """Describe slices along an axis that is not time.

    Parameters
    ----------
    meaning : str
        Of the axis.
    touched : (n,) int
    ndim : int
        Of the array.
    axis : int

    Returns
    -------
    str
    """
    if meaning == "batch":
        return f"{'row' if len(touched) == 1 else 'rows'} {listed(touched)} of the batch"
    if meaning.startswith("axis "):
        meaning = {1: ("entry",), 2: ("row", "column")}[ndim][axis] if ndim < 3 else f"{meaning}, index"
    noun = meaning if len(touched) == 1 else PLURALS.get(meaning, f"{meaning}s")
    return f"{noun} {listed(touched)}" if len(touched) <= FEW else f"{len(touched)} {noun}"


def listed(numbers: np.ndarray | list) -> str:
    """Join with commas and "and".

    Parameters
    ----------
    numbers : sequence
        Of anything.

    Returns
    -------
    str
    """
    *most, last = [str(number) for number in numbers]
    return f"{', '.join(most)} and {last}" if most else last


def _gates(wrong, axis, slices):
    hit = [block for block, part in slices.items() if sliced(wrong, axis, part).any()]
    return listed(hit) if len(hit) < len(slices) else ""
