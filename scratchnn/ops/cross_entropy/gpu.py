"""Cross-entropy for the GPU. See reference.forward and reference.backward.

Optimizations
-------------
- One block a row: largest, exponentials, logarithm, smoothed target and loss in one kernel.
- The sum of the losses and the divisor stay on the device, where backward reads them: no step waits for the host.
- Backward is one kernel; the softmax is undone in it.
Bound by memory, and at a few classes by the launches (forward: two, backward: one).
"""

import math
from functools import partial

import numpy as np

from scratchnn import arrays, device, shapes
from scratchnn.device import cuda, kernel
from scratchnn.ops.softmax.gpu import threads_of_row
from scratchnn.ops.softmax.gpu_rows import THREADS, largest_of_block, sum_of_block

from . import reference
from .formula import dlogit, smoothed
from .reference import Cache, Grads


@kernel("f2 i1 b1 b i f1 b f f f2 i1 b1 f2 f2 f1 f1 i1", registers=48)
def cross_entropy_kernel_losses(
    logits, targets, mask, masked, ignored, weight, weighted, on, off, logits_out, targets_out, counts, log_p, y,
    losses, weights, outside,
):  # fmt: skip
    """Fill what the cache keeps of each row, and the weight of its target; a wrong id is noted in ``outside``."""
    part = cuda.shared.array(THREADS, logits.dtype)
    row, first, step, C = cuda.blockIdx.x, cuda.threadIdx.x, cuda.blockDim.x, logits.shape[1]
    zero, one, lowest = logits.dtype.type(0), logits.dtype.type(1), logits.dtype.type(-math.inf)
    target = targets[row]
    counted = target != ignored and (not masked or mask[row])
    if counted and (target < 0 or target >= C):
        outside[0] = row + 1
        counted = False
    if not counted:
        target = 0
    most = lowest
    for k in range(first, C, step):
        here = logits[row, k] if counted else zero
        logits_out[row, k] = here
        if here != lowest:
            most = max(most, here)
    shift = largest_of_block(part, most)
    if shift == lowest:
        shift = zero
    e_sum = zero
    for k in range(first, C, step):
        e_sum += math.exp(logits_out[row, k] - shift)
    total = sum_of_block(part, e_sum)
    log_total = math.log(total) if total != zero else zero
    loss = zero
    for k in range(first, C, step):
        log_p[row, k] = (logits_out[row, k] - shift) - log_total
        share = weight[k] if weighted else one
        y_k = smoothed(share, on if k == target else zero, off) if counted else zero
        y[row, k] = y_k
        if y_k != zero:
            loss -= y_k * log_p[row, k]
    loss = sum_of_block(part, loss)
    if first == 0:
        counts[row] = counted
        targets_out[row] = target
        losses[row] = loss
        weights[row] = zero if not counted else weight[target] if weighted else one


@kernel("f1 f1 b f1 f1", registers=40)
def cross_entropy_kernel_mean(losses, weights, by_weight, loss, divisor):
    """Give the divisor and the sum of the losses over it."""
    part = cuda.shared.array(THREADS, losses.dtype)
    first, step = cuda.threadIdx.x, cuda.blockDim.x
    zero = losses.dtype.type(0)
    loss_sum = weight_sum = zero
    for row in range(first, losses.size, step):
        loss_sum += losses[row]
        weight_sum += weights[row]
    loss_sum = sum_of_block(part, loss_sum)
    weight_sum = sum_of_block(part, weight_sum)
    if first == 0:
        by = losses.dtype.type(1)
        if by_weight:
            by = weight_sum if weight_sum > zero else losses.dtype.type(math.inf)
        divisor[0] = by
        loss[0] = loss_sum / by


