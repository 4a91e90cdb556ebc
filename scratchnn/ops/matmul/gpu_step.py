"""The product of a recurrent step, h_prev @ W_h, as the kernels of rnn, gru and lstm do it between two barriers.

W_h is shared out to the blocks: each keeps the columns of a few units in shared memory, for one step or for all T.
The states of some 32 rows come in tiles beside them. A thread sums four numbers at a time:

    16 bytes of h  (4 k's of its own row)         4 cycles of shared memory for the 32 rows of a warp's threads
    64 bytes of W  (4 columns at each of 4 k's)   4 cycles: all threads of a warp read the same
    16 products                                   4 cycles of arithmetic (four warps at once)

so shared memory is the limit, at half of the float32 peak. All blocks together hold the whole of W_h: where one
launch goes through all steps, none reads it from memory again.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from scratchnn import device, shapes
from scratchnn.device import blocks, cuda, function, kernel, pick
from scratchnn.device.instructions import load4


class Plan(NamedTuple):
    """How a step's work is shared out."""

    rows: int  # of the batch in a tile: one for each thread of a warp
    lanes: int  # warps of a block
    units: int  # in a block's slice
    slices: int  # blocks side by side, each with other units
    groups: int  # blocks below each other, each with other rows of the batch
    share: int  # rows of a group, a multiple of ``rows``
    deep: int  # k's in a tile, a multiple of 4, of 32 on a device
    shared: int  # bytes of shared memory
    fits: bool  # False: W_h is too large, no block can hold its slice

    @property
    def persistent(self) -> bool:
        """Can all blocks be there at once, so that they may wait for each other?"""
        return self.slices * self.groups <= device.resident()

    @property
    def launch(self) -> tuple:
        """Grid, block, bytes."""
        return (self.slices, self.groups), (self.rows, self.lanes), self.shared


