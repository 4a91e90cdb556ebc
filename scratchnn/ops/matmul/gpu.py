"""Matrix products on the device. See reference.forward and reference.backward.

Optimizations
-------------
- Register tiles: 64x64 or 128x128 numbers of C a block, 4x4 or 8x8 a thread; what is read once from memory is used 64
  or 128 times.
- A.T and B.T are never made: a kernel reads its factors the way they lie, neighbours by neighbouring threads.
- A small C with a long K (dW = x.T @ da) is split along K, and the parts are summed in a fixed order: no atomics, so
  two runs agree to the last bit.
- bias, sums over rows and the sum with what is there are done on the way, without a launch of their own.
- tf32 on the tensor cores only inside ``with tf32():``.

The ladder is in ``RUNGS``; gpu_kernels.py counts flops and bytes.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from scratchnn import device, shapes
from scratchnn.device import Rung, blocks, pick

from .gpu_kernels import one_thread_kernel, register_tiles_kernel, shared_tiles_kernel, sum_of_parts_kernel
from .gpu_step import copy_kernel, real_inputs_kernel
from .gpu_tensor import WARP, tensor_cores_kernel
from .reference import Cache, Grads

_TF32: list = []


@contextmanager
def tf32() -> Iterator[None]:
    """Let float32 products run on the tensor cores inside: quicker, but factors have 11 bits."""
    _TF32.append(True)
    try:
        yield
    finally:
        _TF32.pop()


def product(
    A: Any,
    B: Any,
    *,
    A_turned: bool = False,
    B_turned: bool = False,
    bias: Any = None,
    out: Any = None,
    add: bool = False,
    ones: bool = False,
    parts: int = 0,
) -> Any:
    """Multiply two device matrices, what gpu modules of other rooms build on.

    Parameters
    ----------
    A : (M, K), or (K, M) if A_turned
        Device array.
    B : (K, N), or (N, K) if B_turned
    A_turned, B_turned : bool
        Multiply by A.T, by B.T.
    bias : (N,), optional
        Added to every row.
    out : (M, N), optional
        Written instead of a new array.
    add : bool
        Add to what ``out`` holds.
    ones : bool
        Act as if A had one row more, all 1: C (M+1, N) ends with the sum of B's rows.
    parts : int
        Parts into which K is split; 0: as many as keep the device busy.

    Returns
    -------
    device array (M, N), or (M+1, N) if ones
    """
    dtype = np.dtype(A.dtype)
    M, K = A.shape[::-1] if A_turned else A.shape
    N = B.shape[0] if B_turned else B.shape[1]
    M += ones
    C = device.empty((M, N), dtype) if out is None else out
    b = A.reshape(A.size) if bias is None else bias  # without one, something that is not looked at
    if _TF32 and dtype == np.float32:
        return _tensor_cores(A, B, (A_turned, B_turned), bias is not None, add, ones, b, C)
    reach, across, deep, parts = plan(M, N, K, parts, dtype)
    side = reach * across
    grid, block = (blocks(N, side), blocks(M, side), parts), (across, across)
    ways = (dtype.type, A_turned, B_turned)
    if parts == 1:
        run = register_tiles_kernel(*ways, bias is not None, add, ones, reach, across, deep)
        run[grid, block](A, B, b, C.reshape(1, M, N), K)
        return C
    pieces = device.empty((parts, M, N), dtype)
    share = blocks(blocks(K, parts), deep) * deep
    run = register_tiles_kernel(*ways, False, False, ones, reach, across, deep)
    run[grid, block](A, B, b, pieces, share)
    x, y = pick(32, 4), pick(8, 2)
    sum_of_parts_kernel(dtype.type, bias is not None, add)[(blocks(N, x), blocks(M, y)), (x, y)](pieces, b, C)
    return C


def plan(M: int, N: int, K: int, parts: int, dtype: Any) -> tuple[int, int, int, int]:
    """Choose how a product is shared out.

    Parameters
    ----------
    M, N, K : int
        Sizes.
    parts : int
        Parts of K; 0: as many as keep the device busy.
    dtype : dtype

    Returns
    -------
    tuple of int
        Numbers of C along each side of a thread's square, threads along each side of a block, depth of a tile, parts.
    """
    across, deep = pick(16, 2), pick(16, 3)
    many = blocks(M, 128) * blocks(N, 128) >= device.resident()
    reach = 8 if many and dtype == np.float32 else 4
    if not parts:
        tiles = blocks(M, across * reach) * blocks(N, across * reach)
        parts = max(1, min(2 * device.resident() // tiles, K // 256, 64))
    return reach, across, deep if reach == 4 else max(deep // 2, 1), parts


def product_one_thread(A: Any, B: Any, *, A_turned: bool = False, B_turned: bool = False) -> Any:
    """Multiply two device matrices, one thread for each number: rung 1. See product."""
    C, (M, N) = _room_for(A, B, A_turned, B_turned)
    x, y = pick(32, 3), pick(8, 2)
    one_thread_kernel(np.dtype(A.dtype).type, A_turned, B_turned)[(blocks(N, x), blocks(M, y)), (x, y)](A, B, C)
    return C


def product_shared_tiles(A: Any, B: Any, *, A_turned: bool = False, B_turned: bool = False) -> Any:
    """Multiply two device matrices through tiles in shared memory: rung 2. See product."""
    C, (M, N) = _room_for(A, B, A_turned, B_turned)
    across = pick(32 if A.dtype == np.float32 else 16, 3)
    run = shared_tiles_kernel(np.dtype(A.dtype).type, A_turned, B_turned, across)
    run[(blocks(N, across), blocks(M, across)), (across, across)](A, B, C)
    return C


def product_tensor_cores(A: Any, B: Any, *, A_turned: bool = False, B_turned: bool = False) -> Any:
    """Multiply two float32 device matrices on the tensor cores: rung 4. See product."""
    with tf32():
        return product(A, B, A_turned=A_turned, B_turned=B_turned)


def _tensor_cores(A, B, turned, bias, add, ones, b, C):
    (M, N), down, across = C.shape, pick(2, 1), pick(2, 1)
    run = tensor_cores_kernel(*turned, bias, add, ones, down, across, pick(32, 8))
    run[(blocks(N, 32 * across), blocks(M, 32 * down)), down * across * WARP](A, B, b, C)
    return C


def _room_for(A, B, A_turned, B_turned):
    shape = A.shape[1] if A_turned else A.shape[0], B.shape[0] if B_turned else B.shape[1]
    return device.empty(shape, A.dtype), shape


def forward(A: Any, B: Any) -> Cache:
    """Multiply two matrices. See reference.forward."""
    return _forward(product, A, B)


def backward(dC: Any, cache: Cache) -> Grads:
    """Undo ``forward``: dA = dC @ B.T, dB = A.T @ dC. See reference.backward."""
    return _backward(product, dC, cache)


def _forward(multiply, A, B):
    sizes = shapes.sizes_of("matmul.forward", "A", A, "M K")
    sizes["N"] = B.shape[1] if np.ndim(B) == 2 else 0
    shapes.expect_shape("matmul.forward", "B", B, "K N", sizes)
    (A, B), home = device.bring("matmul.forward", A, B)
    return device.back(Cache(A, B, multiply(A, B)), home)


def _backward(multiply, dC, cache):
    M, N = cache.A.shape[0], cache.B.shape[1]
    shapes.expect_shape("matmul.backward", "dC", dC, "M N", {"M": M, "N": N})
    (dC, A, B), home = device.bring("matmul.backward", dC, cache.A, cache.B)
    dA = multiply(dC, B, B_turned=True)
    dB = multiply(A, dC, A_turned=True)
    return device.back(Grads(dA, dB), home)


def _rung(name: str, new: str, costs: str, expect: str, multiply: Callable, tf32: bool = False) -> Rung:
    def forward(A, B):
        return _forward(multiply, A, B)

    def backward(dC, cache):
        return _backward(multiply, dC, cache)

    return Rung(name, new, costs, expect, forward, backward, simulated=not tf32, tf32=tf32)


RUNGS = (
    _rung(
        "one thread",
        "Every number of C has a thread of its own, which walks along a row of A and down a column of B.",
        "Nothing: ten lines. But each multiplication reads 8 bytes, and the same ones as its neighbours.",
        "The caches are the limit: some 5 % of the peak in float32.",
        product_one_thread,
    ),
    _rung(
        "shared tiles",
        "The threads of a block bring a square tile of A and of B into shared memory together, then all use it.",
        "Two barriers a tile, 8 KB of shared memory, edges to watch; A and B are read 32 times less often.",
        "Shared memory is the limit: two reads for one multiplication, at best a quarter of the peak.",
        product_shared_tiles,
    ),
    _rung(
        "register tiles",
        "Each thread makes 8x8 numbers: 16 numbers read from shared memory, by 16 bytes, serve 64 multiplications.",
        "Up to 128 registers a thread, so fewer warps to hide waiting; K is split where C is small.",
        "Arithmetic is the limit at last: 60 to 80 % of the float32 peak for large matrices.",
        product,
    ),
    _rung(
        "tensor cores",
        "A warp multiplies 16x8 by 8x8 in one instruction, written in PTX because Numba has no name for it.",
        "Factors are rounded to tf32: 1e-3 instead of 1e-7. So it is opt-in (``with tf32():``). Float32 arrays only.",
        "Reading shared memory is the limit: several times the float32 peak. Compiled in tests, not yet timed.",
        product_tensor_cores,
        True,
    ),
)


def kernels(dtype: Any = np.float32) -> Iterator[device.Kernel]:
    """Give every kernel of this room as it runs on a device: tests/ops/gpu_compile holds them to their promises.

    Parameters
    ----------
    dtype : type

    Returns
    -------
    iterator of Kernel
    """
    for turned in ((False, False), (False, True), (True, False)):
        yield one_thread_kernel(dtype, *turned)
        yield shared_tiles_kernel(dtype, *turned, 32)
        yield tensor_cores_kernel(*turned, True, True, True, 2, 2, 32)
        for reach in (4, 8):
            yield register_tiles_kernel(dtype, *turned, True, True, True, reach, 16, 16 if reach == 4 else 8)
    yield sum_of_parts_kernel(dtype, True, True)
    yield real_inputs_kernel(dtype)
    yield copy_kernel(dtype)
