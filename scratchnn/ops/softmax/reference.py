"""Softmax and log-softmax in NumPy: the readable truth. Each numbered line is one equation of equations.py."""

from typing import NamedTuple

import numpy as np

from scratchnn import shapes


class Cache(NamedTuple):
    """Logits, what counted, probabilities."""

    z: np.ndarray  # (..., C), zero where nothing counts
    mask: np.ndarray  # (..., C), True counts; all False in a row without a logit above -inf
    p: np.ndarray  # (..., C)


class LogCache(NamedTuple):
    """Logits, what counted, log-probabilities."""

    z: np.ndarray  # (..., C), zero where nothing counts
    mask: np.ndarray  # (..., C), True counts; all False in a row without a logit above -inf
    log_p: np.ndarray  # (..., C), -inf where nothing counts


class Grads(NamedTuple):
    """Gradient of the logits."""

    z: np.ndarray  # (..., C)


def forward(z: np.ndarray, mask: np.ndarray | None = None) -> Cache:
    """Turn each row of logits into probabilities.

    Parameters
    ----------
    z : (..., C)
        Logits; the softmax runs over the last axis.
    mask : bool, broadcasts to (..., C), optional
        True counts. What is masked gets p = 0, and nothing in ``z`` there is read, NaN included.

    Returns
    -------
    Cache
        ``p`` (..., C): each row sums to 1, or is 0 throughout when nothing in it counts.

    Raises
    ------
    ValueError
        A shape disagrees, or rows of length 0; the message names array, got, expected.
    TypeError
        ``z`` is not floating-point or ``mask`` not bool.

    Notes
    -----
    A logit of -inf counts as p = 0; a row with nothing above -inf is a row in which nothing counts. NaN or
    +inf in a logit that counts makes its row NaN and no other.
    Source: equations (1)-(4).  Checked by: tests/ops/test_softmax.py::test_forward_by_hand
    """
    z, mask, _, e, total = _exponentials("softmax.forward", z, mask)
    p = e / np.where(total == 0, 1, total)  # (4)
    return Cache(z, mask, p)


def backward(dp: np.ndarray, cache: Cache) -> Grads:
    """Undo ``forward``.

    Parameters
    ----------
    dp : (..., C)
        dLoss/dp; nothing is read where the mask is False.
    cache : Cache
        What ``forward`` returned.

    Returns
    -------
    Grads
        0 where the mask is False.

    Raises
    ------
    ValueError
        ``dp`` has not the shape of ``cache.p``.
    TypeError
        ``dp`` is not floating-point.

    Notes
    -----
    forward  was   p = e / sum(e),  e = exp(z - shift)
    so now         dz = p * (dp - sum(dp * p)): every logit of a row moves every probability of it
    The shift cancels in p, so no gradient passes through it.
    Source: equation (6).  Checked by: tests/ops/test_softmax.py::test_backward
    """
    dp = _upstream("softmax.backward", "dp", dp, cache.p, cache.mask)
    p = cache.p
    dz = p * (dp - (dp * p).sum(axis=-1, keepdims=True))  # (6)
    return Grads(z=dz)


def log_forward(z: np.ndarray, mask: np.ndarray | None = None) -> LogCache:
    """Turn each row of logits into log-probabilities, without the underflow of log(softmax(z)).

    Parameters
    ----------
    z : (..., C)
        Logits; the softmax runs over the last axis.
    mask : bool, broadcasts to (..., C), optional
        True counts. What is masked gets log_p = -inf, and nothing in ``z`` there is read, NaN included.

    Returns
    -------
    LogCache
        ``log_p`` (..., C): -inf, the logarithm of 0, where the mask is False; so is a whole row in which
        nothing counts.

    Raises
    ------
    ValueError
        A shape disagrees, or rows of length 0; the message names array, got, expected.
    TypeError
        ``z`` is not floating-point or ``mask`` not bool.

    Notes
    -----
    Source: equations (1)-(3), (5).  Checked by: tests/ops/test_softmax.py::test_log_forward_by_hand
    """
    z, mask, shift, _, total = _exponentials("softmax.log_forward", z, mask)
    log_p = np.where(mask, z - shift - np.log(np.where(total == 0, 1, total)), -np.inf)  # (5)
    return LogCache(z, mask, log_p)


def log_backward(dlog_p: np.ndarray, cache: LogCache) -> Grads:
    """Undo ``log_forward``.

    Parameters
    ----------
    dlog_p : (..., C)
        dLoss/dlog_p; nothing is read where the mask is False.
    cache : LogCache
        What ``log_forward`` returned.

    Returns
    -------
    Grads
        0 where the mask is False.

    Raises
    ------
    ValueError
        ``dlog_p`` has not the shape of ``cache.log_p``.
    TypeError
        ``dlog_p`` is not floating-point.

    Notes
    -----
    forward  was   log_p = z - shift - log(sum(exp(z - shift)))
    so now         dz = dlog_p - p * sum(dlog_p),  p = exp(log_p)
    Source: equation (7).  Checked by: tests/ops/test_softmax.py::test_log_backward
    """
    dlog_p = _upstream("softmax.log_backward", "dlog_p", dlog_p, cache.log_p, cache.mask)
    log_p = cache.log_p
    dz = dlog_p - np.exp(log_p) * dlog_p.sum(axis=-1, keepdims=True)  # (7)
    return Grads(z=dz)


def _exponentials(where, z, mask):
    """Give z without what does not count, the full mask, the shift, e and its sum."""
    shapes.expect_float(where, "z", z)
    if z.ndim == 0 or z.shape[-1] == 0:
        raise ValueError(f"{where}: z has shape {z.shape}, expected (..., C) with C at least 1")
    if mask is None:
        mask = np.ones(z.shape, dtype=bool)
    shapes.expect_mask(where, "mask", mask, z.shape)
    finite = mask & (z.real != -np.inf)
    mask = np.broadcast_to(mask, z.shape) & finite.any(axis=-1, keepdims=True)
    z = np.where(mask, z, 0)
    shift = np.where(mask, z.real, -np.inf).max(axis=-1, keepdims=True)  # (1)
    e = np.exp(np.where(mask, z - shift, -np.inf))  # (2)
    total = e.sum(axis=-1, keepdims=True)  # (3)
    return z, mask, shift, e, total


def _upstream(where, name, gradient, output, mask):
    shapes.expect_float(where, name, gradient)
    if gradient.shape != output.shape:
        raise ValueError(
            f"{where}: {name} has shape {gradient.shape}, expected the shape of the output {output.shape}"
        )
    return np.where(mask, gradient, 0)