def plan(
    B: int, H: int, dtype: Any, *, lanes: int, units: int, weights: int, tiles: int, kept: int, together: bool
) -> Plan:
    """Share out a step.

    Parameters
    ----------
    B, H : int
        Rows and units.
    dtype : dtype
    lanes : int
        Warps of a block.
    units : int
        In a slice.
    weights : int
        Numbers of W_h in a slice for each of its units and each k (padded).
    tiles : int
        Tiles of the source that a block needs at once.
    kept : int
        Numbers that a row of a tile exchanges between threads.
    together : bool
        Must all blocks be there at once?

    Returns
    -------
    Plan
    """
    rows, H4, size = pick(32, 2), padded(H), np.dtype(dtype).itemsize
    fixed = units * weights * H4 + rows * kept
    most = device.most_shared() // size
    step = pick(32, 4)  # a tile's rows are 32 n + 4 numbers apart: reads of 16 bytes from 8 rows meet all banks once
    deep = min(blocks(H, step), ((most - fixed) // (tiles * rows) - 4) // step) * step
    slices, groups = blocks(H, units), blocks(B, rows)
    if together:
        groups = max(1, min(groups, device.resident() // slices))
    share = blocks(blocks(B, rows), groups) * rows
    shared = (fixed + tiles * rows * (deep + 4)) * size
    return Plan(rows, lanes, units, slices, blocks(B, share), share, deep, shared, deep > 0)


def go_through(
    turns: int,
    plan_of: Callable[[bool], Plan],
    launch: Callable[[Plan, bool], tuple],
    cells: Callable,
    together: bool,
) -> None:
    """Go through all steps of a sequence: in one launch where blocks can wait for each other, else one a step.

    Parameters
    ----------
    turns : int
        Steps.
    plan_of : function
        Shares out a step's work; takes whether all blocks must be there at once.
    launch : function
        Takes the plan and whether it is for all steps; gives the launched kernel and its arguments but for the last:
        first turn, last turn, rows of a group, depth of a tile, and the counters of the barrier.
    cells : function
        Goes through the steps where W_h is too large to be shared out.
    together : bool
        One launch for all, if possible.
    """
    share = plan_of(together)
    if together and not (share.fits and share.persistent):
        together, share = False, plan_of(False)
    if not share.fits:
        cells()
        return
    run, arguments = launch(share, together)
    for begin in (0,) if together else range(turns):
        end, groups = (turns, share.groups) if together else (begin + 1, 0)
        run(*arguments, begin, end, share.share, share.deep, *device.counters(groups))


def padded(H: int) -> int:
    """Give the next multiple of 4."""
    return -(-H // 4) * 4


@function
def bring_tile_into(memory, at, pitch, source, first_row, rows, first, last, deep, lane, lanes, own, owns, zero):
    """Put source[first_row:, first:] (rows x deep) into memory, neighbours by neighbours; 0 from ``last`` on."""
    B = source.shape[0]
    for r in range(own, rows, owns):
        for k in range(lane, deep, lanes):
            inside = first_row + r < B and first + k < last
            memory[at + r * pitch + k] = source[first_row + r, first + k] if inside else zero


@function
def dot4(memory, tile, weights, n, z0, z1, z2, z3):
    """Add n products to each of four sums: memory[tile + k] * memory[weights + 4 k + (0, 1, 2, 3)]."""
    for k in range(0, n, 4):
        h0, h1, h2, h3 = load4(memory, tile + k)
        w0, w1, w2, w3 = load4(memory, weights + 4 * k)
        z0, z1, z2, z3 = z0 + h0 * w0, z1 + h0 * w1, z2 + h0 * w2, z3 + h0 * w3
        w0, w1, w2, w3 = load4(memory, weights + 4 * k + 4)
        z0, z1, z2, z3 = z0 + h1 * w0, z1 + h1 * w1, z2 + h1 * w2, z3 + h1 * w3
        w0, w1, w2, w3 = load4(memory, weights + 4 * k + 8)
        z0, z1, z2, z3 = z0 + h2 * w0, z1 + h2 * w1, z2 + h2 * w2, z3 + h2 * w3
        w0, w1, w2, w3 = load4(memory, weights + 4 * k + 12)
        z0, z1, z2, z3 = z0 + h3 * w0, z1 + h3 * w1, z2 + h3 * w2, z3 + h3 * w3
    return z0, z1, z2, z3


@function
def four_sums_into(
    memory, tile, pitch, sums, source, row0, rows, tiles, which, H, deep, weights, lane, own, owns, zero
):  # fmt: skip
    """Put four sums of this thread, over all of H, into memory[sums : sums + 4], for other threads to read.

    ``source`` (B, tiles * H) comes in tiles of ``deep`` columns of each of its blocks; the thread's own block is
    ``which`` (none, if there are fewer), its row ``lane``, its four columns of W_h begin at ``weights``.
    """
    H4 = (H + 3) // 4 * 4
    z0, z1, z2, z3 = zero, zero, zero, zero
    for k in range(0, H, deep):
        cuda.syncthreads()
        for q in range(tiles):
            bring_tile_into(
                memory, tile + q * rows * pitch, pitch, source, row0, rows, q * H + k, (q + 1) * H, deep,
                lane, rows, own, owns, zero,
            )  # fmt: skip
        cuda.syncthreads()
        if which < tiles:
            mine = tile + (which * rows + lane) * pitch
            z0, z1, z2, z3 = dot4(memory, mine, weights + 4 * k, min(deep, H4 - k), z0, z1, z2, z3)
    if which < tiles:
        memory[sums], memory[sums + 1], memory[sums + 2], memory[sums + 3] = z0, z1, z2, z3
    cuda.syncthreads()


def real_inputs(where: str, x: Any, mask: Any) -> tuple[Any, Any]:
    """Give x, 0 at padding, and the mask, both on the device.

    Parameters
    ----------
    where : str
        Function named in the error.
    x : device array (T, B, D)
        Handed back as it is when there is no mask.
    mask : (T, B) bool or None
        NumPy or device array.

    Returns
    -------
    device array (T, B, D)
    device array (T, B)
    """
    T, B, D = x.shape
    if mask is None:
        return x, device.zeros((T, B), np.bool_, True)
    if device.on_device(mask):
        if tuple(mask.shape) != (T, B) or mask.dtype != np.bool_:
            raise ValueError(f"{where}: mask is {mask.dtype} {tuple(mask.shape)}, expected bool (T, B) = {(T, B)}")
    else:
        mask = shapes.recurrent_mask(where, mask, T, B)
    mask = device.to_device(mask)
    real, kept = device.empty((T, B, D), x.dtype), device.empty((T, B), np.bool_)
    run = real_inputs_kernel(np.dtype(x.dtype).type)[elementwise(x.size)]
    run(x.reshape(T * B, D), mask.reshape(T * B), real.reshape(T * B, D), kept.reshape(T * B))
    return real, kept


@cache
def real_inputs_kernel(dtype: Any) -> Any:
    """One thread per number: x where the mask says so, 0 elsewhere; and a copy of the mask."""

    @kernel("f2 b1 f2 b1", registers=32)
    def matmul_kernel_real_inputs(x, mask, real, kept):
        j = cuda.grid(1)
        D = x.shape[1]
        row = j // D
        if row < x.shape[0]:
            column = j - row * D
            real[row, column] = x[row, column] if mask[row] else dtype(0)
            if column == 0:
                kept[row] = mask[row]

    return matmul_kernel_real_inputs


@cache
def copy_kernel(dtype: Any) -> Any:
    """One thread per number: 8 bytes moved for each."""

    @kernel("f1 f1", registers=24)
    def matmul_kernel_copy(source, target):
        j = cuda.grid(1)
        if j < target.size:
            target[j] = source[j]

    return matmul_kernel_copy


def copy_into(target: Any, source: Any) -> None:
    """Copy one device array into another of its size."""
    run = copy_kernel(np.dtype(target.dtype).type)[elementwise(target.size)]
    run(source.reshape(source.size), target.reshape(target.size))


def elementwise(size: int) -> tuple[int, int]:
    """Give grid and block for one thread per number."""
    threads = pick(256, 8)
    return blocks(size, threads), threads
