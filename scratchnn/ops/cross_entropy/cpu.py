"""Cross-entropy for the CPU. See reference.forward and reference.backward.

Optimizations
-------------
- One pass over a row of logits while it is in the first-level cache: largest, exp, sum, logarithm, target, loss,
  where NumPy's fifteen operations each cross the whole array and make a new one.
- exp in float32 as arithmetic that LLVM does for 8 or 16 numbers at once (softmax/formula.py).
- The range of the ids is tested in the same pass.
- Rows are split over threads.
"""

import math
import numbers

import numpy as np

from scratchnn import jit
from scratchnn.jit import kernel, wide_vectors
from scratchnn.ops.softmax.formula import exp, largest, total

from . import reference
from .formula import dlogit, smoothed
from .reference import Cache, Grads

BOOL, IDS = np.dtype(bool), np.dtype(np.int64)
FLOPS = 40  # of one entry, as ``jit.split`` counts them


@kernel
def losses_into(
    logits, targets, mask, masked, ignored, weight, on, off, logits_out, targets_out, counts, log_p, y, losses,
    begin, end,
):  # fmt: skip
    """Fill rows of all that the cache keeps; give the counted targets' summed weights, -1 for an id out of range."""
    wide_vectors()
    C = logits.shape[1]
    lowest, zero, weights = logits.dtype.type(-np.inf), logits.dtype.type(0), 0.0
    for row in range(begin, end):
        target = targets[row]
        counted = target != ignored and (not masked or mask[row])
        if counted and not 0 <= target < C:
            return -1.0
        z, e, z_row, y_row = logits[row], log_p[row], logits_out[row], y[row]
        counts[row] = counted
        for k in range(C):
            z_row[k] = z[k] if counted else zero
        shift = largest(z_row, C)
        some = shift != lowest
        if not some:  # -inf throughout, NaN apart
            shift = zero
        for k in range(C):
            e[k] = exp(z_row[k] - shift)
        sum_ = total(e, C)
        log_sum = math.log(sum_) if sum_ != zero else zero
        for k in range(C):
            e[k] = (z_row[k] - shift) - log_sum
        for k in range(C):
            y_row[k] = smoothed(weight[k], zero, off) if counted else zero
        loss = zero
        targets_out[row] = target if counted else 0
        if counted:
            y_row[target] = smoothed(weight[target], on, off)
            weights += weight[target]
            if off == zero:
                if y_row[target] != zero:
                    loss = y_row[target] * -e[target]
            else:
                for k in range(C):
                    loss += y_row[k] * -e[k] if y_row[k] != zero else zero
        losses[row] = loss
    return weights


@kernel
def dlogits_into(given, one_for_all, divisor, mask, log_p, y, dlogits, begin, end):
    """Fill rows of ``dlogits``; ``given[0]`` is for all rows alike if ``one_for_all``."""
    wide_vectors()
    C = y.shape[1]
    for row in range(begin, end):
        d, log_row, y_row = dlogits[row], log_p[row], y[row]
        dloss = given[0 if one_for_all else row] / divisor if mask[row] else y.dtype.type(0)
        y_total = total(y_row, C)
        for k in range(C):
            d[k] = exp(log_row[k])
        for k in range(C):
            d[k] = dlogit(dloss, d[k], y_total, y_row[k])


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
    """Compare logits with class ids. See reference.forward."""
    options = {"mask": mask, "ignore_index": ignore_index, "weight": weight}
    options |= {"label_smoothing": label_smoothing, "reduction": reduction}
    if not _ours(logits, targets, **options):
        return reference.forward(logits, targets, **options)
    dtype, C, rows = logits.dtype, logits.shape[-1], logits.shape[:-1]
    logits_out, log_p, y = (np.empty(logits.shape, dtype) for _ in range(3))
    counts, targets_out, losses = np.empty(rows, bool), np.empty(rows, IDS), np.empty(rows, dtype)
    given = counts if mask is None else jit.plain(np.broadcast_to(mask, rows), BOOL)
    weight = np.ones(C, dtype) if weight is None else jit.plain(weight, dtype)
    smoothing = float(label_smoothing)
    arrays = (
        jit.plain(logits, dtype).reshape(-1, C), jit.plain(targets, IDS).reshape(-1), given.reshape(-1),
        mask is not None, int(ignore_index), weight, dtype.type(1 - smoothing), dtype.type(smoothing / C),
        logits_out.reshape(-1, C), targets_out.reshape(-1), counts.reshape(-1),
        log_p.reshape(-1, C), y.reshape(-1, C), losses.reshape(-1),
    )  # fmt: skip
    parts = jit.split(lambda begin, end: losses_into(*arrays, begin, end), losses.size, FLOPS * logits.size)
    if min(parts) < 0:
        return reference.forward(logits, targets, **options)  # it has the sentence
    divisor = 1.0
    if reduction == "mean":
        divisor = sum(parts) or np.inf
    loss = losses if reduction == "none" else losses.sum() / divisor
    targets_out = targets_out.astype(targets.dtype, copy=False)
    return Cache(logits_out, targets_out, counts, log_p, y, losses, divisor, loss, reduction)


def backward(cache: Cache, dloss: float | np.ndarray = 1.0) -> Grads:
    """Undo ``forward``. See reference.backward."""
    y, log_p, losses = cache.y, cache.log_p, cache.losses
    one = isinstance(dloss, int | float) and not isinstance(dloss, np.generic)
    fits = one or (
        isinstance(dloss, np.ndarray | np.generic)
        and dloss.dtype == y.dtype
        and dloss.shape in ((), np.shape(cache.loss))
    )
    if not fits or y.size == 0 or not y.dtype == log_p.dtype == losses.dtype or y.dtype not in jit.DTYPES:
        return reference.backward(cache, dloss)
    one = one or dloss.shape == ()
    given = jit.plain(np.asarray(dloss, y.dtype).reshape(-1), y.dtype)
    dlogits, C = np.empty(y.shape, y.dtype), y.shape[-1]
    rows = [jit.plain(array, y.dtype).reshape(-1, C) for array in (log_p, y, dlogits)]
    mask = jit.plain(cache.mask, BOOL).reshape(-1)
    divisor = y.dtype.type(cache.divisor)
    jit.split(
        lambda begin, end: dlogits_into(given, one, divisor, mask, *rows, begin, end), mask.size, FLOPS * y.size
    )
    return Grads(logits=dlogits)


def _ours(logits, targets, mask, ignore_index, weight, label_smoothing, reduction):
    """Tell whether the kernels take the arguments; what they do not take, the reference computes or refuses."""
    if not isinstance(logits, np.ndarray) or logits.dtype not in jit.DTYPES or logits.ndim == 0 or logits.size == 0:
        return False
    rows = logits.shape[:-1]
    if not isinstance(targets, np.ndarray) or targets.dtype.kind not in "iu" or targets.dtype == np.uint64:
        return False
    if targets.shape != rows or not isinstance(ignore_index, int) or abs(ignore_index) >= 2**62:
        return False
    if mask is not None and not (isinstance(mask, np.ndarray) and mask.dtype == bool and mask.shape == rows):
        return False
    if weight is not None:
        fits = isinstance(weight, np.ndarray) and weight.dtype == logits.dtype and weight.shape == logits.shape[-1:]
        if not fits or not (np.isfinite(weight) & (weight >= 0)).all():
            return False
    smooth = isinstance(label_smoothing, numbers.Real) and 0 <= label_smoothing <= 1
    return smooth and isinstance(reduction, str) and reduction in reference.REDUCTIONS
