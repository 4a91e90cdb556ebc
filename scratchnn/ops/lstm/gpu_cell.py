"""The LSTM's first two rungs on the device: a launch for each operation of each step, and one for a whole cell.

All kernels here are elementwise: one thread per row and unit, ``j = row * H + unit``. None does more than a few flops
for each number it moves, so memory would be the floor (4 bytes a number at 3.3 TB/s: B = 64, H = 128 moves 33 KB an
array, 10 ns) if a launch did not cost 30 microseconds. So it is launches that are counted here.
"""

from functools import cache
from typing import Any

from scratchnn.device import cuda, kernel
from scratchnn.ops.activations.formula import sigmoid, sigmoid_slope, tanh, tanh_slope


@cache
def gate_kernel(function: Any) -> Any:
    """A gate from its block of a_t: (2) to (5); also (7), where there is one block."""

    @kernel("f2 f2 i", registers=48)
    def lstm_kernel_gate(a_t, y, block):
        j = cuda.grid(1)
        B, H = y.shape
        if j < B * H:
            y[j // H, j % H] = function(a_t[j // H, block * H + j % H])

    return lstm_kernel_gate


@kernel("f2 f2 f2 f2 f2", registers=48)
def lstm_kernel_state(f, c_prev, i, g, c_t):
    """The cell state: (6)."""
    j = cuda.grid(1)
    B, H = c_t.shape
    if j < B * H:
        row, unit = j // H, j % H
        c_t[row, unit] = f[row, unit] * c_prev[row, unit] + i[row, unit] * g[row, unit]


@kernel("f2 f2 f2", registers=48)
def lstm_kernel_times(p, q, y):
    """A product: (8), (10), (11), (13) to (16)."""
    j = cuda.grid(1)
    B, H = y.shape
    if j < B * H:
        row, unit = j // H, j % H
        y[row, unit] = p[row, unit] * q[row, unit]


@kernel("f2 f2 f2", registers=48)
def lstm_kernel_plus(p, q, y):
    """A sum: (9)."""
    j = cuda.grid(1)
    B, H = y.shape
    if j < B * H:
        row, unit = j // H, j % H
        y[row, unit] = p[row, unit] + q[row, unit]


@kernel("b1 f2 f2 f2", registers=48)
def lstm_kernel_hold(mask_t, p, q, y):
    """Where the mask says so p, elsewhere q: states are held over padding."""
    j = cuda.grid(1)
    B, H = y.shape
    if j < B * H:
        row, unit = j // H, j % H
        y[row, unit] = p[row, unit] if mask_t[row] else q[row, unit]


@kernel("f2 f2 f2 f2", registers=48)
def lstm_kernel_into_state(dc_next, ds, s, dc_t):
    """The two paths into c_t: (12)."""
    j = cuda.grid(1)
    B, H = dc_t.shape
    if j < B * H:
        row, unit = j // H, j % H
        dc_t[row, unit] = dc_next[row, unit] + ds[row, unit] * tanh_slope(s[row, unit])


@cache
def before_gate_kernel(slope: Any) -> Any:
    """Back through a gate into its block of da_t: (17) to (21)."""

    @kernel("f2 f2 f2 i", registers=48)
    def lstm_kernel_before_gate(d, y, da_t, block):
        j = cuda.grid(1)
        B, H = y.shape
        if j < B * H:
            row, unit = j // H, j % H
            da_t[row, block * H + unit] = d[row, unit] * slope(y[row, unit])

    return lstm_kernel_before_gate


@kernel("f2 b1 f2 f2 f2 f2 f2 f2 f2 f2 f2", registers=64)
def lstm_kernel_fused_cell(a_t, mask_t, c_prev, h_prev, i, f, g, o, s, c_t, h_t):
    """All of a step behind the product, (2) to (8): everything between a_t and h_t stays in registers."""
    j = cuda.grid(1)
    B, H = s.shape
    if j < B * H:
        row, unit = j // H, j % H
        i_t, f_t = sigmoid(a_t[row, unit]), sigmoid(a_t[row, H + unit])
        g_t, o_t = tanh(a_t[row, 2 * H + unit]), sigmoid(a_t[row, 3 * H + unit])
        c_new = f_t * c_prev[row, unit] + i_t * g_t
        s_t = tanh(c_new)
        i[row, unit], f[row, unit], g[row, unit], o[row, unit], s[row, unit] = i_t, f_t, g_t, o_t, s_t
        c_t[row, unit] = c_new if mask_t[row] else c_prev[row, unit]
        h_t[row, unit] = o_t * s_t if mask_t[row] else h_prev[row, unit]


@cache
def fused_cell_backward_kernel(dtype: Any) -> Any:
    """All of a step back, (9) to (21). ``dc`` holds dc_next and takes dc_prev.

    ``dh_next`` takes what goes past the gates, dh_t over padding; the product with W_h.T is added to it.
    """

    @kernel("f2 f2 f2 b1 f2 f2 f2 f2 f2 f2 f2", registers=64)
    def lstm_kernel_fused_cell_backward(dh_out, dh_next, dc, mask_t, i, f, g, o, s, c_prev, da_t):
        j = cuda.grid(1)
        B, H = s.shape
        if j < B * H:
            row, unit = j // H, j % H
            zero = dtype(0)
            dh_t, dc_next = dh_out[row, unit] + dh_next[row, unit], dc[row, unit]
            i_t, f_t, g_t, o_t, s_t = i[row, unit], f[row, unit], g[row, unit], o[row, unit], s[row, unit]
            real = mask_t[row]
            dc_t = dc_next + dh_t * o_t * tanh_slope(s_t)
            da_i, da_f = dc_t * g_t * sigmoid_slope(i_t), dc_t * c_prev[row, unit] * sigmoid_slope(f_t)
            da_g, da_o = dc_t * i_t * tanh_slope(g_t), dh_t * s_t * sigmoid_slope(o_t)
            da_t[row, unit], da_t[row, H + unit] = (da_i, da_f) if real else (zero, zero)
            da_t[row, 2 * H + unit], da_t[row, 3 * H + unit] = (da_g, da_o) if real else (zero, zero)
            dc[row, unit] = dc_t * f_t if real else dc_next
            dh_next[row, unit] = zero if real else dh_t

    return lstm_kernel_fused_cell_backward
