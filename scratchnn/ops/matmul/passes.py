"""The loops around the tiles, and the packing, written for LLVM as the tiles are: Numba takes 0.7 s to compile them.

Both take addresses, and distances in numbers, so one piece of machine code serves all kernels.
"""

from llvmlite import ir

from scratchnn.jit.vectors import (
    INDEX,
    counted,
    fewer,
    first_lanes,
    masked_load,
    masked_store,
    number_of,
    transposed,
    vector_at,
)

K_BLOCK = 192  # rows of a panel used at a time: 192 x 64 float32 are 48 KB, a first-level cache
M_BLOCK = 384  # rows of A that pass over all panels while they stay in the second-level cache, 295 KB


def write_product(name: str, tile: ir.FunctionType, rows: int, vectors: int, lanes: int, size: int) -> ir.Module:
    """Write C[M, N] (+)= A[M, K] @ B[K, N], tile by tile.

    A part of a panel of B serves all rows of A before the next comes: it stays in the cache. The rows of A come in
    strips of nearly equal height, at most a tile's: 20 rows are 4 strips of 5, as 6, 6, 6, 2 would load each part of
    a panel for two rows only.

    Parameters
    ----------
    name : str
        Of the function.
    tile : function type of a tile
    rows, vectors, lanes, size : int
        The largest tile's rows and vectors; numbers in a vector, bytes of a number.

    Returns
    -------
    llvmlite module
    """
    number = number_of(size).as_pointer()
    module = ir.Module(name)
    arguments = [INDEX.as_pointer(), number, *[INDEX] * 3, number, *[INDEX] * 2, number, *[INDEX] * 5]
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), arguments), name)
    table, A, A_strip, A_row, A_k, P, P_panel, P_k, C, C_row, M, N, K, add = function.args
    at = ir.IRBuilder(function.append_basic_block())
    width = INDEX(vectors * lanes)
    strips = _over(at, M, INDEX(rows))
    height = _over(at, M, fewer(at, strips, INDEX(1), most=True))
    below = at.icmp_signed("==", A_strip, at.mul(A_row, INDEX(rows)))  # not packed: strips may begin at any row
    height = at.select(below, height, INDEX(rows))
    A_strip = at.select(below, at.mul(height, A_row), A_strip)
    strips = _over(at, M, fewer(at, height, INDEX(1), most=True))
    panels = _over(at, N, width)
    block = INDEX(M_BLOCK // rows)
    with (
        counted(at, INDEX(0), strips, block) as begin,
        counted(at, INDEX(0), fewer(at, K, INDEX(1), most=True), INDEX(K_BLOCK)) as k,
        counted(at, INDEX(0), panels) as p,
    ):
        end = fewer(at, at.add(begin, block), strips)
        depth = fewer(at, INDEX(K_BLOCK), at.sub(K, k))
        more = at.select(at.icmp_signed(">", k, INDEX(0)), INDEX(1), add)
        n = fewer(at, width, at.sub(N, at.mul(p, width)))
        used = _over(at, n, INDEX(lanes))
        last = at.sub(n, at.mul(at.sub(used, INDEX(1)), INDEX(lanes)))
        B_at = at.gep(P, [at.add(at.mul(p, P_panel), at.mul(k, P_k))])
        with counted(at, begin, end) as m:
            row = at.mul(m, height)
            count = fewer(at, height, at.sub(M, row))
            chosen = at.load(at.gep(table, [at.add(at.mul(count, INDEX(vectors + 1)), used)]))
            A_at = at.gep(A, [at.add(at.mul(m, A_strip), at.mul(k, A_k))])
            C_at = at.gep(C, [at.add(at.mul(row, C_row), at.mul(p, width))])
            code = at.inttoptr(chosen, tile.as_pointer())
            at.call(code, [A_at, A_row, A_k, B_at, P_k, C_at, C_row, depth, last, more])
    at.ret_void()
    return module


def write_packing(name: str, lanes: int, size: int) -> ir.Module:
    """Write the copy of B[K, N] into panels of ``width`` columns, ``P_panel`` apart; what lies behind N becomes 0.

    The rows of B lie together in memory, or its columns do: then square blocks are transposed in registers.

    Parameters
    ----------
    name : str
        Of the function.
    lanes, size : int
        Numbers in a vector, bytes of a number.

    Returns
    -------
    llvmlite module
    """
    number = number_of(size)
    vector = ir.VectorType(number, lanes)
    module = ir.Module(name)
    arguments = [INDEX, number.as_pointer(), INDEX, number.as_pointer(), *[INDEX] * 4]
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), arguments), name)
    width, P, P_panel, B, B_k, B_column, K, N = function.args
    at = ir.IRBuilder(function.append_basic_block())
    with counted(at, INDEX(0), _over(at, N, width)) as p:
        panel = at.gep(P, [at.mul(p, P_panel)])
        given = at.gep(B, [at.mul(at.mul(p, width), B_column)])
        n = fewer(at, width, at.sub(N, at.mul(p, width)))
        with at.if_else(at.icmp_signed("==", B_column, INDEX(1))) as (rows_of_B, columns_of_B):
            with rows_of_B, counted(at, INDEX(0), K) as k:
                source, target = at.gep(given, [at.mul(k, B_k)]), at.gep(panel, [at.mul(k, width)])
                with counted(at, INDEX(0), width, INDEX(lanes)) as j:
                    there, room = (first_lanes(at, at.sub(end, j), lanes) for end in (n, width))
                    read = masked_load(module, at, vector_at(at, source, j, vector), there, vector)
                    masked_store(module, at, read, vector_at(at, target, j, vector), room, vector)
            with (
                columns_of_B,
                counted(at, INDEX(0), K, INDEX(lanes)) as k,
                counted(at, INDEX(0), width, INDEX(lanes)) as j,
            ):
                block = []
                for r in range(lanes):  # a column of B is a row in memory
                    column = at.add(j, INDEX(r))
                    there = first_lanes(at, _if_less(at, column, n, at.sub(K, k)), lanes)
                    source = at.gep(given, [at.add(at.mul(column, B_column), k)])
                    block.append(masked_load(module, at, vector_at(at, source, INDEX(0), vector), there, vector))
                for r, read in enumerate(transposed(at, block)):
                    row = at.add(k, INDEX(r))
                    room = first_lanes(at, _if_less(at, row, K, at.sub(width, j)), lanes)
                    target = at.gep(panel, [at.add(at.mul(row, width), j)])
                    masked_store(module, at, read, vector_at(at, target, INDEX(0), vector), room, vector)
    at.ret_void()
    return module


def _over(at, count, by):
    """Divide, rounding up."""
    return at.sdiv(at.add(count, at.sub(by, INDEX(1))), by)


def _if_less(at, a, b, count):
    """Give ``count`` if a < b, else 0."""
    return at.select(at.icmp_signed("<", a, b), count, INDEX(0))
