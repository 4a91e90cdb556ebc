"""The RNN's nonlinearity in one launch behind the product, and its slope before it: one thread per row and unit."""

from functools import cache
from typing import Any

from scratchnn.device import cuda, kernel
from scratchnn.ops.activations.formula import relu, relu_slope, tanh, tanh_slope


@kernel("f2 b1 f2 f2 i", registers=32)
def rnn_kernel_fused_cell(a_t, mask_t, h_prev, h_t, kind):
    """h_t from a_t, (2) to (4); held over padding. 16 bytes moved for some 20 flops."""
    j = cuda.grid(1)
    B, H = h_t.shape
    if j < B * H:
        row, unit = j // H, j % H
        a = a_t[row, unit]
        y = tanh(a) if kind == 0 else (relu(a) if kind == 1 else a)
        h_t[row, unit] = y if mask_t[row] else h_prev[row, unit]


@cache
def fused_cell_backward_kernel(dtype: Any) -> Any:
    """da_t, (5) to (8). ``dh_next`` takes what goes past, dh_t over padding; the product is added to it."""

    @kernel("f2 f2 b1 f2 f2 i", registers=32)
    def rnn_kernel_fused_cell_backward(dh_out, dh_next, mask_t, h_t, da_t, kind):
        j = cuda.grid(1)
        B, H = h_t.shape
        if j < B * H:
            row, unit = j // H, j % H
            dh_t = dh_out[row, unit] + dh_next[row, unit]
            da = dh_t
            if kind == 0:
                da = dh_t * tanh_slope(h_t[row, unit])
            elif kind == 1:
                da = dh_t * relu_slope(h_t[row, unit])
            da_t[row, unit] = da if mask_t[row] else dtype(0)
            dh_next[row, unit] = dtype(0) if mask_t[row] else dh_t

    return rnn_kernel_fused_cell_backward
