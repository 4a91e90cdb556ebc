"""A whole step of the GRU in one launch, or all steps in one: W_h stays on the chip, one barrier a step.

As the LSTM's (ops/lstm/gpu_persistent.py), but the candidate takes h_prev through m = h_prev @ W_hn + b_hn and only
then the reset gate, so m is kept apart from a_n. Backward, what came through x wants da_r da_z da_n, what came by h
wants da_r da_z dm: both are written. And h_t takes h_prev past the gates as well: z * dh_t is ``held`` for the step
before.

Count (float32, a step): 6 B H**2 flops each way; B H read by every block forward, 3 B H backward.
"""

from functools import cache
from typing import Any

from scratchnn.device import cuda, kernel
from scratchnn.device.instructions import wait_for
from scratchnn.ops.activations.formula import sigmoid, sigmoid_slope, tanh, tanh_slope
from scratchnn.ops.matmul.gpu_step import four_sums_into


@cache
def forward_kernel(dtype: Any, rows: int, units: int, persistent: bool) -> Any:
    """Steps begin..end. ``a`` (T, B, 3H) holds x @ W_x + b; its blocks r and z take h_prev @ W_h, m has the third."""
    threads, kept = rows * units, 4 * units + 4

    @kernel("f3 f2 f2 f1 b2 f3 f3 f3 f3 f3 i i i i u1 i", registers=192, shared=160 * 1024, waits=persistent)
    def gru_kernel_forward_step(
        a, h0, W_h, b_hn, mask, m, r, z, n, h, begin, end, share, deep, arrived, place
    ):  # fmt: skip
        memory = cuda.shared.array(0, dtype, alignment=16)
        lane, own = cuda.threadIdx.x, cuda.threadIdx.y
        thread = own * rows + lane
        B, H = h0.shape
        H4, zero, one, pitch = (H + 3) // 4 * 4, dtype(0), dtype(1), deep + 4
        first_unit, first_row = cuda.blockIdx.x * units, cuda.blockIdx.y * share
        tile = 4 * units * H4
        sums = tile + rows * pitch
        for e in range(thread, 4 * units * H4, threads):  # this slice of W_h: unit, k, r z n and nothing
            u, gate, k = e % units, e // units % 4, e // (4 * units)
            inside = first_unit + u < H and k < H and gate < 3
            memory[(u * H4 + k) * 4 + gate] = W_h[k, gate * H + first_unit + u] if inside else zero
        if persistent:
            cuda.cg.this_grid().sync()  # makes the launch a cooperative one: all blocks are there, or it is refused
        for t in range(begin, end):
            h_prev = h0 if t == 0 else h[t]
            for row0 in range(first_row, min(first_row + share, B), rows):
                row, unit = row0 + thread // units, first_unit + thread % units
                a_r, a_z, a_n, h_before = zero, zero, zero, zero
                if row < B and unit < H:  # asked for before the product, there behind it
                    a_r, a_z, a_n = a[t, row, unit], a[t, row, H + unit], a[t, row, 2 * H + unit]
                    h_before = h_prev[row, unit]
                four_sums_into(
                    memory, tile, pitch, sums + lane * kept + 4 * own, h_prev, row0, rows, 1, 0, H, deep,
                    4 * own * H4, lane, own, units, zero,
                )  # fmt: skip
                if row < B and unit < H:
                    at = sums + thread // units * kept + thread % units * 4
                    a_r, a_z = a_r + memory[at], a_z + memory[at + 1]
                    m_t = memory[at + 2] + b_hn[unit]
                    r_t, z_t = sigmoid(a_r), sigmoid(a_z)
                    n_t = tanh(a_n + r_t * m_t)
                    a[t, row, unit], a[t, row, H + unit] = a_r, a_z
                    m[t, row, unit], r[t, row, unit], z[t, row, unit], n[t, row, unit] = m_t, r_t, z_t, n_t
                    h_t = (one - z_t) * n_t + z_t * h_before
                    h[t + 1, row, unit] = h_t if mask[t, row] else h_before
                    if t == 0:
                        h[0, row, unit] = h_before
            if persistent and t + 1 < end:
                wait_for(arrived, place + cuda.blockIdx.y, (t - begin + 1) * cuda.gridDim.x)

    return gru_kernel_forward_step


