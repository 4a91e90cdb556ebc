"""The softmax of rows of scores and its way back, written for LLVM by hand as the tiles of the product are.

The idea in plain words
-----------------------
Between two products stands arithmetic on rows of scores: the largest, exp, the sum; backward alpha * (dalpha - mean).
Numba makes loops of it that are right but slow at 50 numbers a row: each call and each loop begins with tests for
lengths and overlaps, for a handful of vectors. Here one call does all rows of a block, vector by vector: first those
that a row sees as a whole, then the others through a mask. cpu_rows.py says what each function does.

exp of a float32 is that of ops/softmax/formula.py without what a softmax cannot need: no shifted score is above 0, so
there is no limit above, and what would be below the smallest normal number becomes 0 at the end.
"""

from llvmlite import ir

from scratchnn.jit.vectors import (
    INDEX,
    counted,
    declare,
    fewer,
    first_lanes,
    load,
    masked_load,
    masked_store,
    number_of,
    repeated,
    suffix,
    vector_at,
)

BYTE = ir.IntType(8)
FLAGS = ("contract",)  # as in jit/compiling.py
LOWEST = float("-inf")
EXP = (0.001381461275741458, 0.008368710055947304, 0.04166838899254799, 0.1666652113199234, 0.4999999403953552, 1, 1)


class _Function:
    """A function that is being written; ``kinds`` of its arguments: i a whole number, n numbers, m a mask's bytes."""

    def __init__(self, name, kinds, lanes, size):
        number = number_of(size)
        types = {"i": INDEX, "n": number.as_pointer(), "m": BYTE.as_pointer()}
        self.module, self.lanes, self.size = ir.Module(name), lanes, size
        self.vector = ir.VectorType(number, lanes)
        function = ir.Function(self.module, ir.FunctionType(ir.VoidType(), [types[kind] for kind in kinds]), name)
        self.arguments = function.args
        self.at = ir.IRBuilder(function.append_basic_block())

    def all(self, value):
        """Give a vector of one number: a constant's, or that of a value."""
        if isinstance(value, ir.Value):
            return repeated(self.at, value, self.vector)
        return ir.Constant(self.vector, [float(value)] * self.lanes)

    def held(self, kind):
        """Make a variable; LLVM keeps it in a register."""
        with self.at.goto_entry_block():
            return self.at.alloca(kind)

    def read(self, row, j, there):
        """Read the vector at ``j``; 0 where ``there`` is false."""
        place = vector_at(self.at, row, j, self.vector)
        if there is None:
            return load(self.at, place, self.size)
        return masked_load(self.module, self.at, place, there, self.vector)

    def write(self, value, row, j, there=None):
        """Write the vector at ``j``, where ``there`` is true."""
        place = vector_at(self.at, row, j, self.vector)
        if there is None:
            self.at.store(value, place).align = self.size
        else:
            masked_store(self.module, self.at, value, place, there, self.vector)

    def each_vector(self, count, width, mask=None):
        """Write a loop over the vectors of a row: gives ``j`` and what of it is there, None for all.

        Of ``width`` numbers the first ``count`` are there, and of these those that the mask's bytes allow. What is
        written for a vector is written twice: for whole ones, and for those at the edge.
        """
        at, zero = self.at, INDEX(0)
        full = zero if mask is not None else at.and_(count, INDEX(-self.lanes))
        if mask is None:
            with counted(at, zero, full, INDEX(self.lanes)) as j:
                yield j, None
        with counted(at, full, width, INDEX(self.lanes)) as j:
            there = first_lanes(at, at.sub(count, j), self.lanes)
            yield j, there if mask is None else self._allowed(mask, j, there)

    def _allowed(self, mask, j, there):
        bytes_ = ir.VectorType(BYTE, self.lanes)
        place, zero = self.at.bitcast(self.at.gep(mask, [j]), bytes_.as_pointer()), ir.Constant(bytes_, None)
        kind = [place.type, ir.IntType(32), there.type, bytes_]
        read = declare(self.module, f"llvm.masked.load.v{self.lanes}i8.p0", bytes_, kind)
        return self.at.icmp_signed("!=", self.at.call(read, [place, ir.IntType(32)(1), there, zero]), zero)

    def folded(self, value, combine):
        """Combine all places of a vector: halves, then quarters, and so on."""
        distance, nothing = self.lanes // 2, ir.Constant(value.type, ir.Undefined)
        while distance:
            places = [(i + distance) % self.lanes for i in range(self.lanes)]
            turned = self.at.shuffle_vector(
                value, nothing, ir.Constant(ir.VectorType(ir.IntType(32), self.lanes), places)
            )
            value = combine(value, turned)
            distance //= 2
        return self.at.extract_element(value, ir.IntType(32)(0))

    def larger(self, a, b):
        """Choose the larger numbers; b where one is NaN."""
        return self.at.select(self.at.fcmp_ordered(">", a, b), a, b)

    def sum(self, a, b):
        """Add."""
        return self.at.fadd(a, b)

    def times_plus(self, a, b, c):
        """Give a * b + c with one rounding."""
        return self.at.call(
            declare(self.module, f"llvm.fma.{suffix(self.vector)}", self.vector, [self.vector] * 3), [a, b, c]
        )

    def exp(self, x):
        """Give exp of numbers up to 44; float64: the C library's, number by number."""
        at, fma = self.at, self.times_plus
        if self.size == 8:
            return at.call(declare(self.module, f"llvm.exp.{suffix(self.vector)}", self.vector, [self.vector]), [x])
        shifted = fma(x, self.all(1.44269504088896341), self.all(12582912.0))
        n = at.fsub(shifted, self.all(12582912.0))
        r = fma(n, self.all(2.12194440e-4), fma(n, self.all(-0.693359375), x))
        p = self.all(EXP[0])
        for coefficient in EXP[1:]:
            p = fma(p, r, self.all(coefficient))
        whole = ir.VectorType(ir.IntType(32), self.lanes)
        power = at.add(
            at.shl(at.bitcast(shifted, whole), ir.Constant(whole, [23] * self.lanes)),
            ir.Constant(whole, [0x3F800000] * self.lanes),
        )
        made = at.fmul(p, at.bitcast(power, self.vector))
        return at.select(at.fcmp_ordered("<", x, self.all(-87.3)), self.all(0), made)

    def done(self):
        """Give the module."""
        self.at.ret_void()
        return self.module


