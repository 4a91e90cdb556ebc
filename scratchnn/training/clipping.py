"""Gradient clipping: by the global norm, which keeps the direction, and by value, which does not."""

import math

import numpy as np

from scratchnn import arrays

BLOCK = 2**13  # numbers squared at a time: 64 KB as float64, so that they stay in the cache
SAFE = 1e-200  # a sum of squares above it has lost nothing to numbers too small to square


def gradient_norm(grads: dict[str, np.ndarray]) -> float:
    """Compute the Euclidean norm of all gradients taken as one vector.

    Parameters
    ----------
    grads : dict of str to array

    Returns
    -------
    float
        In float64, also where squares would overflow; inf or nan when an entry is not finite; 0.0 without entries.
    """
    there = {name: g for name, g in grads.items() if arrays.on_device(g) and g.size}
    total = sum(arrays.squares(there).values()) if there else 0.0
    total += sum(_sum_of_squares(g) for name, g in grads.items() if name not in there)
    if SAFE < total < 1 / SAFE:
        return math.sqrt(total)
    if there:  # rare: squares overflow, or vanish, in the precision of the device's arrays
        grads = {name: arrays.as_numpy(g) for name, g in grads.items()}
        return gradient_norm(grads)
    largest = [np.abs(g).max() for g in grads.values() if g.size]  # too small or too large to square, or not finite
    peak = float(np.max(largest)) if largest else 0.0
    if peak == 0.0 or not math.isfinite(peak):
        return peak
    squares = (float(np.square(g / np.float64(peak)).sum()) for g in grads.values())
    return peak * math.sqrt(sum(squares))


def _sum_of_squares(g):
    """Sum up in float64, block by block; inf when squares overflow."""
    flat, total = g.reshape(-1), 0.0
    with np.errstate(over="ignore", invalid="ignore"):
        for at in range(0, flat.size, BLOCK):
            block = flat[at : at + BLOCK].astype(np.float64, copy=False)
            total += float(block @ block)
    return total


def clip_grad_norm(grads: dict[str, np.ndarray], max_norm: float) -> float:
    """Scale gradients in place so that their global norm is at most ``max_norm``.

    Parameters
    ----------
    grads : dict of str to array
        Changed in place when their norm is larger.
    max_norm : float
        Above 0.

    Returns
    -------
    float
        The norm before clipping. When it is not finite, no gradient is changed: scaling could not help, and the
        caller must not step (``fit`` stops with a sentence).

    Raises
    ------
    ValueError
        ``max_norm`` is not a positive number.

    Notes
    -----
    factor = min(1, max_norm / (norm + 1e-6)), as in ``torch.nn.utils.clip_grad_norm_``.
    Source: Pascanu, Mikolov & Bengio 2013, algorithm 1.  Checked by: tests/training/test_clipping.py
    """
    if not max_norm > 0:
        raise ValueError(f"clip_grad_norm: max_norm is {max_norm}, expected a number above 0")
    norm = gradient_norm(grads)
    factor = float(max_norm) / (norm + 1e-6)
    if factor < 1 and math.isfinite(norm):
        for g in grads.values():
            arrays.scale_into(g, factor)
    return norm


def clip_grad_value(grads: dict[str, np.ndarray], value: float) -> float:
    """Clamp every entry of the gradients in place to the range from ``-value`` to ``value``.

    This changes the direction of the step, unlike ``clip_grad_norm``: large entries shrink, small ones stay
    (misconception M13, "clipping is clamping"). With (3, 4) and value 1 the step goes along (1, 1).

    Parameters
    ----------
    grads : dict of str to array
        Changed in place.
    value : float
        Above 0.

    Returns
    -------
    float
        Share of the entries that were clamped, 0 to 1; 0.0 without entries. NaN stays NaN and is not counted,
        an infinite entry becomes ``value``: check that gradients are finite before.

    Raises
    ------
    ValueError
        ``value`` is not a positive number.

    Notes
    -----
    As ``torch.nn.utils.clip_grad_value_``.  Source: Mikolov 2012 (thesis).
    Checked by: tests/training/test_clipping.py
    """
    if not value > 0:
        raise ValueError(f"clip_grad_value: value is {value}, expected a number above 0")
    value = float(value)
    clamped = entries = 0
    for g in grads.values():
        clamped += arrays.count_beyond(g, value)
        entries += g.size
        arrays.clamp_into(g, value)
    return clamped / entries if entries else 0.0
