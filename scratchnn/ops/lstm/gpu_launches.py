"""What is launched for an LSTM on the device, rung by rung: the host's side of gpu_cell.py and gpu_persistent.py.

All ``...`` functions fill the nodes of a cache whose arrays lie on the device; all ``..._back`` give the gradients.
"""

from functools import partial
from typing import Any

import numpy as np

from scratchnn import device
from scratchnn.device import pick
from scratchnn.ops.activations.formula import sigmoid, sigmoid_slope, tanh, tanh_slope
from scratchnn.ops.matmul.gpu import product
from scratchnn.ops.matmul.gpu_step import Plan, copy_into, elementwise, go_through, plan

from . import gpu_cell as cell
from . import gpu_persistent as persistent
from .reference import Grads


def _arrays(count, shape, dtype):
    return [device.empty(shape, dtype) for _ in range(count)]


def _rows(array):
    """Give a (T, B, N) array as (T*B, N)."""
    T, B, N = array.shape
    return array.reshape(T * B, N)


def _project(cache, W_x, b):
    """a = x @ W_x + b for all steps at once."""
    product(_rows(cache.x), W_x, bias=b, out=_rows(cache.a))


def _use_up(da, dh0, dc0, cache, W_x):
    """Give all gradients: dx, dW_x, and dW_h with db below it, one product for all steps each."""
    T, B, D = cache.x.shape
    H = W_x.shape[1] // 4
    da, h_prev = _rows(da), _rows(cache.h)[: T * B]
    dx = product(da, W_x, B_turned=True).reshape(T, B, D)
    dW_x = product(_rows(cache.x), da, A_turned=True)
    dW_h = product(h_prev, da, A_turned=True, ones=True)
    return Grads(dx, dh0, dc0, dW_x, dW_h[:H], dW_h[H])


# rungs 3 and 4: all of a step in one launch; all steps in one


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
    common = {"lanes": units, "units": units, "weights": 4, "kept": 4 * units + 4, "together": together}
    return tuple(plan(B, H, dtype, tiles=tiles, **common) for tiles in (1, 4))


def all_steps(h0, c0, params, cache, together=True):
    """Rung 4: one launch for all T where the blocks can wait for each other, one a step where they cannot."""
    dtype, nodes = np.dtype(h0.dtype).type, (cache.i, cache.f, cache.g, cache.o, cache.s, cache.c, cache.h)

    def launch(share, together):
        _project(cache, params.W_x, params.b)
        run = persistent.forward_kernel(dtype, share.rows, share.units, together)[share.launch]
        return run, (cache.a, h0, c0, params.W_h, cache.mask, *nodes)

    def plan_of(together):
        return plans(*h0.shape, dtype, together)[0]

    go_through(cache.f.shape[0], plan_of, launch, partial(fused_cells, h0, c0, params, cache), together)


def all_steps_back(dh, dc_last, cache, params, together=True):
    """Undo ``all_steps``."""
    dtype, nodes = np.dtype(dh.dtype).type, (cache.i, cache.f, cache.g, cache.o, cache.s, cache.c)
    da, dc, dh0 = _carried(dh, dc_last)
    held = device.empty(tuple(dh0.shape), dtype)

    def launch(share, together):
        run = persistent.backward_kernel(dtype, share.rows, share.units, together)[share.launch]
        return run, (dh, dc_last, params.W_h, cache.mask, *nodes, da, dc, held, dh0)

    def plan_of(together):
        return plans(*dh0.shape, dtype, together)[1]

    cells = partial(_cells_back, dh, dc_last, cache, params, da, dc, dh0)
    go_through(dh.shape[0] + 1, plan_of, launch, cells, together)
    return _use_up(da, dh0, dc, cache, params.W_x)


def _carried(dh, dc_last):
    """Make the arrays for all da, and for dc and dh as they go back through time."""
    shape, dtype = tuple(dc_last.shape), dh.dtype
    return device.empty((dh.shape[0], shape[0], 4 * shape[1]), dtype), *_arrays(2, shape, dtype)


each_step, each_step_back = partial(all_steps, together=False), partial(all_steps_back, together=False)  # rung 3


# rung 2: a product and a fused cell a step


def fused_cells(h0, c0, params, cache):
    """Rung 2: a product and a fused cell a step."""
    _project(cache, params.W_x, params.b)
    _begin(h0, c0, cache)
    launch = elementwise(h0.size)
    for t in range(cache.f.shape[0]):
        product(cache.h[t], params.W_h, out=cache.a[t], add=True)
        cell.lstm_kernel_fused_cell[launch](
            cache.a[t], cache.mask[t], cache.c[t], cache.h[t], cache.i[t], cache.f[t], cache.g[t], cache.o[t],
            cache.s[t], cache.c[t + 1], cache.h[t + 1],
        )  # fmt: skip


