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

import hashlib
import threading
from functools import cache
from typing import NamedTuple

import llvmlite.binding as llvm
import numba
import numpy as np
from llvmlite import ir
from numpy.typing import DTypeLike

from scratchnn import jit

from . import called

INDEX = ir.IntType(64)


class Tiles(NamedTuple):
    """Compiled tiles of one number type. ``addresses[rows, vectors]`` is where the code of a tile stands.

    [0, 0] and [0, 1] are the product and the packing of called.py.
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
        engine, machine = _engine()
        code = jit.kept(f"tiles-{dtype}-{_machine_key()}.o", lambda: _compile(names, lanes, size, machine))
        engine.add_object_file(llvm.ObjectFileRef.from_data(code))
        engine.finalize_object()
        for key, name in names.items():
            addresses[key] = engine.get_function_address(name)
        addresses[0, :2] = called.compiled(size)
    return Tiles(addresses, rows, vectors * lanes, lanes)


@cache
def features() -> frozenset[str]:
    """Name the instruction sets to compile for, e.g. "avx2"."""
    given = numba.config.CPU_FEATURES
    if given is not None:
        return frozenset(entry[1:] for entry in given.split(",") if entry.startswith("+"))
    if numba.config.CPU_NAME == "generic":
        return frozenset()
    return frozenset(name for name, there in llvm.get_host_cpu_features().items() if there)


def _best_shape(size):
    """Give rows, vectors and lanes: as much of the result as the registers hold beside one row of B."""
    if "avx512f" in features():
        return 6, 4, 64 // size  # 32 registers of 64 bytes: 24 for C, 4 for B
    if "avx2" in features() and "fma" in features():
        return 6, 2, 32 // size  # 16 registers of 32 bytes: 12 for C, 2 for B
    if "neon" in features():
        return 6, 4, 16 // size  # 32 registers of 16 bytes
    return 4, 2, 16 // size


@cache
def _engine():
    """Make a compiler for this process; it must live as long as the code."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    name = numba.config.CPU_NAME or llvm.get_host_cpu_name()
    wanted = ",".join(f"+{feature}" for feature in sorted(features()))
    if numba.config.CPU_FEATURES is None and numba.config.CPU_NAME is None:
        wanted = llvm.get_host_cpu_features().flatten()
    target = llvm.Target.from_default_triple()
    machine = target.create_target_machine(cpu=name, features=wanted, opt=3, jit=True)
    return llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine), machine


def _machine_key():
    described = f"{numba.config.CPU_NAME or llvm.get_host_cpu_name()} {sorted(features())}"
    return hashlib.sha256(described.encode()).hexdigest()[:16]


def _compile(names, lanes, size, machine):
    whole = llvm.parse_assembly("")
    whole.triple = llvm.get_default_triple()
    for (rows, vectors), name in names.items():
        module = _write_tile(name, rows, vectors, lanes, size)
        module.triple = whole.triple
        whole.link_in(llvm.parse_assembly(str(module)))
    builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=2))
    builder.getModulePassManager().run(whole, builder)
    return machine.emit_object(whole)


