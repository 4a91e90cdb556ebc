"""LSTM on the device: all steps in one launch. See reference.forward and reference.backward.

Optimizations
-------------
- What does not wait for the step before is one large product for all T: x @ W_x + b, dx, dW_x, and dW_h with db as
  its last row.
- Persistent kernels: a block keeps the columns of W_h of its units in shared memory for all T, forward and backward;
  between two steps stands a barrier of 1.5 microseconds instead of a launch of 30 (gpu_persistent.py).
- 3 launches forward and 4 to 6 backward, whatever T is; all sums run in a fixed order, so two runs agree to the bit.
- W_h too large to be shared out (H above some 1,500 in float32): one product and one fused cell a step.

The ladder up to here is in ``RUNGS``.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from scratchnn import device, shapes
from scratchnn.device import Rung
from scratchnn.ops.activations.formula import sigmoid, sigmoid_slope, tanh, tanh_slope
from scratchnn.ops.matmul.gpu_step import real_inputs

from . import gpu_cell, gpu_launches, gpu_persistent, reference
from .reference import Cache, Grads, Params


def forward(x: Any, h0: Any, c0: Any, params: Params, mask: Any = None) -> Cache:
    """Run an LSTM over a batch of sequences. See reference.forward."""
    return _forward(gpu_launches.all_steps, x, h0, c0, params, mask)


def backward(dh: Any, dc_last: Any, cache: Cache, params: Params) -> Grads:
    """Undo ``forward``. See reference.backward."""
    return _backward(gpu_launches.all_steps_back, dh, dc_last, cache, params)


def _forward(run, x, h0, c0, params, mask=None):
    """Check, bring everything to the device, let ``run`` fill the nodes, and hand them back."""
    T, B, H = reference.check_inputs(x, h0, c0, params)
    (x, h0, c0, *weights), home = device.bring("lstm.forward", x, h0, c0, *params)
    x, mask = real_inputs("lstm.forward", x, mask)
    wide, narrow, longer = (T, B, 4 * H), (T, B, H), (T + 1, B, H)
    a, i, f, g, o, s, c, h = (device.empty(shape, x.dtype) for shape in (wide, *[narrow] * 5, *[longer] * 2))
    cache = Cache(x, mask, a, i, f, g, o, s, c, h)
    run(h0, c0, Params(*weights), cache)
    return device.back(cache, home)


def _backward(run, dh, dc_last, cache, params):
    T, B, H = cache.f.shape
    shapes.expect_shape("lstm.backward", "dh", dh, "T B H", {"T": T, "B": B, "H": H})
    shapes.expect_shape("lstm.backward", "dc_last", dc_last, "B H", {"B": B, "H": H})
    nodes = (cache.x, cache.i, cache.f, cache.g, cache.o, cache.s, cache.c, cache.h)
    (dh, dc_last, x, *nodes), home = device.bring("lstm.backward", dh, dc_last, *nodes, *params)
    held = Cache(x, device.to_device(cache.mask), None, *nodes[:-3])
    return device.back(run(dh, dc_last, held, Params(*nodes[-3:])), home)


RUNGS = (
    Rung(
        "operations",
        "The reference, line by line: one launch for each operation of each step.",
        "11 launches a step forward and 20 back; each reads and writes whole arrays for one flop a number.",
        "Launches are the limit: about 1 ms a step, whatever the sizes; the device is idle nearly all the time.",
        partial(_forward, gpu_launches.each_operation),
        partial(_backward, gpu_launches.each_operation_back),
    ),
    Rung(
        "fused cell",
        "What does not wait for the step before is one product for all T; a cell is one launch, in registers.",
        "An array of all da. Still 2 launches a step each way, and W_h comes from memory at every step.",
        "Launches are the limit: 60 microseconds a step each way, so 12 ms at T = 100 where cuDNN takes 1 or 2.",
        partial(_forward, gpu_launches.fused_cells),
        partial(_backward, gpu_launches.fused_cells_back),
    ),
    Rung(
        "fused step",
        "A block makes both the product and the cell of its units: h_prev and its slice of W_h lie in shared memory.",
        "Each block reads its slice of W_h again at every step; sums change hands so that writes are neighbours.",
        "One launch of 30 microseconds a step each way.",
        partial(_forward, gpu_launches.each_step),
        partial(_backward, gpu_launches.each_step_back),
    ),
    Rung(
        "persistent",
        "The same kernel goes through all T: W_h stays in shared memory, blocks wait for each other at a barrier.",
        "All blocks must be there at once (a cooperative launch), one on each multiprocessor; fences at the barrier.",
        "2 to 4 microseconds a step: 1.5 for the barrier, then shared memory. Only this can reach cuDNN. Untimed.",
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
    yield from (found for found in vars(gpu_cell).values() if isinstance(found, device.Kernel))
    yield gpu_cell.fused_cell_backward_kernel(dtype)
    for function, slope in ((sigmoid, sigmoid_slope), (tanh, tanh_slope)):
        yield gpu_cell.gate_kernel(function)
        yield gpu_cell.before_gate_kernel(slope)