@kernel("f1 b f1 b1 f2 f2 f2", registers=40)
def cross_entropy_kernel_dlogits(given, one_for_all, divisor, mask, log_p, y, dlogits):
    """Fill ``dlogits``; ``given[0]`` is for all rows alike if ``one_for_all``."""
    part = cuda.shared.array(THREADS, y.dtype)
    row, first, step = cuda.blockIdx.x, cuda.threadIdx.x, cuda.blockDim.x
    zero = y.dtype.type(0)
    held = zero
    for k in range(first, y.shape[1], step):
        held += y[row, k]
    y_total = sum_of_block(part, held)
    dloss = given[0 if one_for_all else row] / divisor[0] if mask[row] else zero
    for k in range(first, y.shape[1], step):
        dlogits[row, k] = dlogit(dloss, math.exp(log_p[row, k]), y_total, y[row, k])


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
    """Compare logits with class ids. See reference.forward.

    On the device ``divisor`` is an array of one number, and so is ``loss`` but with reduction "none". A target on the
    device that is no class does not count, and is an error with the next copy to the host.
    """
    smoothing = reference._check_smoothing(label_smoothing)
    C, rows = _check(logits, targets, mask, ignore_index, weight, reduction)
    (logits,), home = device.bring("cross_entropy.forward", logits)
    home = home and not any(map(device.on_device, (targets, mask, weight)))
    dtype, shape, n = logits.dtype, tuple(logits.shape), logits.size // C
    checked, ids = isinstance(targets, np.ndarray), targets.dtype
    logits_out, log_p, y = (device.empty((n, C), dtype) for _ in range(3))
    targets_out, counts = device.empty(n, np.int64), device.empty(n, bool)
    losses, weights = device.empty(n, dtype), device.empty(n, dtype)
    loss, divisor, outside = device.empty(1, dtype), device.empty(1, dtype), device.zeros(1, np.int64)
    given = counts if mask is None else arrays.spread(device.to_device(mask), rows).reshape(n)
    heavy = losses if weight is None else device.to_device(weight, dtype)
    numbers = int(ignore_index), heavy, weight is not None, dtype.type(1 - smoothing), dtype.type(smoothing / C)
    if n:
        cross_entropy_kernel_losses[n, threads_of_row(C)](
            logits.reshape(n, C), _ids(targets).reshape(n), given, mask is not None, *numbers,
            logits_out, targets_out, counts, log_p, y, losses, weights, outside,
        )  # fmt: skip
    cross_entropy_kernel_mean[1, threads_of_row(n)](losses, weights, reduction == "mean", loss, divisor)
    if not checked:
        device.check_later(outside, partial(_error, rows, C))
    rowwise = (targets_out.reshape(*rows), counts.reshape(*rows))
    wide = (log_p.reshape(*shape), y.reshape(*shape))
    losses = losses.reshape(*rows)
    if not home:
        total = losses if reduction == "none" else loss
        return Cache(logits_out.reshape(*shape), *rowwise, *wide, losses, divisor, total, reduction)
    targets_out, counts, log_p, y, losses, loss, divisor = device.to_host((*rowwise, *wide, losses, loss, divisor))
    total = losses if reduction == "none" else loss[0]
    logits_out, targets_out = device.to_host(logits_out.reshape(*shape)), targets_out.astype(ids, copy=False)
    return Cache(logits_out, targets_out, counts, log_p, y, losses, float(divisor[0]), total, reduction)


def backward(cache: Cache, dloss: float | np.ndarray = 1.0) -> Grads:
    """Undo ``forward``. See reference.backward."""
    one = np.ndim(dloss) == 0 if not device.on_device(dloss) else dloss.size == 1 and cache.reduction != "none"
    if not one and tuple(dloss.shape) != tuple(cache.losses.shape if cache.reduction == "none" else ()):
        expected = tuple(np.shape(cache.loss)) if cache.reduction == "none" else ()
        raise ValueError(
            f"cross_entropy.backward: dloss has shape {tuple(dloss.shape)}, expected the loss's {expected}"
        )
    (log_p, y), home = device.bring("cross_entropy.backward", cache.log_p, cache.y)
    home = home and not device.on_device(dloss)
    dtype, shape, C = y.dtype, tuple(y.shape), y.shape[-1]
    n = y.size // C
    given, divisor = _number(dloss, dtype), _number(cache.divisor, dtype)
    mask, dlogits = device.to_device(cache.mask).reshape(n), device.empty((n, C), dtype)
    if n:
        flat = mask, log_p.reshape(n, C), y.reshape(n, C), dlogits
        cross_entropy_kernel_dlogits[n, threads_of_row(C)](given.reshape(given.size), one, divisor, *flat)
    return device.back(Grads(logits=dlogits.reshape(*shape)), home)


def kernels() -> list:
    """List the kernels of this file, for the tests that compile them."""
    return [cross_entropy_kernel_losses, cross_entropy_kernel_mean, cross_entropy_kernel_dlogits]


def _error(rows, C, wrong):
    at = [int(k) for k in np.unravel_index(wrong - 1, rows)]
    return ValueError(f"cross_entropy.forward: targets{at} is outside the classes, expected 0 to {C - 1}")


def _number(value, dtype):
    """Give a number, or an array, on the device; a number is made there, not copied."""
    if device.on_device(value):
        return value
    return device.zeros(1, dtype, value) if np.ndim(value) == 0 else device.to_device(value, dtype)


def _ids(targets):
    return targets if device.on_device(targets) and targets.dtype == np.int64 else device.to_device(targets, np.int64)


def _check(logits, targets, mask, ignore_index, weight, reduction):
    """Raise the reference's sentences; entries of device arrays are not looked at here."""
    if all(array is None or isinstance(array, np.ndarray) for array in (logits, targets, mask, weight)):
        C, _, _ = reference._check_inputs(logits, targets, mask, ignore_index, weight, reduction)
        return C, logits.shape[:-1]
    where = "cross_entropy.forward"
    shapes.expect_float(where, "logits", logits)
    C, rows = logits.shape[-1], tuple(logits.shape[:-1])
    if shapes.is_array(targets) and tuple(targets.shape) != rows:
        raise ValueError(f"{where}: targets has shape {tuple(targets.shape)}, expected logits' without C = {rows}")
    if mask is not None:
        shapes.expect_mask(where, "mask", mask, rows)
    seen = targets
    if isinstance(targets, np.ndarray) and isinstance(mask, np.ndarray):
        seen = np.where(mask, targets, 0)
    shapes.expect_ids(where, "targets", seen, C, allowed=(ignore_index,))
    shapes.expect_choice(where, "reduction", reduction, reference.REDUCTIONS)
    if weight is not None:
        shapes.expect_shape(where, "weight", weight, "C", {"C": C})
        if isinstance(weight, np.ndarray) and not (np.isfinite(weight) & (weight >= 0)).all():
            raise ValueError(f"{where}: weight has an entry that is negative or not finite, expected 0 or more")
    return C, rows
