"""Vectors in LLVM's own language: the few instructions that tiles (ops/matmul) and row loops (rows.py) are made of.

``at`` is an llvmlite IRBuilder, the place where the next instruction goes.
"""

from contextlib import contextmanager

from llvmlite import ir

INDEX = ir.IntType(64)


def number_of(size):
    """Give the type of a number of ``size`` bytes."""
    return ir.FloatType() if size == 4 else ir.DoubleType()


def size_of(vector):
    """Give the bytes of one number of a vector."""
    return 4 if isinstance(vector.element, ir.FloatType) else 8


def declare(module, name, result, arguments):
    """Give the function ``name`` of LLVM or of the C library."""
    if name in module.globals:
        return module.globals[name]
    return ir.Function(module, ir.FunctionType(result, arguments), name)


def vector_at(at, base, offset, vector):
    """Point to the vector that begins ``offset`` numbers behind ``base``."""
    return at.bitcast(at.gep(base, [offset]), vector.as_pointer())


def load(at, place, size):
    """Read what need not lie at a multiple of its own length."""
    loaded = at.load(place)
    loaded.align = size
    return loaded


def joined(at, kind, *arrivals):
    """Make the value that depends on which block we came from."""
    phi = at.phi(kind)
    for value, block in arrivals:
        phi.add_incoming(value, block)
    return phi


def repeated(at, value, vector):
    """Put one number into every place of a vector."""
    alone = at.insert_element(ir.Constant(vector, ir.Undefined), value, ir.IntType(32)(0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), vector.count), [0] * vector.count)
    return at.shuffle_vector(alone, ir.Constant(vector, ir.Undefined), zeros)


def first_lanes(at, count, lanes):
    """Make a mask that is true in the first ``count`` places; count is below 2**31."""
    short = ir.IntType(32)
    indices = ir.VectorType(short, lanes)
    return at.icmp_signed(
        "<", ir.Constant(indices, list(range(lanes))), repeated(at, at.trunc(count, short), indices)
    )


def masked_load(module, at, place, mask, vector):
    """Read where the mask is true; 0 elsewhere."""
    kind = [place.type, ir.IntType(32), mask.type, vector]
    name = f"llvm.masked.load.{suffix(vector)}.p0"
    zero = ir.Constant(vector, None)
    return at.call(declare(module, name, vector, kind), [place, ir.IntType(32)(size_of(vector)), mask, zero])


def masked_store(module, at, value, place, mask, vector):
    """Write where the mask is true."""
    kind = [vector, place.type, ir.IntType(32), mask.type]
    name = f"llvm.masked.store.{suffix(vector)}.p0"
    at.call(declare(module, name, ir.VoidType(), kind), [value, place, ir.IntType(32)(size_of(vector)), mask])


def transposed(at, rows):
    """Turn as many vectors as a vector has places into their columns.

    Halves are exchanged, then quarters within the halves, and so on: four exchanges for 16 vectors of 16.
    """
    rows, lanes = list(rows), len(rows)
    distance = lanes // 2
    while distance:
        for r in range(lanes):
            if not r & distance:
                a, b = rows[r], rows[r + distance]
                low = [i if not i & distance else lanes + i - distance for i in range(lanes)]
                high = [i + distance if not i & distance else lanes + i for i in range(lanes)]
                rows[r], rows[r + distance] = (_chosen(at, a, b, places) for places in (low, high))
        distance //= 2
    return rows


def _chosen(at, a, b, places):
    """Make a vector of the numbers at these places of two vectors, one behind the other."""
    kind = ir.VectorType(ir.IntType(32), len(places))
    return at.shuffle_vector(a, b, ir.Constant(kind, places))


def suffix(vector):
    """Write how LLVM's functions name the type."""
    return f"v{vector.count}f{8 * size_of(vector)}"


def fewer(at, a, b, most=False):
    """Choose the smaller of two whole numbers, or the larger."""
    return at.select(at.icmp_signed(">" if most else "<", a, b), a, b)


@contextmanager
def counted(at, begin, end, step=None):
    """Write a loop, for k in range(begin, end, step): what is written inside ``with`` stands in it."""
    test, body, behind = (at.append_basic_block(name) for name in ("test", "body", "behind"))
    before = at.block
    at.branch(test)
    at.position_at_end(test)
    k = at.phi(INDEX)
    k.add_incoming(begin, before)
    at.cbranch(at.icmp_signed("<", k, end), body, behind)
    at.position_at_end(body)
    yield k
    k.add_incoming(at.add(k, INDEX(1) if step is None else step), at.block)
    at.branch(test)
    at.position_at_end(behind)
