"""Products of two matrices, from one thread per number to register tiles: the kernels of gpu.py's ladder.

Each function makes the kernel for one dtype and one way the factors lie: ``A_turned`` means that A.T is multiplied,
``B_turned`` that B.T is. What is fixed in a kernel is folded by the compiler, so no thread ever asks.

Count first. C (M, N) = A (M, K) @ B (K, N) takes 2 M N K flops and must move 4 (M K + K N + M N) bytes in float32: at
M = N = K = 1024 that is 2.1 GFLOP for 12.6 MB. An H100 does 60 TFLOP/s in float32 and moves 3.3 TB/s: the floor is 36
microseconds of arithmetic, or 4 of memory. What a kernel reads MORE than once decides which one it meets.
"""

from functools import cache
from typing import Any

from scratchnn.device import cuda, kernel
from scratchnn.device.instructions import load4


@cache
def one_thread_kernel(dtype: Any, A_turned: bool, B_turned: bool) -> Any:
    """One thread, one number of C: reads a row and a column, 8 bytes for every 2 flops.

    Floor: 4 bytes a flop from the caches. A row is read by N threads and a column by M, so all of A is read N times.
    """

    @kernel("f2 f2 f2", registers=48)
    def matmul_kernel_one_thread(A, B, C):
        n, m = cuda.grid(2)
        M, N = C.shape
        if m < M and n < N:
            total = dtype(0)
            for k in range(A.shape[0] if A_turned else A.shape[1]):
                total += (A[k, m] if A_turned else A[m, k]) * (B[n, k] if B_turned else B[k, n])
            C[m, n] = total

    return matmul_kernel_one_thread


@cache
def shared_tiles_kernel(dtype: Any, A_turned: bool, B_turned: bool, across: int) -> Any:
    """A block of across x across threads brings tiles of A and B into shared memory; each number serves across times.

    Floor: A is read N/across times and B M/across times. Now each multiplication still takes two reads of shared
    memory, 128 bytes a cycle for a multiprocessor that could do 128 multiplications: a quarter of the peak at best.
    """

    shape = (across, across + 1)  # a column more: what lies below each other is in different banks

    @kernel("f2 f2 f2", registers=48)
    def matmul_kernel_shared_tiles(A, B, C):
        A_tile = cuda.shared.array(shape, dtype)
        B_tile = cuda.shared.array(shape, dtype)
        n, m = cuda.grid(2)
        x, y = cuda.threadIdx.x, cuda.threadIdx.y
        M, N = C.shape
        K = A.shape[0] if A_turned else A.shape[1]
        first_m, first_n = m - y, n - x
        total = dtype(0)
        for first in range(0, K, across):
            zero = dtype(0)
            if A_turned:  # neighbouring threads read neighbours in memory, whichever way A lies
                A_tile[x, y] = A[first + y, first_m + x] if first + y < K and first_m + x < M else zero
            else:
                A_tile[y, x] = A[m, first + x] if m < M and first + x < K else zero
            if B_turned:
                B_tile[x, y] = B[first_n + y, first + x] if first_n + y < N and first + x < K else zero
            else:
                B_tile[y, x] = B[first + y, n] if first + y < K and n < N else zero
            cuda.syncthreads()
            for k in range(across):
                total += A_tile[y, k] * B_tile[k, x]
            cuda.syncthreads()
        if m < M and n < N:
            C[m, n] = total

    return matmul_kernel_shared_tiles


@cache
def register_tiles_kernel(
    dtype: Any, A_turned: bool, B_turned: bool, bias: bool, add: bool, ones: bool, reach: int, across: int, deep: int
) -> Any:
    """A thread keeps reach x reach numbers of C in registers; 2 reach reads of shared memory serve reach**2 products.

    ``C`` (parts, M, N): with several parts, each sums its ``share`` of K, so that a small C with a long K still keeps
    every multiprocessor busy. ``ones``: A has one row more, all 1: the last row of C is the sum of B's columns.
    Floor: A is read N / (across * reach) times. reach = 8: 16-byte reads of shared memory take 6 of the 16 cycles of
    their arithmetic, so arithmetic is the limit.
    """
    side = across * reach
    pitch = side + 4  # a multiple of 4 for load4, not of 32 for the banks
    size, square = deep * pitch, (reach, reach)
    half = 4 * across  # a thread's rows are 4 neighbours, and 4 more half a tile on

    @kernel("f2 f2 f1 f3 i", registers=72 if reach == 4 else 128)
    def matmul_kernel_register_tiles(A, B, b, C, share):
        A_tile = cuda.shared.array(size, dtype, alignment=16)
        B_tile = cuda.shared.array(size, dtype, alignment=16)
        total = cuda.local.array(square, dtype)
        a = cuda.local.array(reach, dtype)
        x, y, part = cuda.threadIdx.x, cuda.threadIdx.y, cuda.blockIdx.z
        thread = y * across + x
        M, N = C.shape[1], C.shape[2]
        rows = M - 1 if ones else M
        first_m, first_n = cuda.blockIdx.y * side, cuda.blockIdx.x * side
        begin = part * share
        end = min(begin + share, A.shape[0] if A_turned else A.shape[1])
        zero, one = dtype(0), dtype(1)
        for j in range(reach):
            for i in range(reach):
                total[j, i] = zero
        for first in range(begin, end, deep):
            for e in range(thread, side * deep, across * across):
                j, k = (e % side, e // side) if A_turned else (e // deep, e % deep)
                m, at = first_m + j, first + k
                value = zero
                if at < end:
                    if m < rows:
                        value = A[at, m] if A_turned else A[m, at]
                    elif ones and m == rows:
                        value = one
                A_tile[k * pitch + j] = value
                j, k = (e // deep, e % deep) if B_turned else (e % side, e // side)
                n, at = first_n + j, first + k
                value = zero
                if at < end and n < N:
                    value = B[n, at] if B_turned else B[at, n]
                B_tile[k * pitch + j] = value
            cuda.syncthreads()
            for k in range(deep):
                for j in range(0, reach, 4):
                    a[j], a[j + 1], a[j + 2], a[j + 3] = load4(A_tile, k * pitch + j * across + 4 * y)
                for i in range(0, reach, 4):
                    b0, b1, b2, b3 = load4(B_tile, k * pitch + i * across + 4 * x)
                    for j in range(reach):
                        total[j, i] += a[j] * b0
                        total[j, i + 1] += a[j] * b1
                        total[j, i + 2] += a[j] * b2
                        total[j, i + 3] += a[j] * b3
            cuda.syncthreads()
        for j in range(reach):
            m = first_m + j // 4 * half + 4 * y + j % 4
            for i in range(reach):
                n = first_n + i // 4 * half + 4 * x + i % 4
                if m < M and n < N:
                    value = total[j, i]
                    if bias:
                        value += b[n]
                    if add:
                        value += C[part, m, n]
                    C[part, m, n] = value

    return matmul_kernel_register_tiles


@cache
def sum_of_parts_kernel(dtype: Any, bias: bool, add: bool) -> Any:
    """C = the sum of all parts, always in the same order: 4 bytes read for each number of each part."""

    @kernel("f3 f1 f2", registers=48)
    def matmul_kernel_sum_of_parts(parts, b, C):
        n, m = cuda.grid(2)
        M, N = C.shape
        if m < M and n < N:
            value = dtype(0)
            for part in range(parts.shape[0]):
                value += parts[part, m, n]
            if bias:
                value += b[n]
            if add:
                value += C[m, n]
            C[m, n] = value

    return matmul_kernel_sum_of_parts
