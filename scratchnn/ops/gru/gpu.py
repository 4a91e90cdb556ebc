"""GRU on the device: all steps in one launch. See reference.forward and reference.backward.

Optimizations
-------------
- What does not wait for the step before is one large product for all T: x @ W_x + b, dx, dW_x with db as its last
  row, and dW_h with db_hn below its last block.
- Persistent kernels: a block keeps the columns of W_h of its units in shared memory for all T (gpu_persistent.py).
- All sums run in a fixed order, so two runs agree to the bit.
- W_h too large to be shared out: one product and one fused cell a step.
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
from .reference import Cache, Grads, Params


def forward(x: Any, h0: Any, params: Params, mask: Any = None) -> Cache:
    """Run a GRU over a batch of sequences. See reference.forward."""
    return _forward(_all_steps, x, h0, params, mask)


def backward(dh: Any, cache: Cache, params: Params) -> Grads:
    """Undo ``forward``. See reference.backward."""
    return _backward(_all_steps_back, dh, cache, params)


def _forward(run, x, h0, params, mask=None):
    """Check, bring everything to the device, let ``run`` fill the nodes, and hand them back."""
    T, B, H = reference.check_inputs(x, h0, params)
    (x, h0, *weights), home = device.bring("gru.forward", x, h0, *params)
    x, mask = real_inputs("gru.forward", x, mask)
    m, r, z, n = (device.empty((T, B, H), x.dtype) for _ in range(4))
    a = product(x.reshape(T * B, x.shape[2]), weights[0], bias=weights[2]).reshape(T, B, 3 * H)
    cache = Cache(x, mask, a, m, r, z, n, device.empty((T + 1, B, H), x.dtype))
    run(h0, Params(*weights), cache)
    return device.back(cache, home)


def _backward(run, dh, cache, params):
    """Check, bring everything to the device, let ``run`` undo the steps, then one product for all of them each."""
    T, B, H = cache.n.shape
    shapes.expect_shape("gru.backward", "dh", dh, "T B H", {"T": T, "B": B, "H": H})
    nodes = (cache.x, cache.m, cache.r, cache.z, cache.n, cache.h)
    (dh, x, *nodes), home = device.bring("gru.backward", dh, *nodes, *params)
    params, D, dtype = Params(*nodes[-4:]), x.shape[2], x.dtype
    held = Cache(x, device.to_device(cache.mask), None, *nodes[:-4])
    da, da_h, dh0 = (
        device.empty((T, B, 3 * H), dtype),
        device.empty((T, B, 3 * H), dtype),
        device.empty((B, H), dtype),
    )
    run(dh, params, held, da, da_h, dh0)
    da, da_h = da.reshape(T * B, 3 * H), da_h.reshape(T * B, 3 * H)
    dx = product(da, params.W_x, B_turned=True).reshape(T, B, D)
    dW_x = product(x.reshape(T * B, D), da, A_turned=True, ones=True)
    dW_h = product(held.h.reshape((T + 1) * B, H)[: T * B], da_h, A_turned=True, ones=True)
    return device.back(Grads(dx, dh0, dW_x[:D], dW_h[:H], dW_x[D], dW_h[H][2 * H :]), home)


def plans(B: int, H: int, dtype: Any, together: bool) -> tuple[Plan, Plan]:
    """Share out a step's work, forward and backward.

    Parameters
    ----------
    B, H : int
    dtype : dtype
    together : bool
        All steps in one launch.

    Returns
    -------
    tuple of Plan
    """
    units = pick(8, 4)
    common = {"lanes": units, "units": units, "kept": 4 * units + 4, "together": together}
    return plan(B, H, dtype, weights=4, tiles=1, **common), plan(B, H, dtype, weights=3, tiles=3, **common)


def _all_steps(h0, params, cache, together=True):
    dtype = np.dtype(h0.dtype).type
    nodes = (cache.mask, cache.m, cache.r, cache.z, cache.n, cache.h)

    def launch(share, together):
        run = gpu_persistent.forward_kernel(dtype, share.rows, share.units, together)[share.launch]
        return run, (cache.a, h0, params.W_h, params.b_hn, *nodes)

    def plan_of(together):
        return plans(*h0.shape, dtype, together)[0]

    go_through(cache.n.shape[0], plan_of, launch, partial(_fused_cells, h0, params, cache), together)


def _all_steps_back(dh, params, cache, da, da_h, dh0, together=True):
    dtype, held = np.dtype(dh.dtype).type, device.empty(tuple(dh0.shape), dh0.dtype)
    nodes = (cache.mask, cache.m, cache.r, cache.z, cache.n, cache.h)

    def launch(share, together):
        run = gpu_persistent.backward_kernel(dtype, share.rows, share.units, together)[share.launch]
        return run, (dh, params.W_h, *nodes, da, da_h, held, dh0)

    def plan_of(together):
        return plans(*dh0.shape, dtype, together)[1]

    cells = partial(_fused_cells_back, dh, params, cache, da, da_h, dh0)
    go_through(dh.shape[0] + 1, plan_of, launch, cells, together)


def _fused_cells(h0, params, cache):
    (B, H), dtype = h0.shape, np.dtype(h0.dtype)
    copy_into(cache.h[0], h0)
    p, run = device.empty((B, 3 * H), dtype), gpu_cell.fused_cell_kernel(dtype.type)[elementwise(B * H)]
    for t in range(cache.n.shape[0]):
        product(cache.h[t], params.W_h, out=p)
        run(p, cache.a[t], params.b_hn, cache.mask[t], cache.h[t], cache.m[t], cache.r[t], cache.z[t], cache.n[t],
            cache.h[t + 1])  # fmt: skip


def _fused_cells_back(dh, params, cache, da, da_h, dh0):
    (B, H), dtype = dh0.shape, np.dtype(dh0.dtype)
    copy_into(dh0, device.zeros((B, H), dtype))
    run = gpu_cell.fused_cell_backward_kernel(dtype.type)[elementwise(B * H)]
    for t in reversed(range(dh.shape[0])):
        run(dh[t], dh0, cache.mask[t], cache.m[t], cache.r[t], cache.z[t], cache.n[t], cache.h[t], da[t], da_h[t])
        product(da_h[t], params.W_h, B_turned=True, out=dh0, add=True)


RUNGS = (
    Rung(
        "fused cell",
        "What does not wait for the step before is one product for all T; a cell is one launch, in registers.",
        "2 launches a step each way, and W_h comes from memory at every step.",
        "Launches are the limit: 60 microseconds a step each way.",
        partial(_forward, _fused_cells),
        partial(_backward, _fused_cells_back),
    ),
    Rung(
        "fused step",
        "A block makes both the product and the cell of its units: h_prev and its slice of W_h lie in shared memory.",
        "A quarter of W_h's room in shared memory is left empty: three gates, but reads of four numbers.",
        "One launch of 30 microseconds a step each way.",
        partial(_forward, partial(_all_steps, together=False)),
        partial(_backward, partial(_all_steps_back, together=False)),
    ),
    Rung(
        "persistent",
        "The same kernel goes through all T: W_h stays in shared memory, blocks wait for each other at a barrier.",
        "All blocks must be there at once (a cooperative launch), one on each multiprocessor; fences at the barrier.",
        "2 to 4 microseconds a step: 1.5 for the barrier, then shared memory. Untimed.",
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
    yield gpu_cell.fused_cell_kernel(dtype)
    yield gpu_cell.fused_cell_backward_kernel(dtype)
