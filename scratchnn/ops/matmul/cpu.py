"""Matrix products for kernels: B is packed into panels once, then tiles do the work. See reference.forward.

Optimizations
-------------
- Register tiles (tile.py): 110-130 GFLOP/s per AVX-512 core in float32, where a plain compiled loop reaches 50.
- Panels: the columns of B that one tile needs lie together, so B is read front to back. Packed once per sequence, W_h
  serves every time step.
- K in blocks: a panel's part stays in the second-level cache while all rows pass over it.
- A.T @ B reads A as it lies, a few columns at a time, and packs B by blocks of rows.
"""

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from scratchnn import jit
from scratchnn.jit import kernel

from . import reference
from .reference import Cache, Grads
from .tile import Tiles, tiles

K_BLOCK = 384  # rows of a panel used at a time: 384 x 64 float32 are 96 KB, well within a second-level cache
TN_BLOCK = 256  # rows of A and B that are packed at a time

if jit.PLAIN:

    def call_tile(address, A, A_at, A_row, A_k, B, B_at, B_k, C, C_at, C_row, K, last, add):
        """Do what the tile does, number by number; the address holds its rows, vectors and lanes."""
        rows, columns = address // 10**6, (address // 1000 % 1000 - 1) * (address % 1000) + last
        A, B, C = A.reshape(-1), B.reshape(-1), C.reshape(-1)
        for r in range(rows):
            for j in range(columns):
                total = C[C_at + r * C_row + j] if add else C.dtype.type(0)
                for k in range(K):
                    total += A[A_at + r * A_row + k * A_k] * B[B_at + k * B_k + j]
                C[C_at + r * C_row + j] = total

else:

    @intrinsic
    def call_tile(typing, address, A, A_at, A_row, A_k, B, B_at, B_k, C, C_at, C_row, K, last, add):
        """Call the code at ``address``: C[rows, columns] (+)= A[rows, K] @ B[K, columns]; ``_at`` are offsets."""
        size = types.intp
        signature = types.void(size, A, size, size, size, B, size, size, C, size, size, size, size, size)

        def generate(context, at, signature, arguments):
            def place(k):
                array = context.make_array(signature.args[k])(context, at, arguments[k])
                return at.gep(array.data, [arguments[k + 1]])

            given = [place(1), *arguments[3:5], place(5), arguments[7], place(8), *arguments[10:]]
            kind = ir.FunctionType(ir.VoidType(), [value.type for value in given])
            at.call(at.inttoptr(arguments[0], kind.as_pointer()), given)
            return context.get_dummy_value()

        return signature, generate


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
    most, width = addresses.shape[0] - 1, (addresses.shape[1] - 1) * lanes
    for k in range(0, max(K, 1), K_BLOCK):
        depth = min(K_BLOCK, K - k)
        for p in range((N + width - 1) // width):
            n = min(width, N - p * width)
            vectors = (n + lanes - 1) // lanes
            last = n - (vectors - 1) * lanes
            m = 0
            while m < M:
                rows = min(most, M - m)
                call_tile(
                    addresses[rows, vectors], A, A_at + m * A_row + k * A_k, A_row, A_k, P,
                    p * P_panel + k * P_k, P_k,
                    C, C_at + m * C_row + p * width, C_row, depth, last, add or k > 0,
                )  # fmt: skip
                m += rows


@kernel
def product_tn_into(addresses, lanes, A, M, B, B_row, begin, N, C, K):
    """C[M, begin:begin+N] = A[K, M].T @ B[K, begin:begin+N], A and C packed row by row, B's rows ``B_row`` apart."""
    most, width = addresses.shape[0] - 1, (addresses.shape[1] - 1) * lanes
    strips, panels, depth = (M + most - 1) // most, (N + width - 1) // width, min(K, TN_BLOCK)
    B_packed = np.empty((panels, depth, width), B.dtype)
    C_row = C.shape[1]
    for k in range(0, K, TN_BLOCK):
        deep = min(TN_BLOCK, K - k)
        pack_into(B_packed, B, k * B_row + begin, B_row, 1, deep, N)
        for p in range(panels):
            n = min(width, N - p * width)
            vectors = (n + lanes - 1) // lanes
            last = n - (vectors - 1) * lanes
            for s in range(strips):
                call_tile(
                    addresses[min(most, M - s * most), vectors], A, k * M + s * most, 1, M,
                    B_packed, p * depth * width, width, C, s * most * C_row + begin + p * width, C_row, deep,
                    last, k > 0,
                )  # fmt: skip


def panels_of(B: np.ndarray, used: Tiles, transposed: bool = False) -> np.ndarray:
    """Pack a matrix for ``product_into``.

    Parameters
    ----------
    B : (K, N)
    used : Tiles
    transposed : bool
        Pack B.T instead.

    Returns
    -------
    (panels, K, width)
    """
    K, N = B.shape[::-1] if transposed else B.shape
    P = np.empty((-(-N // used.width), K, used.width), B.dtype)
    pack_into(P, B, 0, *((1, K) if transposed else (N, 1)), K, N)
    return P


def forward(A: np.ndarray, B: np.ndarray) -> Cache:
    """See reference.forward. Other numbers than float32 and float64 are left to the reference.

    Parameters
    ----------
    A : (M, K)
    B : (K, N)

    Returns
    -------
    Cache
    """
    if not _plain_numbers(A, B):
        return reference.forward(A, B)
    return Cache(A, B, _product(A, B))


def backward(dC: np.ndarray, cache: Cache) -> Grads:
    """See reference.backward.

    Parameters
    ----------
    dC : (M, N)
    cache : Cache

    Returns
    -------
    Grads
    """
    A, B = cache.A, cache.B
    if not _plain_numbers(A, B, dC) or dC.shape != cache.C.shape:
        return reference.backward(dC, cache)
    used, A_rows, dC_rows = tiles(A.dtype.name), _rows(A), _rows(dC)
    dB = np.zeros(B.shape, B.dtype)
    M, K = A.shape
    product_tn_into(used.addresses, used.lanes, A_rows, K, dC_rows, B.shape[1], 0, B.shape[1], dB, M)
    return Grads(_product(dC, B, transposed=True), dB)


def _product(A, B, transposed=False):
    used = tiles(A.dtype.name)
    P = panels_of(_rows(B), used, transposed)
    (M, K), N = A.shape, B.shape[0] if transposed else B.shape[1]
    C = np.zeros((M, N), A.dtype)
    product_into(
        used.addresses, used.lanes, _rows(A), 0, K, 1, P, K * used.width, used.width, C, 0, N, M, N, K, False
    )  # fmt: skip
    return C


def _rows(array):
    """Give an array row by row in memory and writeable to Numba, so that one compiled kernel serves all."""
    return np.require(array, requirements=("C", "A", "W"))


def _plain_numbers(*arrays):
    """Say whether kernels can compute it: matrices of one number type, float32 or float64, that fit together."""
    dtypes = {getattr(array, "dtype", None) for array in arrays}
    numbers = len(dtypes) == 1 and dtypes <= {np.dtype("f4"), np.dtype("f8")}
    return numbers and all(array.ndim == 2 for array in arrays) and arrays[0].shape[1] == arrays[1].shape[0]
