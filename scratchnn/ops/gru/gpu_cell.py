"""The GRU's cell in one launch, forward behind the product and back before it: one thread per row and unit.

Memory would be the floor (10 numbers moved for some 20 flops), if a launch did not cost 30 microseconds.
"""

from functools import cache
from typing import Any

from scratchnn.device import cuda, kernel
from scratchnn.ops.activations.formula import sigmoid, sigmoid_slope, tanh, tanh_slope


@cache
def fused_cell_kernel(dtype: Any) -> Any:
    """All of a step behind ``p`` = h_prev @ W_h (B, 3H): equations (1) to (8)."""

    @kernel("f2 f2 f1 b1 f2 f2 f2 f2 f2 f2", registers=64)
    def gru_kernel_fused_cell(p, a_t, b_hn, mask_t, h_prev, m, r, z, n, h_t):
        j = cuda.grid(1)
        B, H = n.shape
        if j < B * H:
            row, unit = j // H, j % H
            a_r, a_z = a_t[row, unit] + p[row, unit], a_t[row, H + unit] + p[row, H + unit]
            m_t = p[row, 2 * H + unit] + b_hn[unit]
            r_t, z_t = sigmoid(a_r), sigmoid(a_z)
            n_t = tanh(a_t[row, 2 * H + unit] + r_t * m_t)
            a_t[row, unit], a_t[row, H + unit] = a_r, a_z
            m[row, unit], r[row, unit], z[row, unit], n[row, unit] = m_t, r_t, z_t, n_t
            h_before = h_prev[row, unit]
            h_t[row, unit] = (dtype(1) - z_t) * n_t + z_t * h_before if mask_t[row] else h_before

    return gru_kernel_fused_cell


@cache
def fused_cell_backward_kernel(dtype: Any) -> Any:
    """All of a step back, (9) to (17). ``dh_next`` takes what goes past the gates; the product is added to it."""

    @kernel("f2 f2 b1 f2 f2 f2 f2 f2 f2 f2", registers=64)
    def gru_kernel_fused_cell_backward(dh_out, dh_next, mask_t, m, r, z, n, h_prev, da_t, da_h):
        j = cuda.grid(1)
        B, H = n.shape
        if j < B * H:
            row, unit = j // H, j % H
            zero = dtype(0)
            dh_t = dh_out[row, unit] + dh_next[row, unit]
            r_t, z_t, n_t = r[row, unit], z[row, unit], n[row, unit]
            real = mask_t[row]
            da_n = dh_t * (dtype(1) - z_t) * tanh_slope(n_t)
            da_r = da_n * m[row, unit] * sigmoid_slope(r_t)
            da_z = dh_t * (h_prev[row, unit] - n_t) * sigmoid_slope(z_t)
            da_r, da_z, da_n = (da_r, da_z, da_n) if real else (zero, zero, zero)
            da_t[row, unit], da_t[row, H + unit], da_t[row, 2 * H + unit] = da_r, da_z, da_n
            da_h[row, unit], da_h[row, H + unit] = da_r, da_z
            da_h[row, 2 * H + unit] = da_n * r_t if real else zero
            dh_next[row, unit] = dh_t * z_t if real else dh_t

    return gru_kernel_fused_cell_backward
