"""Embedding for the GPU. See reference.forward and reference.backward.

Optimizations
-------------
- Forward: one thread a number; the threads of a warp read neighbouring columns of one row.
- Backward is a scatter-add without atomic additions of floats, so a repetition gives the same bits. A small kernel
  finds the first place of every id (an atomic minimum of whole numbers, whose result no order can change). One block
  for each such place goes on through the ids behind it and adds the rows of its id in their order, a thread a column.
- ``add_into`` adds to a gradient that is there already: rows whose ids did not occur are not touched.
What it costs: every distinct id reads the rest of the list of ids, (distinct ids) x (ids) x 8 bytes, from the
second-level cache; atomics would be quicker where few ids stand in very long lists, and differ from run to run.
"""

import operator
from functools import partial

import numpy as np

from scratchnn import device, shapes
from scratchnn.arrays import launch
from scratchnn.device import cuda, kernel

from .reference import Cache, Grads, Params

NO_PADDING = -1
COLUMNS = 128  # threads of a block


@kernel("i1 f2 i f2 i1", registers=40)
def embedding_kernel_look_up(ids, W, padding, y, outside):
    """Copy the row of every id; zeros for padding, and for an id that is not in the table, noted in ``outside``."""
    V, D = W.shape
    for at in range(cuda.grid(1), y.size, cuda.gridsize(1)):
        n, j = at // D, at % D
        v = ids[n]
        if v < 0 or v >= V:
            outside[0] = n + 1
            y[n, j] = 0
        elif v == padding:
            y[n, j] = 0
        else:
            y[n, j] = W[v, j]


@kernel("i1 i1", registers=40)
def embedding_kernel_first_places(ids, first):
    """Note the first place of every id in the table; ``first`` holds the number of ids at the start."""
    for n in range(cuda.grid(1), ids.size, cuda.gridsize(1)):
        if 0 <= ids[n] < first.size:
            cuda.atomic.min(first, ids[n], n)


@kernel("i1 i1 f2 i f2", registers=80)
def embedding_kernel_scatter_add(ids, first, dy, padding, dW):
    """Add to each row of dW the rows of dy of its id, in their order."""
    n = cuda.blockIdx.x
    v = ids[n]
    if v < 0 or v >= first.size or v == padding or first[v] != n:
        return
    for j in range(cuda.threadIdx.x, dW.shape[1], cuda.blockDim.x):
        total = dW[v, j]
        for m in range(n, ids.size):
            if ids[m] == v:
                total += dy[m, j]
        dW[v, j] = total


def forward(ids: np.ndarray, params: Params, *, padding_id: int | None = None) -> Cache:
    """Look up one row of ``W`` for every id. See reference.forward; ``ids`` in the cache lie where ``y`` does.

    An id on the device that is not in the table gives zeros, and an error with the next copy to the host.
    """
    sizes = shapes.sizes_of("embedding.forward", "W", params.W, "V D")
    V, D = sizes["V"], sizes["D"]
    shapes.expect_ids("embedding.forward", "ids", ids, V)
    if padding_id is not None and not 0 <= operator.index(padding_id) < V:
        raise ValueError(f"embedding.forward: padding_id is {padding_id}, expected 0 to {V - 1}")
    (W,), home = device.bring("embedding.forward", params.W)
    home, checked = home and not device.on_device(ids), isinstance(ids, np.ndarray)
    there = device.to_device(ids, np.int64)
    y, outside = device.empty((*ids.shape, D), W.dtype), device.zeros(1, np.int64)
    if y.size:
        padding = NO_PADDING if padding_id is None else operator.index(padding_id)
        flat = there.reshape(there.size), W, padding, y.reshape(there.size, D), outside
        embedding_kernel_look_up[launch.over(y.size)](*flat)
    if not checked:
        device.check_later(outside, partial(_error, tuple(ids.shape), V))
    return Cache(ids if home else there, device.back(y, home), padding_id)


def backward(dy: np.ndarray, cache: Cache, params: Params) -> Grads:
    """Undo ``forward``: add every gradient row to the row it was looked up from. See reference.backward."""
    _check(dy, cache)
    (dy,), home = device.bring("embedding.backward", dy)
    dW = device.zeros((params.W.shape[0], dy.shape[-1]), dy.dtype)
    _add(dW, dy, cache)
    return device.back(Grads(W=dW), home and not device.on_device(params.W))


def add_into(dW: np.ndarray, dy: np.ndarray, cache: Cache) -> bool:
    """Add the gradient of ``backward`` to ``dW`` in place.

    Parameters
    ----------
    dW : (V, D)
        On the device.
    dy : (..., D)
    cache : Cache

    Returns
    -------
    bool
        False: dW is not on the device or of another precision, nothing was added; use ``backward``.
    """
    _check(dy, cache)
    if not device.on_device(dW) or dW.dtype != dy.dtype:
        return False
    _add(dW, device.to_device(dy), cache)
    return True


def kernels() -> list:
    """List the kernels of this file, for the tests that compile them."""
    return [
        embedding_kernel_look_up,
        embedding_kernel_first_places,
        embedding_kernel_scatter_add,
    ]


def _error(shape, V, wrong):
    at = [int(k) for k in np.unravel_index(wrong - 1, shape)]
    return ValueError(f"embedding.forward: ids{at} is outside the table, expected 0 to {V - 1}")


def _add(dW, dy, cache):
    (V, D), n = dW.shape, cache.ids.size
    if not n:
        return
    ids = device.to_device(cache.ids, np.int64).reshape(n)
    padding = NO_PADDING if cache.padding_id is None else operator.index(cache.padding_id)
    first = device.zeros(V, np.int64, n)
    embedding_kernel_first_places[launch.over(n)](ids, first)
    rows = dy.reshape(n, D)
    embedding_kernel_scatter_add[n, device.pick(COLUMNS, 3)](ids, first, rows, padding, dW)


def _check(dy, cache):
    shapes.expect_float("embedding.backward", "dy", dy)
    if tuple(dy.shape) != tuple(cache.y.shape):
        raise ValueError(
            f"embedding.backward: dy has shape {tuple(dy.shape)}, expected the shape of y {tuple(cache.y.shape)}"
        )
