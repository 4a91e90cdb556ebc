"""Embedding in NumPy: the readable truth. Each numbered line is one equation of equations.py."""

import operator
from typing import NamedTuple

import numpy as np

from scratchnn import shapes


class Params(NamedTuple):
    """Weights."""

    W: np.ndarray  # (V, D)


class Cache(NamedTuple):
    """Ids and their rows."""

    ids: np.ndarray  # (...), integers
    y: np.ndarray  # (..., D), zero at padding
    padding_id: int | None


class Grads(NamedTuple):
    """Gradient of the rows; ids have none."""

    W: np.ndarray  # (V, D)


def forward(ids: np.ndarray, params: Params, *, padding_id: int | None = None) -> Cache:
    """Look up one row of ``W`` for every id.

    Parameters
    ----------
    ids : (...) int
        0 to V-1, any axes.
    params : Params
    padding_id : int, optional
        0 to V-1. Its outputs are zero and its row has gradient zero, whatever stands in the row.

    Returns
    -------
    Cache
        ``y`` (..., D) is the output.

    Raises
    ------
    ValueError
        An id outside the vocabulary, or a shape disagrees.
    TypeError
        ``ids`` is not an integer array, or ``W`` not floating-point.

    Notes
    -----
    Source: equation (1).  Checked by: tests/ops/test_embedding.py
    """
    V = shapes.sizes_of("embedding.forward", "W", params.W, "V D")["V"]
    shapes.expect_ids("embedding.forward", "ids", ids, V)
    if padding_id is not None and not 0 <= operator.index(padding_id) < V:
        raise ValueError(f"embedding.forward: padding_id is {padding_id}, expected 0 to {V - 1}")
    W = params.W
    real = _real(ids, padding_id)
    y = np.where(real, W[ids], 0)  # (1)
    return Cache(ids, y, padding_id)


def backward(dy: np.ndarray, cache: Cache, params: Params) -> Grads:
    """Undo ``forward``: add every gradient row to the row it was looked up from.

    Parameters
    ----------
    dy : (..., D)
        dLoss/dy, the shape of ``cache.y``.
    cache : Cache
        What ``forward`` returned.
    params : Params

    Returns
    -------
    Grads

    Raises
    ------
    ValueError
        ``dy`` has not the shape of ``cache.y``.
    TypeError
        ``dy`` is not floating-point.

    Notes
    -----
    forward  was   y = W[ids] where real else 0
    so now         dW[v] is the sum of dy over all places where v was looked up: an id that repeats adds up
    Source: equations (2)-(3).  Checked by: tests/ops/test_embedding.py::test_backward
    """
    shapes.expect_float("embedding.backward", "dy", dy)
    if dy.shape != cache.y.shape:
        raise ValueError(f"embedding.backward: dy has shape {dy.shape}, expected the shape of y {cache.y.shape}")
    ids = cache.ids
    V = params.W.shape[0]
    real = _real(ids, cache.padding_id)
    dy_real = np.where(real, dy, 0)  # (2)
    dW = scatter_add(ids, dy_real, V)  # (3)
    return Grads(W=dW)


def scatter_add(ids: np.ndarray, rows: np.ndarray, V: int) -> np.ndarray:
    """Add every row to the row of the result that its id names.

    Parameters
    ----------
    ids : (...) int
    rows : (..., D)
    V : int

    Returns
    -------
    (V, D)
        Row v is the sum of ``rows`` where ``ids == v``, zero if there is none. ``dW[ids] += rows`` would not do: of
        an id that repeats it keeps only the last row.
    """
    dW = np.zeros((V, rows.shape[-1]), rows.dtype)
    np.add.at(dW, ids, rows)
    return dW


def _real(ids, padding_id):
    real = np.ones(ids.shape, dtype=bool) if padding_id is None else ids != padding_id
    return real[..., None]
