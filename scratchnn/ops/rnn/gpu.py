"""RNN on the device: all steps in one launch. See reference.forward and reference.backward.

Optimizations
-------------
- What does not wait for the step before is one large product for all T: x @ W_x + b, dx, dW_x, and dW_h with db as
  its last row.
- Persistent kernels: a block keeps the columns of W_h of its units in shared memory for all T (gpu_persistent.py).
- All sums run in a fixed order, so two runs agree to the bit.
- W_h too large to be shared out: one product and one cell a step.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from scratchnn import device, shapes
from scratchnn.device import Rung, pick
from scratchnn.ops.matmul.gpu import product
from scratchnn.ops.matmul.gpu_step import Plan, copy_into, elementwise, go_through, plan, real_inputs

from . import gpu_cell, gpu_persistent, reference
from .reference import NONLINEARITIES, Cache, Grads, Params


def forward(x: Any, h0: Any, params: Params, mask: Any = None, *, nonlinearity: str = "tanh") -> Cache:
    """Run an RNN over a batch of sequences. See reference.forward."""
    return _forward(_all_steps, x, h0, params, mask, nonlinearity=nonlinearity)


def backward(dh: Any, cache: Cache, params: Params) -> Grads:
    """Undo ``forward``. See reference.backward."""
    return _backward(_all_steps_back, dh, cache, params)


def _forward(run, x, h0, params, mask=None, *, nonlinearity="tanh"):
    """Check, bring everything to the device, let ``run`` make the steps, and hand the nodes back."""
    T, B, H = reference.check_inputs(x, h0, params)
    shapes.expect_choice("rnn.forward", "nonlinearity", nonlinearity, NONLINEARITIES)
    (x, h0, W_x, W_h, b), home = device.bring("rnn.forward", x, h0, *params)
    x, mask = real_inputs("rnn.forward", x, mask)
    a = product(x.reshape(T * B, x.shape[2]), W_x, bias=b).reshape(T, B, H)
    cache = Cache(x, mask, a, device.empty((T + 1, B, H), x.dtype), nonlinearity)
    run(h0, W_h, cache, NONLINEARITIES.index(nonlinearity))
    return device.back(cache, home)


def _backward(run, dh, cache, params):
    """Check, bring everything to the device, let ``run`` undo the steps, then one product for all of them each."""
    T, B, H = cache.a.shape
    shapes.expect_shape("rnn.backward", "dh", dh, "T B H", {"T": T, "B": B, "H": H})
    (dh, x, h, W_x, W_h, _), home = device.bring("rnn.backward", dh, cache.x, cache.h, *params)
    held = Cache(x, device.to_device(cache.mask), None, h, cache.nonlinearity)
    da, dh0, D = device.empty((T, B, H), x.dtype), device.empty((B, H), x.dtype), x.shape[2]
    run(dh, W_h, held, da, dh0, NONLINEARITIES.index(cache.nonlinearity))
    da = da.reshape(T * B, H)
    dx = product(da, W_x, B_turned=True).reshape(T, B, D)
    dW_x = product(x.reshape(T * B, D), da, A_turned=True)
    dW_h = product(h.reshape((T + 1) * B, H)[: T * B], da, A_turned=True, ones=True)
    return device.back(Grads(dx, dh0, dW_x, dW_h[:H], dW_h[H]), home)


def plans(B: int, H: int, dtype: Any, together: bool) -> Plan:
    """Share out a step's work, the same forward and backward.

    Parameters
    ----------
    B, H : int
    dtype : dtype
    together : bool
        All steps in one launch.

    Returns
    -------
    Plan
    """
    lanes = pick(8, 2)
    units = 4 * lanes
    return plan(B, H, dtype, lanes=lanes, units=units, weights=1, tiles=1, kept=units + 4, together=together)


def _all_steps(h0, W_h, cache, kind, together=True):
    dtype = np.dtype(h0.dtype).type

    def launch(share, together):
        run = gpu_persistent.forward_kernel(dtype, share.rows, share.lanes, together)[share.launch]
        return run, (cache.a, h0, W_h, cache.mask, cache.h, kind)

    def plan_of(together):
        return plans(*h0.shape, dtype, together)

    go_through(cache.a.shape[0], plan_of, launch, partial(_fused_cells, h0, W_h, cache, kind), together)


def _all_steps_back(dh, W_h, cache, da, dh0, kind, together=True):
    dtype, held = np.dtype(dh.dtype).type, device.empty(tuple(dh0.shape), dh0.dtype)

    def launch(share, together):
        run = gpu_persistent.backward_kernel(dtype, share.rows, share.lanes, together)[share.launch]
        return run, (dh, W_h, cache.mask, cache.h, da, held, dh0, kind)

    def plan_of(together):
        return plans(*dh0.shape, dtype, together)

    cells = partial(_fused_cells_back, dh, W_h, cache, da, dh0, kind)
    go_through(dh.shape[0] + 1, plan_of, launch, cells, together)


def _fused_cells(h0, W_h, cache, kind):
    copy_into(cache.h[0], h0)
    run = gpu_cell.rnn_kernel_fused_cell[elementwise(h0.size)]
    for t in range(cache.a.shape[0]):
        product(cache.h[t], W_h, out=cache.a[t], add=True)
        run(cache.a[t], cache.mask[t], cache.h[t], cache.h[t + 1], kind)


def _fused_cells_back(dh, W_h, cache, da, dh0, kind):
    copy_into(dh0, device.zeros(tuple(dh0.shape), dh0.dtype))
    run = gpu_cell.fused_cell_backward_kernel(np.dtype(dh.dtype).type)[elementwise(dh0.size)]
    for t in reversed(range(dh.shape[0])):
        run(dh[t], dh0, cache.mask[t], cache.h[t + 1], da[t], kind)
        product(da[t], W_h, B_turned=True, out=dh0, add=True)


RUNGS = (
    Rung(
        "fused cell",
        "What does not wait for the step before is one product for all T; behind it a launch for the nonlinearity.",
        "2 launches a step each way, and W_h comes from memory at every step.",
        "Launches are the limit: 60 microseconds a step each way.",
        partial(_forward, _fused_cells),
        partial(_backward, _fused_cells_back),
    ),
    Rung(
        "fused step",
        "A block makes the product and the states of its units: h_prev and its slice of W_h lie in shared memory.",
        "Each block reads its slice of W_h again at every step.",
        "One launch of 30 microseconds a step each way.",
        partial(_forward, partial(_all_steps, together=False)),
        partial(_backward, partial(_all_steps_back, together=False)),
    ),
    Rung(
        "persistent",
        "The same kernel goes through all T: W_h stays in shared memory, blocks wait for each other at a barrier.",
        "All blocks must be there at once (a cooperative launch), one on each multiprocessor; fences at the barrier.",
        "2 microseconds a step, 1.5 of them for the barrier. Untimed.",
        forward,
        backward,
    ),
)


def kernels(dtype: Any = np.float32) -> Iterator[device.Kernel]:
    """Give every kernel of this room as it runs on a device. See matmul.gpu.kernels.

    Parameters
    ----------
    dtype : type

    Returns
    -------
    iterator of Kernel
    """
    for together in (False, True):
        yield gpu_persistent.forward_kernel(dtype, 32, 8, together)
        yield gpu_persistent.backward_kernel(dtype, 32, 8, together)
    yield gpu_cell.rnn_kernel_fused_cell
    yield gpu_cell.fused_cell_backward_kernel(dtype)
