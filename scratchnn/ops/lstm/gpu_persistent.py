"""A whole step of the LSTM in one launch, or all steps in one: W_h stays on the chip, one barrier a step.

A block owns a few units: their columns of W_h lie in its shared memory, it computes their gates and states for its
rows of the batch, forward and backward. What another step needs from other blocks is h_prev (forward) or da
(backward): it is written to memory, and read by all after the barrier. See gpu_step.py for the product.

Count (float32, a step): forward 8 B H**2 flops, B H read by every block and 11 B H numbers written; backward as many
flops, 4 B H read by every block. H = 128, B = 64: 8.4 MFLOP, 0.5 microseconds at half the peak of the 32 blocks that
take part; one barrier costs 1.5 (measured on an H100), one launch 30. So per step: 30 launched, 2 to 4 persistent.

The kernels are made for one launch a step (``persistent`` False: no block waits for another), or for all steps.
"""

from functools import cache
from typing import Any

from scratchnn.device import cuda, kernel
from scratchnn.device.instructions import wait_for
from scratchnn.ops.activations.formula import sigmoid, sigmoid_slope, tanh, tanh_slope
from scratchnn.ops.matmul.gpu_step import four_sums_into


@cache
def forward_kernel(dtype: Any, rows: int, units: int, persistent: bool) -> Any:
    """Steps begin..end. ``a`` (T, B, 4H) holds x @ W_x + b and takes h_prev @ W_h; all other nodes are written.

    A thread sums the four gates of one unit in one row. Then the sums change hands, so that neighbouring threads hold
    neighbouring units of a row and write neighbours in memory.
    """
    threads, kept = rows * units, 4 * units + 4

    @kernel("f3 f2 f2 f2 b2 f3 f3 f3 f3 f3 f3 f3 i i i i u1 i", registers=192, shared=160 * 1024, waits=persistent)
    def lstm_kernel_forward_step(
        a, h0, c0, W_h, mask, i, f, g, o, s, c, h, begin, end, share, deep, arrived, place
    ):  # fmt: skip
        memory = cuda.shared.array(0, dtype, alignment=16)
        lane, own = cuda.threadIdx.x, cuda.threadIdx.y
        thread = own * rows + lane
        B, H = h0.shape
        H4, zero, pitch = (H + 3) // 4 * 4, dtype(0), deep + 4
        first_unit, first_row = cuda.blockIdx.x * units, cuda.blockIdx.y * share
        tile = 4 * units * H4
        sums = tile + rows * pitch
        for e in range(thread, 4 * units * H4, threads):  # this slice of W_h: unit, k, gate
            u, gate, k = e % units, e // units % 4, e // (4 * units)
            inside = first_unit + u < H and k < H
            memory[(u * H4 + k) * 4 + gate] = W_h[k, gate * H + first_unit + u] if inside else zero
        if persistent:
            cuda.cg.this_grid().sync()  # makes the launch a cooperative one: all blocks are there, or it is refused
        for t in range(begin, end):
            h_prev = h0 if t == 0 else h[t]
            c_prev = c0 if t == 0 else c[t]
            for row0 in range(first_row, min(first_row + share, B), rows):
                row, unit = row0 + thread // units, first_unit + thread % units
                a_i, a_f, a_g, a_o, c_before, h_before = zero, zero, zero, zero, zero, zero
                if row < B and unit < H:  # asked for before the product, there behind it
                    a_i, a_f = a[t, row, unit], a[t, row, H + unit]
                    a_g, a_o = a[t, row, 2 * H + unit], a[t, row, 3 * H + unit]
                    c_before, h_before = c_prev[row, unit], h_prev[row, unit]
                four_sums_into(
                    memory, tile, pitch, sums + lane * kept + 4 * own, h_prev, row0, rows, 1, 0, H, deep,
                    4 * own * H4, lane, own, units, zero,
                )  # fmt: skip
                if row < B and unit < H:
                    at = sums + thread // units * kept + thread % units * 4
                    a_i, a_f = a_i + memory[at], a_f + memory[at + 1]
                    a_g, a_o = a_g + memory[at + 2], a_o + memory[at + 3]
                    i_t, f_t, g_t, o_t = sigmoid(a_i), sigmoid(a_f), tanh(a_g), sigmoid(a_o)
                    c_t = f_t * c_before + i_t * g_t
                    s_t = tanh(c_t)
                    real = mask[t, row]
                    a[t, row, unit], a[t, row, H + unit] = a_i, a_f
                    a[t, row, 2 * H + unit], a[t, row, 3 * H + unit] = a_g, a_o
                    i[t, row, unit], f[t, row, unit], g[t, row, unit], o[t, row, unit] = i_t, f_t, g_t, o_t
                    s[t, row, unit] = s_t
                    c[t + 1, row, unit] = c_t if real else c_before
                    h[t + 1, row, unit] = o_t * s_t if real else h_before
                    if t == 0:
                        c[0, row, unit], h[0, row, unit] = c_before, h_before
            if persistent and t + 1 < end:
                wait_for(arrived, place + cuda.blockIdx.y, (t - begin + 1) * cuda.gridDim.x)

    return lstm_kernel_forward_step