@cache
def backward_kernel(dtype: Any, rows: int, units: int, persistent: bool) -> Any:
    """Turns begin..end of T+1: turn k undoes step t = T-1-k; the last only carries on to dh0.

    ``da`` takes da_r da_z da_n, ``da_h`` da_r da_z dm: each gate's product along da_h has its own threads, which sum
    four units each; the three partial sums are added in a fixed order.
    """
    threads, kept, fours = rows * units, 4 * units + 4, units // 4

    @kernel("f3 f2 b2 f3 f3 f3 f3 f3 f3 f3 f2 f2 i i i i u1 i", registers=192, shared=160 * 1024, waits=persistent)
    def gru_kernel_backward_step(
        dh, W_h, mask, m, r, z, n, h, da, da_h, held, dh0, begin, end, share, deep, arrived, place
    ):  # fmt: skip
        memory = cuda.shared.array(0, dtype, alignment=16)
        lane, own = cuda.threadIdx.x, cuda.threadIdx.y
        thread, gate, four = own * rows + lane, own // fours, own % fours
        column = gate * units + 4 * four
        T, B, H = n.shape
        H4, zero, one, pitch = (H + 3) // 4 * 4, dtype(0), dtype(1), deep + 4
        first_unit, first_row = cuda.blockIdx.x * units, cuda.blockIdx.y * share
        tile = 3 * units * H4
        sums = tile + 3 * rows * pitch
        for e in range(thread, 3 * units * H4, threads):  # rows of W_h: gate, four units, k
            k, u, q = e % H4, e // H4 % units, e // (H4 * units)
            inside = first_unit + u < H and k < H
            memory[((q * fours + u // 4) * H4 + k) * 4 + u % 4] = W_h[first_unit + u, q * H + k] if inside else zero
        if persistent:
            cuda.cg.this_grid().sync()
        for turn in range(begin, end):
            t = T - 1 - turn
            for row0 in range(first_row, min(first_row + share, B), rows):
                row, unit = row0 + thread // units, first_unit + thread % units
                dh_t, m_t, r_t, z_t, n_t, h_before, real = zero, zero, zero, zero, zero, zero, False
                if t >= 0 and row < B and unit < H:  # asked for before the product, there behind it
                    dh_t, h_before, real = dh[t, row, unit], h[t, row, unit], mask[t, row]
                    m_t, r_t, z_t, n_t = m[t, row, unit], r[t, row, unit], z[t, row, unit], n[t, row, unit]
                if turn > 0:
                    four_sums_into(
                        memory, tile, pitch, sums + lane * kept + column, da_h[t + 1], row0, rows, 3, gate, H, deep,
                        4 * (gate * fours + four) * H4, lane, own, units, zero,
                    )  # fmt: skip
                if row < B and unit < H:
                    dh_next = zero
                    if turn > 0:
                        at = sums + thread // units * kept + thread % units
                        dh_next = held[row, unit] + memory[at] + memory[at + units] + memory[at + 2 * units]
                    if t < 0:
                        dh0[row, unit] = dh_next
                    else:
                        dh_t = dh_t + dh_next
                        da_n = dh_t * (one - z_t) * tanh_slope(n_t)
                        da_r = da_n * m_t * sigmoid_slope(r_t)
                        da_z = dh_t * (h_before - n_t) * sigmoid_slope(z_t)
                        da_r, da_z, da_n = (da_r, da_z, da_n) if real else (zero, zero, zero)
                        da[t, row, unit], da[t, row, H + unit], da[t, row, 2 * H + unit] = da_r, da_z, da_n
                        da_h[t, row, unit], da_h[t, row, H + unit] = da_r, da_z
                        da_h[t, row, 2 * H + unit] = da_n * r_t if real else zero
                        held[row, unit] = dh_t * z_t if real else dh_t
            if persistent and turn + 1 < end:
                wait_for(arrived, place + cuda.blockIdx.y, (turn - begin + 1) * cuda.gridDim.x)

    return gru_kernel_backward_step
