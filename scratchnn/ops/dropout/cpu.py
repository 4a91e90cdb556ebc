"""Dropout for the CPU. See reference.forward and reference.backward.

Optimizations
-------------
- One pass over x, where NumPy multiplies in one and chooses in another: 3 times as fast, and no array in between.
- A mask that lasts a whole sequence is read from its one row, not spread over the steps.
The mask is drawn by the Generator as in the reference, number for number: a seed gives the same masks in both.
"""

import math

import numpy as np

from scratchnn import jit
from scratchnn.jit import kernel

from . import reference
from .reference import Cache, Grads, _mask_shape


@kernel
def keep_into(x, mask, scale, y):
    """Compute y = x * scale where mask else 0, for x (outer, time, inner) and mask (outer, inner)."""
    factor = x.dtype.type(scale)
    zero = x.dtype.type(0)
    for k in range(x.shape[0]):
        kept = mask[k]
        for t in range(x.shape[1]):
            x_row, y_row = x[k, t], y[k, t]
            for j in range(x.shape[2]):
                y_row[j] = x_row[j] * factor if kept[j] else zero


def forward(
    x: np.ndarray,
    p: float,
    *,
    mask: np.ndarray | None = None,
    rng: np.random.Generator | None = None,
    per: str = "step",
    time_axis: int = 0,
) -> Cache:
    """Drop entries with probability ``p`` and scale up the others. See reference.forward."""
    fits = (
        isinstance(x, np.ndarray) and x.dtype in jit.DTYPES and x.size > 0 and 0 <= p < 1
        and (per == "step" or (per == "sequence" and -x.ndim <= time_axis < x.ndim))
        and (mask is not None or rng is not None)
    )  # fmt: skip
    if fits and mask is None:
        mask = rng.random(_mask_shape(x, per, time_axis)) >= p  # type: ignore[union-attr]  # not None
    if not fits or (y := _kept(x, mask, p)) is None:
        return reference.forward(x, p, mask=mask, rng=rng, per=per, time_axis=time_axis)
    return Cache(mask, float(p), y)


def backward(dy: np.ndarray, cache: Cache) -> Grads:
    """Undo ``forward``. See reference.backward."""
    fits = isinstance(dy, np.ndarray) and dy.dtype in jit.DTYPES and dy.size > 0 and dy.shape == cache.y.shape
    if not fits or cache.mask is None or (dx := _kept(dy, cache.mask, cache.p)) is None:
        return reference.backward(dy, cache)
    return Grads(dx)


def _kept(x, mask, p):
    """Compute x / (1 - p) where mask else 0; None when the mask is none for the kernel."""
    if not isinstance(mask, np.ndarray) or mask.dtype != np.bool_ or mask.ndim != x.ndim:
        return None
    axes = [axis for axis in range(x.ndim) if mask.shape[axis] != x.shape[axis]]
    if len(axes) > 1 or (axes and mask.shape[axes[0]] != 1):
        return None
    time = axes[0] if axes else 0
    steps = x.shape[time] if axes else 1
    outer = math.prod(x.shape[:time])
    y = np.empty(x.shape, x.dtype)
    three = (outer, steps, y.size // (outer * steps))
    kept = jit.plain(mask, mask.dtype).reshape(outer, -1)
    keep_into(jit.plain(x, x.dtype).reshape(three), kept, 1 / (1 - p), y.reshape(three))
    return y