def _write_tile(name, rows, vectors, lanes, size):
    """Write one tile: C[rows, columns] (+)= A[rows, K] @ B[K, columns], the last vector through a mask."""
    number = ir.FloatType() if size == 4 else ir.DoubleType()
    vector = ir.VectorType(number, lanes)
    pointer = number.as_pointer()
    module = ir.Module(name)
    kind = ir.FunctionType(
        ir.VoidType(), [pointer, INDEX, INDEX, pointer, INDEX, pointer, INDEX, INDEX, INDEX, INDEX]
    )
    function = ir.Function(module, kind, name)
    for k in (0, 3, 5):
        function.args[k].add_attribute("noalias")
    A, A_row, A_k, B, B_k, C, C_row, K, last, add = function.args
    block = {part: function.append_basic_block(part) for part in ("entry", "read", "start", "loop", "write")}
    fma = _declare(module, f"llvm.fma.v{lanes}f{8 * size}", vector, [vector] * 3)
    cells = [(r, v) for r in range(rows) for v in range(vectors)]

    at = ir.IRBuilder(block["entry"])
    mask = _first_lanes(at, last, lanes)
    C_at = {(r, v): _vector_at(at, C, at.add(at.mul(C_row, INDEX(r)), INDEX(v * lanes)), vector) for r, v in cells}
    A_at = [at.gep(A, [at.mul(A_row, INDEX(r))]) for r in range(rows)]
    at.cbranch(at.icmp_signed("!=", add, INDEX(0)), block["read"], block["start"])

    at = ir.IRBuilder(block["read"])  # add to what C holds
    held = {}
    for r, v in cells:
        masked = v == vectors - 1
        held[r, v] = _masked_load(module, at, C_at[r, v], mask, vector) if masked else _load(at, C_at[r, v], size)
    at.branch(block["start"])

    at = ir.IRBuilder(block["start"])
    zero = ir.Constant(vector, None)
    begin = {cell: _joined(at, vector, (zero, block["entry"]), (held[cell], block["read"])) for cell in cells}
    at.cbranch(at.icmp_signed(">", K, INDEX(0)), block["loop"], block["write"])

    at = ir.IRBuilder(block["loop"])
    k, B_row, A_now = at.phi(INDEX), at.phi(pointer), [at.phi(pointer) for _ in range(rows)]
    sums = {cell: at.phi(vector) for cell in cells}
    b = [_load(at, _vector_at(at, B_row, INDEX(v * lanes), vector), size) for v in range(vectors)]
    more = {}
    for r in range(rows):
        a = _repeat(at, at.load(A_now[r]), vector)
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
    total = {cell: _joined(at, vector, (begin[cell], block["start"]), (more[cell], block["loop"])) for cell in cells}
    for r, v in cells:
        if v == vectors - 1:
            _masked_store(module, at, total[r, v], C_at[r, v], mask, vector)
        else:
            at.store(total[r, v], C_at[r, v]).align = size
    at.ret_void()
    return module


def _declare(module, name, result, arguments):
    if name in module.globals:
        return module.globals[name]
    return ir.Function(module, ir.FunctionType(result, arguments), name)


def _vector_at(at, base, offset, vector):
    return at.bitcast(at.gep(base, [offset]), vector.as_pointer())


def _load(at, place, size):
    loaded = at.load(place)
    loaded.align = size
    return loaded


def _joined(at, kind, *arrivals):
    """Make the value that depends on which block we came from."""
    phi = at.phi(kind)
    for value, block in arrivals:
        phi.add_incoming(value, block)
    return phi


def _repeat(at, value, vector):
    alone = at.insert_element(ir.Constant(vector, ir.Undefined), value, ir.IntType(32)(0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), vector.count), [0] * vector.count)
    return at.shuffle_vector(alone, ir.Constant(vector, ir.Undefined), zeros)


def _first_lanes(at, count, lanes):
    """Make a mask that is true in the first ``count`` lanes."""
    indices = ir.VectorType(INDEX, lanes)
    return at.icmp_signed("<", ir.Constant(indices, list(range(lanes))), _repeat(at, count, indices))


def _masked_load(module, at, place, mask, vector):
    kind = [place.type, ir.IntType(32), mask.type, vector]
    name = f"llvm.masked.load.v{vector.count}{_letter(vector)}.p0"
    zero = ir.Constant(vector, None)
    return at.call(_declare(module, name, vector, kind), [place, ir.IntType(32)(_bytes(vector)), mask, zero])


def _masked_store(module, at, value, place, mask, vector):
    kind = [vector, place.type, ir.IntType(32), mask.type]
    name = f"llvm.masked.store.v{vector.count}{_letter(vector)}.p0"
    at.call(_declare(module, name, ir.VoidType(), kind), [value, place, ir.IntType(32)(_bytes(vector)), mask])


def _letter(vector):
    return f"f{8 * _bytes(vector)}"


def _bytes(vector):
    return 4 if isinstance(vector.element, ir.FloatType) else 8