def write_exponentials(name: str, masked: bool, lanes: int, size: int) -> ir.Module:
    """Write what ``cpu_rows.exponentials_into`` calls.

    Parameters
    ----------
    name : str
        Of the function.
    masked : bool
    lanes, size : int
        Numbers in a vector, bytes of a number.

    Returns
    -------
    llvmlite module
    """
    f = _Function(name, "iini" + "iin" + "mi" + "nnn" + "ii", lanes, size)
    n, w, x, x_row, c, c_step, scale, mask, mask_row, most, sums, fades, first, whole = f.arguments
    at, number = f.at, f.vector.element
    lowest, zero, one = (ir.Constant(number, value) for value in (LOWEST, 0.0, 1.0))
    held, total = f.held(f.vector), f.held(number)
    first, whole = (at.icmp_signed("!=", flag, INDEX(0)) for flag in (first, whole))
    factor = f.all(at.load(scale))
    with counted(at, INDEX(0), n) as r:
        row, allowed = at.gep(x, [at.mul(r, x_row)]), at.gep(mask, [at.mul(r, mask_row)]) if masked else None
        count = _within(at, at.add(c, at.mul(r, c_step)), w)
        at.store(f.all(LOWEST), held)
        for j, there in f.each_vector(count, w, allowed):
            scaled = at.fmul(factor, f.read(row, j, None))
            at.store(
                f.larger(scaled if there is None else at.select(there, scaled, f.all(LOWEST)), at.load(held)), held
            )
        before = at.select(first, lowest, at.load(at.gep(most, [r])))
        new = f.larger(f.folded(at.load(held), f.larger), before)
        at.store(new, at.gep(most, [r]))
        shift = at.select(at.fcmp_ordered("==", new, lowest), zero, new)
        shifts = f.all(at.fneg(shift))
        at.store(f.all(0), held)
        for j, there in f.each_vector(count, w, allowed):
            made = f.exp(f.times_plus(factor, f.read(row, j, None), shifts))
            made = made if there is None else at.select(there, made, f.all(0))
            f.write(made, row, j)
            at.store(at.fadd(at.load(held), made), held)
        at.store(f.folded(at.load(held), f.sum), total)
        with at.if_then(at.not_(first)):
            fade = at.extract_element(f.exp(f.all(at.fsub(before, shift))), ir.IntType(32)(0))
            at.store(fade, at.gep(fades, [r]))
            at.store(at.fadd(at.fmul(at.load(at.gep(sums, [r])), fade), at.load(total)), total)
        sum_ = at.load(total)
        at.store(sum_, at.gep(sums, [r]))
        with at.if_then(whole):
            portion = f.all(at.fdiv(one, at.select(at.fcmp_ordered("==", sum_, zero), one, sum_)))
            with counted(at, INDEX(0), w, INDEX(lanes)) as j:
                f.write(at.fmul(f.read(row, j, None), portion), row, j)
    return f.done()


