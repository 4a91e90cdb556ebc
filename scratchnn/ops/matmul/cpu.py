"""Matrix products for kernels: B is packed into panels once, then tiles do the work. See reference.forward.

Optimizations
-------------
- Register tiles (tile.py): 110-130 GFLOP/s per AVX-512 core in float32, where a plain compiled loop reaches 50.
- Panels: the columns of B that one tile needs lie together, so B is read front to back. Packed once per sequence, W_h
  serves every time step.
- K in blocks: a panel's part stays in the second-level cache while all rows pass over it.
- A.T @ B packs a block of A as well: neighbours in a column of A are far apart. Not where rows are short: 128 wide,
  packing took a fifth of the time and the caches hold the columns anyway.
"""

import math

import numpy as np

from scratchnn import jit
from scratchnn.jit import kernel

from . import reference
from .called import pack_rows_into, product_at_into, product_strips_into
from .passes import K_BLOCK
from .reference import Cache, Grads
from .tile import Tiles, tiles

NARROW = 512  # bytes of rows that A.T @ B reads as they lie


@kernel
def pack_into(P, B, B_at, B_k, B_column, K, N):
    """Copy B[K, N], an element at ``B_at + k * B_k + j * B_column``, into panels P (panels, K, width)."""
    width = P.shape[2]
    B = B.reshape(-1)
    for p in range(P.shape[0]):
        n = min(width, N - p * width)
        for k in range(K):
            row = P[p, k]
            at = B_at + k * B_k + p * width * B_column
            if B_column == 1:
                near = B[at : at + n]
                for j in range(n):
                    row[j] = near[j]
            else:
                for j in range(n):
                    row[j] = B[at + j * B_column]
            for j in range(n, width):
                row[j] = 0


@kernel
def product_into(addresses, lanes, A, A_at, A_row, A_k, P, P_panel, P_k, C, C_at, C_row, M, N, K, add):
    """C[M, N] (+)= A[M, K] @ B[K, N]; B's panels are ``P_panel`` apart and its rows ``P_k``, packed or not."""
    product_at_into(addresses, lanes, A, A_at, A_row, A_k, P, 0, P_panel, P_k, C, C_at, C_row, M, N, K, add)


@kernel
def product_tn_into(addresses, lanes, A, M, B, B_row, begin, N, C, K):
    """C[M, begin:begin+N] = A[K, M].T @ B[K, begin:begin+N], A and C packed row by row, B's rows ``B_row`` apart."""
    most, width = addresses.shape[0] - 1, (addresses.shape[1] - 1) * lanes
    if max(M, B_row) * A.itemsize <= NARROW:
        product_at_into(addresses, lanes, A, 0, 1, M, B, begin, width, B_row, C, begin, C.shape[1], M, N, K, False)
        return
    depth = min(K, K_BLOCK)
    A_packed = np.empty(((M + most - 1) // most, depth, most), A.dtype)
    B_packed = np.empty(((N + width - 1) // width, depth, width), B.dtype)
    for k in range(0, K, K_BLOCK):
        deep = min(K_BLOCK, K - k)
        pack_rows_into(addresses, A_packed, 0, A, k * M, M, 1, deep, M)
        pack_rows_into(addresses, B_packed, 0, B, k * B_row + begin, B_row, 1, deep, N)
        product_strips_into(
            addresses, lanes, A_packed, 0, depth * most, 1, most, B_packed, 0, depth * width, width,
            C, begin, C.shape[1], M, N, deep, k > 0,
        )  # fmt: skip


def panels_of(B: np.ndarray, used: Tiles, transposed: bool = False) -> np.ndarray:
    """Pack a matrix for ``product_into``; its panels are ``P[0].size`` apart, their rows ``used.width``.

    Parameters
    ----------
    B : (K, N)
        Plain (``jit.plain``).
    used : Tiles
    transposed : bool
        Pack B.T instead.

    Returns
    -------
    (panels, K, width)
    """
    K, N = B.shape[::-1] if transposed else B.shape
    P = jit.empty((-(-N // used.width), K, used.width), B.dtype)
    pack_into(P, B, 0, *((1, K) if transposed else (N, 1)), K, N)
    return P


def unpacked(P: np.ndarray, N: int) -> np.ndarray:
    """Give back the (K, N) matrix that ``panels_of`` packed."""
    return np.ascontiguousarray(P.transpose(1, 0, 2).reshape(P.shape[1], -1)[:, :N])


def product(A: np.ndarray, B: np.ndarray, transposed: bool = False) -> np.ndarray:
    """Multiply two plain matrices of one dtype; the rows of A are split over the threads.

    Parameters
    ----------
    A : (..., K)
        Any axes before the last; all are rows.
    B : (K, N), or (N, K) if transposed
    transposed : bool
        Multiply by B.T instead.

    Returns
    -------
    (..., N)
    """
    used = tiles(A.dtype)
    K, N = B.shape[::-1] if transposed else B.shape
    C = jit.empty((*A.shape[:-1], N), A.dtype)
    rows = math.prod(A.shape[:-1])
    P = panels_of(B, used, transposed)

    def work(begin, end):
        product_into(
            used.addresses, used.lanes, A, begin * K, K, 1, P, K * used.width, used.width,
            C, begin * N, N, end - begin, N, K, False,
        )  # fmt: skip

    jit.split(work, rows, 2.0 * rows * K * N)
    return C


def product_tn(A: np.ndarray, B: np.ndarray) -> np.ndarray:
    """Multiply A.T @ B, both plain and of one dtype; the columns of B are split over the threads.

    Parameters
    ----------
    A : (..., M)
        Any axes before the last; all are rows.
    B : (..., N)
        The same rows.

    Returns
    -------
    (M, N)
    """
    used = tiles(A.dtype)
    M, N, K = A.shape[-1], B.shape[-1], math.prod(A.shape[:-1])
    C = jit.empty((M, N), A.dtype) if K else np.zeros((M, N), A.dtype)

    def work(begin, end):
        begin, end = min(begin * used.width, N), min(end * used.width, N)
        product_tn_into(used.addresses, used.lanes, A, M, B, N, begin, end - begin, C, K)

    jit.split(work, -(-N // used.width), 2.0 * M * N * K)
    return C


def forward(A: np.ndarray, B: np.ndarray) -> Cache:
    """Multiply two matrices. See reference.forward."""
    dtype = jit.working_dtype(A, B)
    if dtype is None or not (A.ndim == B.ndim == 2 and A.shape[1] == B.shape[0] and A.size and B.size):
        return reference.forward(A, B)
    return Cache(A, B, product(jit.plain(A, dtype), jit.plain(B, dtype)))


def backward(dC: np.ndarray, cache: Cache) -> Grads:
    """Undo ``forward``: dA = dC @ B.T, dB = A.T @ dC. See reference.backward."""
    A, B = cache.A, cache.B
    dtype = jit.working_dtype(dC, A, B)
    if dtype is None or dC.shape != (A.shape[0], B.shape[1]):
        return reference.backward(dC, cache)
    dC_A, dC_B = np.result_type(dC, B), np.result_type(A, dC)
    dA = product(jit.plain(dC, dC_A), jit.plain(B, dC_A), transposed=True)
    return Grads(dA, product_tn(jit.plain(A, dC_B), jit.plain(dC, dC_B)))
