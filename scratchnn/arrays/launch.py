"""How many threads and blocks."""

from scratchnn.device import blocks, pick

THREADS = 256  # most of a block; shared memory has room for so many numbers

GRID = 1024  # most blocks of a kernel whose threads go on in strides of the grid


def over(size: int, most: int = GRID) -> tuple[int, int]:
    """Give grid and block for a kernel whose threads go on in strides of the grid.

    Parameters
    ----------
    size : int
        Of the work.
    most : int
        Blocks.

    Returns
    -------
    int, int
    """
    threads = pick(THREADS, 8)
    return max(1, min(pick(most, 3), blocks(size, threads))), threads
