"""A product on the tensor cores: ten bits of each factor, and ten times the arithmetic. Only when asked for.

The 32 threads of a warp multiply 16x8 by 8x8 numbers in one instruction (device/instructions.multiply_add). Each
holds a few numbers of each tile, spread as the PTX manual says: with ``group = lane // 4`` and ``own = lane % 4``

    A 16x8   rows group, group + 8; columns own, own + 4
    B 8x8    rows own, own + 4; column group
    C 16x8   rows group, group + 8; columns 2 own, 2 own + 1

Factors are rounded to tf32: a relative error of 2**-11 each, so of about 1e-3 of the typical sum. The simulator has
no warps: there a test lends the kernel an instruction that follows these tables.
"""

from functools import cache
from typing import Any

import numpy as np

from scratchnn.device import cuda, kernel
from scratchnn.device.instructions import multiply_add

WARP = 32


@cache
def tensor_cores_kernel(
    A_turned: bool, B_turned: bool, bias: bool, add: bool, ones: bool, down: int, across: int, deep: int
) -> Any:
    """A block of down x across warps; each makes 32 x 32 numbers of C by 2 x 4 tensor-core tiles at a time.

    Floor: the float32 peak no longer bounds it (H100: 60 against 490 TFLOP/s with tf32); now reading shared memory
    does: 24 reads of 4 bytes a thread for 8 instructions of 2048 flops each.
    """
    M_tile, N_tile = 32 * down, 32 * across
    threads = down * across * WARP
    A_pitch, B_pitch = deep + 4, N_tile + 8  # so that the threads of a warp read from 32 banks
    A_size, B_size = M_tile * A_pitch, deep * B_pitch

    @kernel("f2 f2 f1 f2", registers=168)
    def matmul_kernel_tensor_cores(A, B, b, C):
        A_tile = cuda.shared.array(A_size, np.float32)
        B_tile = cuda.shared.array(B_size, np.float32)
        total = cuda.local.array((2, 4, 4), np.float32)
        thread = cuda.threadIdx.x
        warp, lane = thread // WARP, thread % WARP
        group, own = lane // 4, lane % 4
        M, N = C.shape
        K = A.shape[0] if A_turned else A.shape[1]
        first_m, first_n = cuda.blockIdx.y * M_tile, cuda.blockIdx.x * N_tile
        at_m, at_n = warp // across * 32 + group, warp % across * 32
        rows = M - 1 if ones else M
        zero, one = np.float32(0), np.float32(1)
        for j in range(2):
            for i in range(4):
                for q in range(4):
                    total[j, i, q] = zero
        for first in range(0, K, deep):
            for e in range(thread, M_tile * deep, threads):
                j, k = (e % M_tile, e // M_tile) if A_turned else (e // deep, e % deep)
                m, at = first_m + j, first + k
                value = one if ones and m == rows and at < K else zero
                if m < rows and at < K:
                    value = A[at, m] if A_turned else A[m, at]
                A_tile[j * A_pitch + k] = value
            for e in range(thread, N_tile * deep, threads):
                j, k = (e // deep, e % deep) if B_turned else (e % N_tile, e // N_tile)
                n, at = first_n + j, first + k
                inside = n < N and at < K
                B_tile[k * B_pitch + j] = (B[n, at] if B_turned else B[at, n]) if inside else zero
            cuda.syncthreads()
            for k in range(0, deep, 8):
                for i in range(4):
                    b_at = (k + own) * B_pitch + at_n + 8 * i + group
                    b_own = (B_tile[b_at], B_tile[b_at + 4 * B_pitch])
                    for j in range(2):
                        a_at = (at_m + 16 * j) * A_pitch + k + own
                        below = a_at + 8 * A_pitch
                        a_own = (A_tile[a_at], A_tile[below], A_tile[a_at + 4], A_tile[below + 4])
                        c_own = (total[j, i, 0], total[j, i, 1], total[j, i, 2], total[j, i, 3])
                        c0, c1, c2, c3 = multiply_add(a_own, b_own, c_own)
                        total[j, i, 0], total[j, i, 1], total[j, i, 2], total[j, i, 3] = c0, c1, c2, c3
            cuda.syncthreads()
        for j in range(2):
            for i in range(4):
                for q in range(4):
                    m = first_m + at_m + 16 * j + q // 2 * 8
                    n = first_n + at_n + 8 * i + 2 * own + q % 2
                    if m < M and n < N:
                        value = total[j, i, q]
                        if bias:
                            value += b[n]
                        if add:
                            value += C[m, n]
                        C[m, n] = value

    return matmul_kernel_tensor_cores
