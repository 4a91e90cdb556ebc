"""Dropout in NumPy: the readable truth. Each numbered line is one equation of equations.py."""

from typing import NamedTuple

import numpy as np

from scratchnn import shapes

PER = ("step", "sequence")


class Cache(NamedTuple):
    """The mask as booleans (the scale is not in it) and the output."""

    mask: np.ndarray | None  # bool, the shape of x, or 1 along time; None: nothing was dropped
    p: float
    y: np.ndarray  # the shape of x


class Grads(NamedTuple):
    """Gradient of the input, the shape of ``x``."""

    x: np.ndarray


def forward(
    x: np.ndarray,
    p: float,
    *,
    mask: np.ndarray | None = None,
    rng: np.random.Generator | None = None,
    per: str = "step",
    time_axis: int = 0,
) -> Cache:
    """Drop entries with probability ``p`` and scale up the others.

    Parameters
    ----------
    x : array of any shape
    p : float
        Probability of dropping, 0 <= p < 1.
    mask : bool array that broadcasts to x, optional
        True is kept. When given, nothing is drawn.
    rng : numpy.random.Generator, optional
        The mask is drawn from it. With neither ``mask`` nor ``rng`` the output is ``x`` itself: evaluation.
    per : {"step", "sequence"}
        Draw a new mask for each step, or one for all steps of a sequence.
    time_axis : int
        The axis of ``x`` that is time; used by ``per="sequence"``.

    Returns
    -------
    Cache
        ``y`` is the output. A NaN in a dropped entry does not reach it.

    Raises
    ------
    ValueError
        ``p`` outside [0, 1), an unknown ``per``, an axis that x does not have, a mask that does not fit.
    TypeError
        ``x`` is not floating-point, or ``mask`` not boolean.

    Notes
    -----
    Source: equations (1)-(2).  Checked by: tests/ops/test_dropout.py
    """
    shapes.expect_float("dropout.forward", "x", x)
    shapes.expect_choice("dropout.forward", "per", per, PER)
    if not 0 <= p < 1:
        raise ValueError(f"dropout.forward: p is {p}, expected 0 <= p < 1")
    p = float(p)
    if mask is None and rng is None:
        return Cache(None, p, x)
    if mask is None:
        mask = rng.random(_mask_shape(x, per, time_axis)) >= p  # type: ignore[union-attr]  # not None
    shapes.expect_mask("dropout.forward", "mask", mask, x.shape)
    scale = 1 / (1 - p)  # (1)
    y = np.where(mask, x * scale, 0)  # (2)
    return Cache(mask, p, y)


def backward(dy: np.ndarray, cache: Cache) -> Grads:
    """Undo ``forward``.

    Parameters
    ----------
    dy : array, the shape of y
        dLoss/dy.
    cache : Cache
        What ``forward`` returned.

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
    forward  was   y = x * scale where mask else 0
    so now         dx = dy * scale where mask else 0: a dropped entry had no influence
    Source: equation (3).  Checked by: tests/ops/test_dropout.py::test_backward
    """
    shapes.expect_float("dropout.backward", "dy", dy)
    if dy.shape != cache.y.shape:
        raise ValueError(f"dropout.backward: dy has shape {dy.shape}, expected the shape of y {cache.y.shape}")
    if cache.mask is None:
        return Grads(x=dy)
    mask, p = cache.mask, cache.p
    scale = 1 / (1 - p)  # (1)
    dx = np.where(mask, dy * scale, 0)  # (3)
    return Grads(x=dx)


def _mask_shape(x, per, time_axis):
    if per == "step":
        return x.shape
    if not -x.ndim <= time_axis < x.ndim:
        raise ValueError(f"dropout.forward: time_axis is {time_axis}, x has shape {x.shape}")
    shape = list(x.shape)
    shape[time_axis] = 1
    return tuple(shape)
