"""Cross-entropy in NumPy: the readable truth. Each numbered line is one equation of equations.py."""

import numbers
from typing import NamedTuple

import numpy as np

from scratchnn import shapes
from scratchnn.ops.softmax.reference import log_forward as log_softmax

REDUCTIONS = ("mean", "sum", "none")


class Cache(NamedTuple):
    """Every node of the loss."""

    logits: np.ndarray  # (..., C), zero where the mask is False
    targets: np.ndarray  # (...), 0 where the mask is False
    mask: np.ndarray  # (...), True counted: the mask given, less the ignored targets
    log_p: np.ndarray  # (..., C)
    y: np.ndarray  # (..., C), zero where the mask is False
    losses: np.ndarray  # (...)
    divisor: float  # of the sum of losses; inf when reduction "mean" counted nothing
    loss: np.ndarray  # scalar; (...) with reduction "none"
    reduction: str


class Grads(NamedTuple):
    """Gradient of the logits."""

    logits: np.ndarray  # (..., C)


def forward(
    logits: np.ndarray,
    targets: np.ndarray,
    *,
    mask: np.ndarray | None = None,
    ignore_index: int = -100,
    weight: np.ndarray | None = None,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
) -> Cache:
    """Compare logits with class ids.

    Parameters
    ----------
    logits : (..., C)
        Scores before the softmax; any axes before the last.
    targets : (...) int
        Class ids. An id where nothing counts is not read.
    mask : bool, broadcasts to (...), optional
        True counts. Elsewhere loss and gradient are 0, and nothing in ``logits`` is read, NaN included.
    ignore_index : int
        A target with this value does not count either.
    weight : (C,), optional
        Weight of each class, zero or more.
    label_smoothing : float
        Share of each target that is spread evenly over all classes, 0 to 1.
    reduction : {"mean", "sum", "none"}
        "mean" divides by the summed weights of the counted targets.

    Returns
    -------
    Cache
        ``loss``: a scalar, with "none" the shape of ``targets``. When nothing counts, or all that counts has
        weight 0, it is 0 and so is the gradient.

    Raises
    ------
    ValueError
        A shape disagrees, a target outside 0 to C-1, an unknown reduction, a smoothing outside 0 to 1, a
        negative or non-finite weight.
    TypeError
        ``logits`` or ``weight`` is not floating-point, ``targets`` not integer, ``mask`` not bool.

    Notes
    -----
    A class with y = 0 adds nothing to the loss even if its logit is -inf; a target there has loss inf.
    Source: equations (1)-(5).  Checked by: tests/ops/test_cross_entropy.py
    """
    label_smoothing = _check_smoothing(label_smoothing)
    C, mask, weight = _check_inputs(logits, targets, mask, ignore_index, weight, reduction)
    targets = np.where(mask, targets, 0)
    logits = np.where(mask[..., None], logits, 0)
    counted = mask[..., None].astype(weight.dtype)
    onehot = (targets[..., None] == np.arange(C)) * counted
    log_p = log_softmax(logits).log_p  # (1)
    y = weight * ((1 - label_smoothing) * onehot + label_smoothing / C * counted)  # (2)
    losses = (y * np.where(y == 0, 0, -log_p)).sum(axis=-1)  # (3)
    total = weight[targets][mask].sum()  # (4)
    divisor = 1.0
    if reduction == "mean":
        divisor = float(total) if total > 0 else np.inf
    if reduction == "none":
        loss = losses
    else:
        loss = losses.sum() / divisor  # (5)
    return Cache(logits, targets, mask, log_p, y, losses, divisor, loss, reduction)


def backward(cache: Cache, dloss: float | np.ndarray = 1.0) -> Grads:
    """Undo ``forward``.

    Parameters
    ----------
    cache : Cache
        What ``forward`` returned.
    dloss : float, or (...) with reduction "none"
        Gradient from outside; with "none" a number stands for all targets alike.

    Returns
    -------
    Grads
        0 where the mask is False.

    Raises
    ------
    ValueError
        ``dloss`` has not the shape of ``cache.loss``.

    Notes
    -----
    forward  was   losses = -sum(y * log_p),  log_p = log_softmax(logits),  loss = sum(losses) / divisor
    so now         dlogits = dlosses * (p * sum(y) - y); sum(y) is 1 without weights, which leaves p - y
    The softmax is undone here: dlogits must not be sent through its backward again.
    Source: equations (6), (7).  Checked by: tests/ops/test_cross_entropy.py::test_backward
    """
    if np.ndim(dloss) != 0 and np.shape(dloss) != np.shape(cache.loss):
        raise ValueError(
            f"cross_entropy.backward: dloss has shape {np.shape(dloss)}, expected the loss's {np.shape(cache.loss)}"
        )
    y = cache.y
    given = np.where(cache.mask, np.asarray(dloss, dtype=np.result_type(dloss, cache.losses)), 0)
    dlosses = given / cache.divisor  # (6)
    dlogits = dlosses[..., None] * (np.exp(cache.log_p) * y.sum(axis=-1, keepdims=True) - y)  # (7)
    return Grads(logits=dlogits)


def _check_smoothing(label_smoothing):
    if not isinstance(label_smoothing, numbers.Real) or not 0 <= label_smoothing <= 1:
        raise ValueError(
            f"cross_entropy.forward: label_smoothing is {label_smoothing!r}, expected a number from 0 to 1"
        )
    return float(label_smoothing)


def _check_inputs(logits, targets, mask, ignore_index, weight, reduction):
    where = "cross_entropy.forward"
    shapes.expect_float(where, "logits", logits)
    if logits.ndim == 0 or logits.shape[-1] == 0:
        raise ValueError(f"{where}: logits has shape {logits.shape}, expected (..., C) with C at least 1")
    C = logits.shape[-1]
    rows = logits.shape[:-1]
    if mask is None:
        mask = np.ones(rows, dtype=bool)
    shapes.expect_mask(where, "mask", mask, rows)
    mask = np.broadcast_to(mask, rows)
    if isinstance(targets, np.ndarray) and targets.shape != rows:
        raise ValueError(f"{where}: targets has shape {targets.shape}, expected logits' without C = {rows}")
    seen = np.where(mask, targets, 0) if isinstance(targets, np.ndarray) else targets
    shapes.expect_ids(where, "targets", seen, C, allowed=(ignore_index,))
    shapes.expect_choice(where, "reduction", reduction, REDUCTIONS)
    if weight is None:
        weight = np.ones(C, dtype=logits.real.dtype)
    shapes.expect_shape(where, "weight", weight, "C", {"C": C})
    if not (np.isfinite(weight) & (weight.real >= 0)).all():
        raise ValueError(f"{where}: weight has an entry that is negative or not finite, expected 0 or more")
    return C, np.asarray(mask & (targets != ignore_index)), weight
