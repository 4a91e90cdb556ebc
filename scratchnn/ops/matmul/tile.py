"""The inner loop of every matrix product, written for LLVM by hand.

The idea in plain words
-----------------------
A core can do two vector multiply-adds per cycle, but only if their operands wait in registers. A plain triple loop
loads two numbers for each multiply-add, so it waits for memory. A *tile* of the result, some rows by some vectors
of columns, fits into the registers as a whole. For each k we then load one row of B (a few vectors) and one number
of A per row, and do rows x vectors multiply-adds with them: 4 rows x 4 vectors do 16 for 8 loads. Nothing of the
result touches memory until the loop over k is over.

        k ->                 B[k, 0:64]   in 4 vectors of 16
   A[0, k]  *  ------------------------>  C[0, 0:64]
   A[1, k]  *  ------------------------>  C[1, 0:64]     each C stays in its registers
   A[2, k]  *  ------------------------>  C[2, 0:64]     for the whole loop over k
   A[3, k]  *  ------------------------>  C[3, 0:64]

Numba cannot be told to keep a block of variables in vector registers, so the tile is given to LLVM, the compiler
below Numba, in LLVM's own language. It is compiled once per process (0.3 s for all sizes, where the same loop as a
part of every Numba kernel took 25 s), and a kernel calls it by its address. The last vector of a row is read and
written through a mask, so a width that is no multiple of the vector needs no other code.
"""

import threading
from typing import NamedTuple

import numpy as np
from llvmlite import ir
from numpy.typing import DTypeLike

from scratchnn import jit
from scratchnn.jit.machine import addresses_of, features, vector_bytes
from scratchnn.jit.vectors import (
    INDEX,
    declare,
    first_lanes,
    joined,
    load,
    masked_load,
    masked_store,
    number_of,
    repeated,
    suffix,
    vector_at,
)

from . import passes


class Tiles(NamedTuple):
    """Compiled tiles of one number type. ``addresses[rows, vectors]`` is where the code of a tile stands.

    [0, 0] and [0, 1] are the product and the packing of passes.py.
    """

    addresses: np.ndarray  # (rows + 1, vectors + 1) int64
    rows: int  # of the largest tile
    width: int  # columns of the largest tile, those of a packed panel
    lanes: int  # numbers in one vector


def tiles(dtype: DTypeLike) -> Tiles:
    """Compile the tiles for this machine, or for the one that NUMBA_CPU_NAME and NUMBA_CPU_FEATURES describe.

    Parameters
    ----------
    dtype : dtype
        float32 or float64.

    Returns
    -------
    Tiles
    """
    size = np.dtype(dtype).itemsize
    if size not in _TILES:
        with _COMPILING:  # one engine must not get the same names twice
            _TILES[size] = _TILES.get(size) or _make(size)
    return _TILES[size]


_TILES: dict[int, Tiles] = {}
_COMPILING = threading.Lock()


def _make(size):
    dtype = f"float{8 * size}"
    rows, vectors, lanes = _best_shape(size)
    addresses = np.zeros((rows + 1, vectors + 1), np.int64)
    for r in range(1, rows + 1):
        for v in range(1, vectors + 1):
            addresses[r, v] = r * 10**6 + v * 1000 + lanes  # what the plain Python twin of a tile reads
    if not jit.PLAIN:
        names = {(r, v): f"tile_{dtype}_{r}x{v}" for r in range(1, rows + 1) for v in range(1, vectors + 1)}
        names |= {(0, 0): f"product_{dtype}", (0, 1): f"packing_{dtype}"}

        def write():
            kind = _kind_of_tile(size)
            yield passes.write_product(names[0, 0], kind, rows, vectors, lanes, size)
            yield passes.write_packing(names[0, 1], lanes, size)
            yield from (_write_tile(name, r, v, lanes, size) for (r, v), name in names.items() if r)

        found = addresses_of(f"tiles-{dtype}", names.values(), write)
        for key, address in zip(names, found, strict=True):
            addresses[key] = address
    return Tiles(addresses, rows, vectors * lanes, lanes)


