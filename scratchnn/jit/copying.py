"""Copies of arrays whose rows lie apart, such as batch-first sequences looked at time first.

NumPy starts anew for every row, 15 ns each, as long as it takes to copy 400 numbers; a row loop needs 2.
"""

from functools import cache

import numpy as np

from .compiling import PLAIN, kernel
from .rows import call_rows, copied, place, row_loop

WORTH = 100  # rows


@kernel
def rows_into(copy, x, steps, y):
    """Copy x (M, N, K), whose rows lie ``steps`` numbers apart (two distances), to y, where they do not."""
    M, N, K = x.shape
    for m in range(M):
        call_rows(copy, N, K, place(x, m * steps[0]), steps[1], place(y, m * N * K), K)


@cache
def _loop(size):
    return row_loop(copied, "vv", f"f{size}")


def rows_copied(array: np.ndarray) -> np.ndarray | None:
    """Copy an array of three axes row by row.

    Parameters
    ----------
    array : array
        In the machine's byte order.

    Returns
    -------
    array or None
        C-contiguous; None if it is NumPy's: other axes, no float32 or float64, few rows, or rows in pieces.
    """
    kind, size = array.dtype.kind, array.itemsize
    if (
        PLAIN
        or array.ndim != 3
        or kind != "f"
        or size not in (4, 8)
        or array.strides[2] != size
        or not array.flags.aligned
    ):
        return None
    M, N, _ = array.shape
    if M * N < WORTH:
        return None
    made = np.empty(array.shape, array.dtype)
    rows_into(_loop(size), array, (array.strides[0] // size, array.strides[1] // size), made)
    return made