def write_undo(name: str, masked: bool, lanes: int, size: int) -> ir.Module:
    """Write what ``cpu_rows.undo_softmax_into`` calls.

    Parameters
    ----------
    name, masked, lanes, size
        As in ``write_exponentials``.

    Returns
    -------
    llvmlite module
    """
    f = _Function(name, "ii" + "nini" + "iin" + "mi" + "nn" + "ii", lanes, size)
    n, w, x, x_row, d, d_row, c, c_step, scale, mask, mask_row, log_sums, means, again, own = f.arguments
    at, number = f.at, f.vector.element
    held, mean = f.held(f.vector), f.held(number)
    again, own = (at.icmp_signed("!=", flag, INDEX(0)) for flag in (again, own))
    factor = f.all(at.load(scale))
    with counted(at, INDEX(0), n) as r:
        p_row, row = at.gep(x, [at.mul(r, x_row)]), at.gep(d, [at.mul(r, d_row)])
        allowed = at.gep(mask, [at.mul(r, mask_row)]) if masked else None
        count = _within(at, at.add(c, at.mul(r, c_step)), w)
        with at.if_else(own) as (itself, given):
            with itself:
                at.store(f.all(0), held)
                for j, there in f.each_vector(count, w, allowed):
                    product = at.fmul(f.read(p_row, j, there), f.read(row, j, there))
                    at.store(at.fadd(at.load(held), product), held)
                at.store(f.folded(at.load(held), f.sum), mean)
            with given:
                at.store(at.load(at.gep(means, [r])), mean)
        least = f.all(at.load(mean))

        def undo(p, j, there, row=row, least=least):
            made = at.fmul(at.fmul(p, at.fsub(f.read(row, j, None), least)), factor)
            f.write(made if there is None else at.select(there, made, f.all(0)), row, j)

        with at.if_else(again) as (computed, kept):
            with computed:
                log_sum = f.all(at.fneg(at.load(at.gep(log_sums, [r]))))
                for j, there in f.each_vector(count, w, allowed):
                    p = f.exp(f.times_plus(factor, f.read(p_row, j, None), log_sum))
                    p = p if there is None else at.select(there, p, f.all(0))
                    f.write(p, p_row, j)
                    undo(p, j, there)
            with kept:
                for j, there in f.each_vector(count, w, allowed):
                    undo(f.read(p_row, j, there), j, there)
    return f.done()


def write_double(name: str, lanes: int, size: int) -> ir.Module:
    """Write what ``cpu_rows.exp_double_into`` calls.

    Parameters
    ----------
    name, lanes, size
        As in ``write_exponentials``.

    Returns
    -------
    llvmlite module
    """
    f = _Function(name, "iininin", lanes, size)
    n, w, x, x_row, out, out_row, largest = f.arguments
    at, integers = f.at, ir.VectorType(ir.IntType(8 * size), lanes)
    held = f.held(integers)
    no_sign = ir.Constant(integers, [(1 << (8 * size - 1)) - 1] * lanes)
    at.store(ir.Constant(integers, [0] * lanes), held)
    with counted(at, INDEX(0), n) as r:
        given, made = at.gep(x, [at.mul(r, x_row)]), at.gep(out, [at.mul(r, out_row)])
        for j, there in f.each_vector(w, w):
            number = f.read(given, j, there)
            size_ = at.and_(at.bitcast(number, integers), no_sign)  # whole numbers keep the order: NaN is the largest
            at.store(fewer(at, size_, at.load(held), most=True), held)
            f.write(f.exp(at.fadd(number, number)), made, j, there)
    top = f.folded(at.load(held), lambda a, b: fewer(at, a, b, most=True))
    at.store(at.bitcast(top, f.vector.element), largest)
    return f.done()


def _within(at, count, w):
    return fewer(at, fewer(at, count, w), INDEX(0), most=True)
