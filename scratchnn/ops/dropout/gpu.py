"""Dropout for the GPU. See reference.forward and reference.backward.

Optimizations
-------------
- One pass over x. A mask that lasts a whole sequence is read from its one row, not spread over the steps.
The mask is drawn on the host by the Generator as in the reference, number for number, so that a seed gives the same
masks everywhere; it travels as one byte an entry. A mask that is on the device already stays there.
"""

import math

import numpy as np

from scratchnn import arrays, device, shapes
from scratchnn.arrays import launch
from scratchnn.device import cuda, kernel

from .reference import PER, Cache, Grads, _mask_shape


@kernel("f1 b1 i i f f1", registers=48)
def dropout_kernel_keep(x, mask, steps, inner, scale, y):
    """Compute y = x * scale where mask else 0, for flat x (outer, steps, inner) and flat mask (outer, inner)."""
    for at in range(cuda.grid(1), x.size, cuda.gridsize(1)):
        kept = mask[at // (steps * inner) * inner + at % inner]
        y[at] = x[at] * scale if kept else x.dtype.type(0)


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
    shapes.expect_float("dropout.forward", "x", x)
    shapes.expect_choice("dropout.forward", "per", per, PER)
    if not 0 <= p < 1:
        raise ValueError(f"dropout.forward: p is {p}, expected 0 <= p < 1")
    p = float(p)
    if mask is None and rng is None:
        return Cache(None, p, x)
    if mask is None:
        mask = rng.random(_mask_shape(x, per, time_axis)) >= p  # type: ignore[union-attr]  # not None
    shapes.expect_mask("dropout.forward", "mask", mask, tuple(x.shape))
    (x,), home = device.bring("dropout.forward", x)
    drawn_in_vain = p == 0 and mask.all() if isinstance(mask, np.ndarray) else False
    kept = device.zeros(mask.shape, bool, True) if drawn_in_vain else device.to_device(mask)
    y = _kept(x, kept, p)
    home = home and not device.on_device(mask)
    return Cache(mask if home else kept, p, device.back(y, home))


def backward(dy: np.ndarray, cache: Cache) -> Grads:
    """Undo ``forward``. See reference.backward."""
    shapes.expect_float("dropout.backward", "dy", dy)
    if tuple(dy.shape) != tuple(cache.y.shape):
        raise ValueError(
            f"dropout.backward: dy has shape {tuple(dy.shape)}, expected the shape of y {tuple(cache.y.shape)}"
        )
    if cache.mask is None:
        return Grads(x=dy)
    (dy,), home = device.bring("dropout.backward", dy)
    return device.back(Grads(x=_kept(dy, device.to_device(cache.mask), cache.p)), home)


def kernels() -> list:
    """List the kernels of this file, for the tests that compile them."""
    return [dropout_kernel_keep]


def _kept(x, mask, p):
    """Launch for a mask of x's shape, or of 1 along one axis; any other is spread over x first."""
    shape, own = tuple(x.shape), tuple(mask.shape)
    ones = [axis for axis in range(len(shape)) if len(own) == len(shape) and own[axis] != shape[axis]]
    if len(own) != len(shape) or len(ones) > 1:
        mask, ones = arrays.spread(mask, shape), []
    steps = shape[ones[0]] if ones else 1
    inner = math.prod(shape[ones[0] + 1 :]) if ones else x.size
    y = device.empty(shape, x.dtype)
    if x.size:
        numbers = steps, inner, x.dtype.type(1 / (1 - p))
        flat = [array.reshape(array.size) for array in (x, mask, y)]
        dropout_kernel_keep[launch.over(x.size)](*flat[:2], *numbers, flat[2])
    return y
