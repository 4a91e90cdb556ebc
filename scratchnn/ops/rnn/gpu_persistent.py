"""A whole step of the RNN in one launch, or all steps in one: W_h stays on the chip, one barrier a step.

As the LSTM's (ops/lstm/gpu_persistent.py), but there is one column of W_h per unit, so a thread sums four units of a
row, forward and backward. The function of the step is chosen by its place in reference.NONLINEARITIES: 0 tanh, 1
relu, 2 identity.

Count (float32, a step): 2 B H**2 flops each way, B H numbers read by every block: at H = 128, B = 64 that is 2.1
MFLOP, about a microsecond for 8 blocks at half of their peak; the barrier takes 1.5.
"""

from functools import cache
from typing import Any

from scratchnn.device import cuda, kernel
from scratchnn.device.instructions import wait_for
from scratchnn.ops.activations.formula import relu, relu_slope, tanh, tanh_slope
from scratchnn.ops.matmul.gpu_step import four_sums_into


@cache
def forward_kernel(dtype: Any, rows: int, lanes: int, persistent: bool) -> Any:
    """Steps begin..end. ``a`` (T, B, H) holds x @ W_x + b and takes h_prev @ W_h; h is written."""
    units, threads = 4 * lanes, rows * lanes
    kept = units + 4

    @kernel("f3 f2 f2 b2 f3 i i i i i u1 i", registers=168, shared=160 * 1024, waits=persistent)
    def rnn_kernel_forward_step(a, h0, W_h, mask, h, kind, begin, end, share, deep, arrived, place):
        memory = cuda.shared.array(0, dtype, alignment=16)
        lane, own = cuda.threadIdx.x, cuda.threadIdx.y
        thread = own * rows + lane
        B, H = h0.shape
        H4, zero, pitch = (H + 3) // 4 * 4, dtype(0), deep + 4
        first_unit, first_row = cuda.blockIdx.x * units, cuda.blockIdx.y * share
        tile = units * H4
        sums = tile + rows * pitch
        for e in range(thread, units * H4, threads):  # this slice of W_h: four units, k
            u, k = e % units, e // units
            inside = first_unit + u < H and k < H
            memory[(u // 4 * H4 + k) * 4 + u % 4] = W_h[k, first_unit + u] if inside else zero
        if persistent:
            cuda.cg.this_grid().sync()  # makes the launch a cooperative one: all blocks are there, or it is refused
        for t in range(begin, end):
            h_prev = h0 if t == 0 else h[t]
            for row0 in range(first_row, min(first_row + share, B), rows):
                four_sums_into(
                    memory, tile, pitch, sums + lane * kept + 4 * own, h_prev, row0, rows, 1, 0, H, deep,
                    4 * own * H4, lane, own, lanes, zero,
                )  # fmt: skip
                for e in range(thread, rows * units, threads):
                    row, unit = row0 + e // units, first_unit + e % units
                    if row < B and unit < H:
                        a_t = a[t, row, unit] + memory[sums + e // units * kept + e % units]
                        a[t, row, unit] = a_t
                        h_t = tanh(a_t) if kind == 0 else (relu(a_t) if kind == 1 else a_t)
                        h_before = h_prev[row, unit]
                        h[t + 1, row, unit] = h_t if mask[t, row] else h_before
                        if t == 0:
                            h[0, row, unit] = h_before
            if persistent and t + 1 < end:
                wait_for(arrived, place + cuda.blockIdx.y, (t - begin + 1) * cuda.gridDim.x)

    return rnn_kernel_forward_step


@cache
def backward_kernel(dtype: Any, rows: int, lanes: int, persistent: bool) -> Any:
    """Turns begin..end of T+1: turn n undoes step t = T-1-n; the last only carries da_0 on to dh0."""
    units, threads = 4 * lanes, rows * lanes
    kept = units + 4

    @kernel("f3 f2 b2 f3 f3 f2 f2 i i i i i u1 i", registers=168, shared=160 * 1024, waits=persistent)
    def rnn_kernel_backward_step(dh, W_h, mask, h, da, held, dh0, kind, begin, end, share, deep, arrived, place):
        memory = cuda.shared.array(0, dtype, alignment=16)
        lane, own = cuda.threadIdx.x, cuda.threadIdx.y
        thread = own * rows + lane
        T, B, H = dh.shape
        H4, zero, pitch = (H + 3) // 4 * 4, dtype(0), deep + 4
        first_unit, first_row = cuda.blockIdx.x * units, cuda.blockIdx.y * share
        tile = units * H4
        sums = tile + rows * pitch
        for e in range(thread, units * H4, threads):  # rows of W_h: four units, k
            k, u = e % H4, e // H4
            inside = first_unit + u < H and k < H
            memory[(u // 4 * H4 + k) * 4 + u % 4] = W_h[first_unit + u, k] if inside else zero
        if persistent:
            cuda.cg.this_grid().sync()
        for n in range(begin, end):
            t = T - 1 - n
            for row0 in range(first_row, min(first_row + share, B), rows):
                if n > 0:
                    four_sums_into(
                        memory, tile, pitch, sums + lane * kept + 4 * own, da[t + 1], row0, rows, 1, 0, H, deep,
                        4 * own * H4, lane, own, lanes, zero,
                    )  # fmt: skip
                for e in range(thread, rows * units, threads):
                    row, unit = row0 + e // units, first_unit + e % units
                    if row < B and unit < H:
                        dh_next = zero
                        if n > 0:
                            dh_next = held[row, unit] + memory[sums + e // units * kept + e % units]
                        if t < 0:
                            dh0[row, unit] = dh_next
                        else:
                            dh_t, h_t = dh[t, row, unit] + dh_next, h[t + 1, row, unit]
                            da_t = dh_t
                            if kind == 0:
                                da_t = dh_t * tanh_slope(h_t)
                            elif kind == 1:
                                da_t = dh_t * relu_slope(h_t)
                            da[t, row, unit] = da_t if mask[t, row] else zero
                            held[row, unit] = zero if mask[t, row] else dh_t
            if persistent and n + 1 < end:
                wait_for(arrived, place + cuda.blockIdx.y, (n - begin + 1) * cuda.gridDim.x)

    return rnn_kernel_backward_step