def _best_shape(size):
    """Give rows, vectors and lanes: as much of the result as the registers hold beside one row of B."""
    lanes = vector_bytes() // size
    if "avx512f" in features():
        return 6, 4, lanes  # 32 registers of 64 bytes: 24 for C, 4 for B
    if {"avx2", "fma"} <= features():
        return 6, 2, lanes  # 16 registers of 32 bytes: 12 for C, 2 for B
    if "neon" in features():
        return 6, 4, lanes  # 32 registers of 16 bytes
    return 4, 2, lanes


def _kind_of_tile(size):
    """Give the type of a tile's code: A, A_row, A_k, B, B_k, C, C_row, K, last, add."""
    pointer = number_of(size).as_pointer()
    return ir.FunctionType(ir.VoidType(), [pointer, INDEX, INDEX, pointer, INDEX, pointer, *[INDEX] * 4])


def _write_tile(name, rows, vectors, lanes, size):
    """Write one tile: C[rows, columns] (+)= A[rows, K] @ B[K, columns], the last vector through a mask."""
    vector = ir.VectorType(number_of(size), lanes)
    pointer = vector.element.as_pointer()
    module = ir.Module(name)
    function = ir.Function(module, _kind_of_tile(size), name)
    for k in (0, 3, 5):
        function.args[k].add_attribute("noalias")
    A, A_row, A_k, B, B_k, C, C_row, K, last, add = function.args
    block = {part: function.append_basic_block(part) for part in ("entry", "read", "start", "loop", "write")}
    fma = declare(module, f"llvm.fma.{suffix(vector)}", vector, [vector] * 3)
    cells = [(r, v) for r in range(rows) for v in range(vectors)]

    at = ir.IRBuilder(block["entry"])
    mask = first_lanes(at, last, lanes)
    C_at = {(r, v): vector_at(at, C, at.add(at.mul(C_row, INDEX(r)), INDEX(v * lanes)), vector) for r, v in cells}
    A_at = [at.gep(A, [at.mul(A_row, INDEX(r))]) for r in range(rows)]
    at.cbranch(at.icmp_signed("!=", add, INDEX(0)), block["read"], block["start"])

    at = ir.IRBuilder(block["read"])  # add to what C holds
    held = {}
    for r, v in cells:
        masked = v == vectors - 1
        held[r, v] = masked_load(module, at, C_at[r, v], mask, vector) if masked else load(at, C_at[r, v], size)
    at.branch(block["start"])

    at = ir.IRBuilder(block["start"])
    zero = ir.Constant(vector, None)
    begin = {cell: joined(at, vector, (zero, block["entry"]), (held[cell], block["read"])) for cell in cells}
    at.cbranch(at.icmp_signed(">", K, INDEX(0)), block["loop"], block["write"])

    at = ir.IRBuilder(block["loop"])
    k, B_row, A_now = at.phi(INDEX), at.phi(pointer), [at.phi(pointer) for _ in range(rows)]
    sums = {cell: at.phi(vector) for cell in cells}
    b = [load(at, vector_at(at, B_row, INDEX(v * lanes), vector), size) for v in range(vectors)]
    more = {}
    for r in range(rows):
        a = repeated(at, at.load(A_now[r]), vector)
        for v in range(vectors):
            more[r, v] = at.call(fma, [a, b[v], sums[r, v]])
    k_next = at.add(k, INDEX(1))
    for phi, first, following in [
        (k, INDEX(0), k_next),
        (B_row, B, at.gep(B_row, [B_k])),
        *((A_now[r], A_at[r], at.gep(A_now[r], [A_k])) for r in range(rows)),
        *((sums[cell], begin[cell], more[cell]) for cell in cells),
    ]:
        phi.add_incoming(first, block["start"])
        phi.add_incoming(following, block["loop"])
    at.cbranch(at.icmp_signed("<", k_next, K), block["loop"], block["write"])

    at = ir.IRBuilder(block["write"])
    total = {cell: joined(at, vector, (begin[cell], block["start"]), (more[cell], block["loop"])) for cell in cells}
    for r, v in cells:
        if v == vectors - 1:
            masked_store(module, at, total[r, v], C_at[r, v], mask, vector)
        else:
            at.store(total[r, v], C_at[r, v]).align = size
    at.ret_void()
    return module
