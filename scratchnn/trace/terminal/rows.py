"""Arrays as rows of numbers: one row of an array, the chosen unit in square brackets."""

import numpy as np

CELL = 10
NAME = 20  # columns for what stands before the numbers


def cell(value):
    """Write a number in eight columns or fewer.

    Parameters
    ----------
    value : float

    Returns
    -------
    str
        Four decimals where that says something, else powers of ten.
    """
    value = float(value)
    if value == 0 or not np.isfinite(value):
        return f"{value:g}".replace("-0", "0")
    if not 1e-3 <= abs(value) < 1e4:
        return f"{value:.1e}"
    return f"{value:.4f}" if abs(value) < 100 else f"{value:.2f}"


def index_of(axes, shape, at, t):
    """Find the chosen entry of an array.

    Parameters
    ----------
    axes : tuple of str
    shape : tuple of int
    at : Position
        With unit (last axis), batch (axis B) and row (the other axes).
    t : int or None
        For an axis T.

    Returns
    -------
    tuple of int
    """
    index, row = [0] * len(shape), at.row
    for k in reversed(range(len(shape))):
        if k == len(shape) - 1 and axes[k] != "B":
            index[k] = at.unit % shape[k]
        elif axes[k] == "B":
            index[k] = at.batch % shape[k]
        elif axes[k] == "T":
            index[k] = (t or 0) % shape[k]
        else:
            index[k], row = row % shape[k], row // shape[k]
    return tuple(index)


def room(size, width):
    """Say how many numbers fit.

    Parameters
    ----------
    size : int
        How many there are.
    width : int
        Columns for them, and for the sign of what is cut.

    Returns
    -------
    int
    """
    return size if size * CELL <= width else max(1, (width - 8) // CELL)


def row(name, array, index, width, dots="…", hidden=False):
    """Write one row of an array.

    Parameters
    ----------
    name : str
    array : array
    index : tuple of int
        The chosen entry; its row is shown.
    width : int
        Columns there are; the row moves so that the chosen unit is in sight.
    dots : str
        For what is cut.
    hidden : bool
        Question marks for numbers.

    Returns
    -------
    str
    """
    if array.ndim == 0:
        return f"{name:<{NAME}}" + ("       ?" if hidden else f"{cell(array):>8}")
    picked = ",".join([*(str(k) for k in index[:-1]), ":"])
    whole = f"{name}[{picked}] ({','.join(map(str, array.shape))})"
    head = f"{whole:<{NAME}} " if len(whole) <= NAME else f"{whole} "
    size, fits = array.shape[-1], room(array.shape[-1], width - len(head))
    first = 0 if size <= fits else min(max(0, index[-1] - fits // 2), size - fits)
    cells = []
    for k in range(first, min(size, first + fits)):
        text = "?" if hidden else cell(array[(*index[:-1], k)])
        cells.append(f"[{text:>8}]" if k == index[-1] else f" {text:>8} ")
    before = f"{dots} "[:2] if first else ""
    return head + before + "".join(cells) + (f" {dots}" if first + fits < size else "")