def fused_cells_back(dh, dc_last, cache, params):
    """Undo ``fused_cells``."""
    da, dc, dh0 = _carried(dh, dc_last)
    _cells_back(dh, dc_last, cache, params, da, dc, dh0)
    return _use_up(da, dh0, dc, cache, params.W_x)


def _cells_back(dh, dc_last, cache, params, da, dc, dh_next):
    copy_into(dc, dc_last)
    copy_into(dh_next, device.zeros(tuple(dc.shape), dc.dtype))
    run = cell.fused_cell_backward_kernel(np.dtype(dh.dtype).type)[elementwise(dc.size)]
    for t in reversed(range(dh.shape[0])):
        run(dh[t], dh_next, dc, cache.mask[t], cache.i[t], cache.f[t], cache.g[t], cache.o[t], cache.s[t],
            cache.c[t], da[t])  # fmt: skip
        product(da[t], params.W_h, B_turned=True, out=dh_next, add=True)


def _begin(h0, c0, cache):
    copy_into(cache.h[0], h0)
    copy_into(cache.c[0], c0)


# rung 1: a launch for each operation


def each_operation(h0, c0, params, cache):
    """Rung 1: a launch for each operation of each step."""
    launch = elementwise(h0.size)
    _begin(h0, c0, cache)
    c_new, h_new = _arrays(2, tuple(h0.shape), h0.dtype)
    for t in range(cache.f.shape[0]):
        a_t, i, f, g, o, s = cache.a[t], cache.i[t], cache.f[t], cache.g[t], cache.o[t], cache.s[t]
        product(cache.x[t], params.W_x, bias=params.b, out=a_t)
        product(cache.h[t], params.W_h, out=a_t, add=True)
        for block, (gate, function) in enumerate(((i, sigmoid), (f, sigmoid), (g, tanh), (o, sigmoid))):
            cell.gate_kernel(function)[launch](a_t, gate, block)
        cell.lstm_kernel_state[launch](f, cache.c[t], i, g, c_new)
        cell.gate_kernel(tanh)[launch](c_new, s, 0)
        cell.lstm_kernel_times[launch](o, s, h_new)
        cell.lstm_kernel_hold[launch](cache.mask[t], c_new, cache.c[t], cache.c[t + 1])
        cell.lstm_kernel_hold[launch](cache.mask[t], h_new, cache.h[t], cache.h[t + 1])


def each_operation_back(dh, dc_last, cache, params):
    """Undo ``each_operation``."""
    T, B, H = dh.shape
    launch, shape, dtype = elementwise(B * H), (B, H), dh.dtype
    zero, dh_next, dc_next = device.zeros(shape, dtype), device.zeros(shape, dtype), device.empty(shape, dtype)
    copy_into(dc_next, dc_last)
    dh_all, dh_t, dc_real, do, ds, dc_t, di, df, dg, dc_prev, dh_prev = _arrays(11, shape, dtype)
    da_t, dx = device.empty((B, 4 * H), dtype), device.empty(tuple(cache.x.shape), dtype)
    dW_x, dW_h = device.zeros(tuple(params.W_x.shape), dtype), device.zeros((H + 1, 4 * H), dtype)
    times, hold = cell.lstm_kernel_times[launch], cell.lstm_kernel_hold[launch]
    for t in reversed(range(T)):
        i, f, g, o, s, real = cache.i[t], cache.f[t], cache.g[t], cache.o[t], cache.s[t], cache.mask[t]
        cell.lstm_kernel_plus[launch](dh[t], dh_next, dh_all)
        hold(real, dh_all, zero, dh_t)
        hold(real, dc_next, zero, dc_real)
        times(dh_t, s, do)
        times(dh_t, o, ds)
        cell.lstm_kernel_into_state[launch](dc_real, ds, s, dc_t)
        times(dc_t, g, di)
        times(dc_t, cache.c[t], df)
        times(dc_t, i, dg)
        times(dc_t, f, dc_prev)
        back = ((di, i, sigmoid_slope), (df, f, sigmoid_slope), (dg, g, tanh_slope), (do, o, sigmoid_slope))
        for block, (d, gate, slope) in enumerate(back):
            cell.before_gate_kernel(slope)[launch](d, gate, da_t, block)
        product(da_t, params.W_x, B_turned=True, out=dx[t])
        product(da_t, params.W_h, B_turned=True, out=dh_prev)
        product(cache.x[t], da_t, A_turned=True, out=dW_x, add=True)
        product(cache.h[t], da_t, A_turned=True, out=dW_h, add=True, ones=True)
        hold(real, dh_prev, dh_all, dh_next)
        hold(real, dc_prev, dc_next, dc_next)
    return Grads(dx, dh_next, dc_next, dW_x, dW_h[:H], dW_h[H])