@cache
def backward_kernel(dtype: Any, rows: int, units: int, persistent: bool) -> Any:
    """Turns begin..end of T+1: turn n undoes step t = T-1-n; the last only carries da_0 on to dh0.

    dh_next of a unit is a product along all 4H of da, so each gate has its own threads and a thread sums four units;
    the four partial sums are added in a fixed order. ``held`` passes on what does not go through the gates: dh_t of a
    padded row. ``dc`` holds dc_next and ends as dc0.
    """
    threads, kept, fours = rows * units, 4 * units + 4, units // 4

    @kernel(
        "f3 f2 f2 b2 f3 f3 f3 f3 f3 f3 f3 f2 f2 f2 i i i i u1 i", registers=192, shared=160 * 1024, waits=persistent
    )
    def lstm_kernel_backward_step(
        dh, dc_last, W_h, mask, i, f, g, o, s, c, da, dc, held, dh0, begin, end, share, deep, arrived, place
    ):  # fmt: skip
        memory = cuda.shared.array(0, dtype, alignment=16)
        lane, own = cuda.threadIdx.x, cuda.threadIdx.y
        thread, gate, four = own * rows + lane, own % 4, own // 4
        column = gate * units + 4 * four
        T, B, H = i.shape
        H4, zero, pitch = (H + 3) // 4 * 4, dtype(0), deep + 4
        first_unit, first_row = cuda.blockIdx.x * units, cuda.blockIdx.y * share
        tile = 4 * units * H4
        sums = tile + 4 * rows * pitch
        for e in range(thread, 4 * units * H4, threads):  # rows of W_h: gate, four units, k
            k, u, q = e % H4, e // H4 % units, e // (H4 * units)
            inside = first_unit + u < H and k < H
            memory[((q * fours + u // 4) * H4 + k) * 4 + u % 4] = W_h[first_unit + u, q * H + k] if inside else zero
        if persistent:
            cuda.cg.this_grid().sync()
        for n in range(begin, end):
            t = T - 1 - n
            for row0 in range(first_row, min(first_row + share, B), rows):
                row, unit = row0 + thread // units, first_unit + thread % units
                dh_t, c_prev, real = zero, zero, False
                i_t, f_t, g_t, o_t, s_t = zero, zero, zero, zero, zero
                if t >= 0 and row < B and unit < H:  # asked for before the product, there behind it
                    dh_t, c_prev, real = dh[t, row, unit], c[t, row, unit], mask[t, row]
                    i_t, f_t, g_t, o_t = i[t, row, unit], f[t, row, unit], g[t, row, unit], o[t, row, unit]
                    s_t = s[t, row, unit]
                if n > 0:
                    four_sums_into(
                        memory, tile, pitch, sums + lane * kept + column, da[t + 1], row0, rows, 4, gate, H, deep,
                        4 * (gate * fours + four) * H4, lane, own, units, zero,
                    )  # fmt: skip
                if row < B and unit < H:
                    dh_next, dc_next = zero, zero
                    if n > 0:
                        at = sums + thread // units * kept + thread % units
                        dh_next = held[row, unit] + memory[at] + memory[at + units]
                        dh_next = dh_next + memory[at + 2 * units] + memory[at + 3 * units]
                        dc_next = dc[row, unit]
                    else:
                        dc_next = dc_last[row, unit]
                    if t < 0:
                        dh0[row, unit] = dh_next
                    else:
                        dh_t = dh_t + dh_next
                        dc_t = dc_next + dh_t * o_t * tanh_slope(s_t)
                        da_i = dc_t * g_t * sigmoid_slope(i_t)
                        da_f = dc_t * c_prev * sigmoid_slope(f_t)
                        da_g = dc_t * i_t * tanh_slope(g_t)
                        da_o = dh_t * s_t * sigmoid_slope(o_t)
                        da[t, row, unit] = da_i if real else zero
                        da[t, row, H + unit] = da_f if real else zero
                        da[t, row, 2 * H + unit] = da_g if real else zero
                        da[t, row, 3 * H + unit] = da_o if real else zero
                        dc[row, unit] = dc_t * f_t if real else dc_next
                        held[row, unit] = zero if real else dh_t
            if persistent and n + 1 < end:
                wait_for(arrived, place + cuda.blockIdx.y, (n - begin + 1) * cuda.gridDim.x)

    return lstm_kernel_backward_step
