"""Loops over the numbers of many rows, compiled from a formula by running the formula once.

The idea in plain words
-----------------------
A cell of a recurrent network does the same arithmetic with every number of a row: ``c = f * c_prev + i * g``. To
turn such a formula into machine code nobody has to read it: it is called once with *symbols* in place of numbers.
A symbol has ``+ - * /``; each writes one instruction down (for a whole vector of 8 or 16 numbers), and gives a symbol
for its result. What has been written down when the formula returns is the inside of the loop. So the same formulas
(formula.py) serve plain Python, Numba's kernels and these loops.

What Numba would make of the same loop depends on whether LLVM finds that it may use vectors, and costs half a
second of compiling; and the numbers beyond the last full vector, 4 of 20, it does one by one. Here a loop costs some
20 ms, is vectors by construction, and the last vector goes through a mask.

A formula may use arithmetic, ``np.float32``, ``type(x)(0.5)``, ``math.tanh``, ``math.sqrt``, ``clamped`` and other
such formulas, and no ``if``: a symbol is neither true nor false.
"""

from collections.abc import Callable
from types import FunctionType, SimpleNamespace

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.typing import DTypeLike

from .compiling import PLAIN, scalar
from .machine import addresses_of, vector_bytes
from .vectors import (
    INDEX,
    declare,
    first_lanes,
    load,
    masked_load,
    masked_store,
    number_of,
    repeated,
    suffix,
    vector_at,
)

_CODES: dict[tuple, int] = {}
_TWINS: list = []  # in plain Python, what an "address" stands for


@scalar
def clamped(x, most):
    """Bring x into [-most, most]; a NaN stays NaN."""
    return most if x > most else (-most if x < -most else x)


def copied(x):
    """Formula of a copy."""
    return (x,)


def added(x, y):
    """Formula of a sum."""
    return (x + y,)


def row_loop(formula: Callable, kinds: str, dtype: DTypeLike) -> int:
    """Compile a loop that applies a formula to every number of many rows.

    Parameters
    ----------
    formula : function
        Of a module. Takes one number of each input and gives a tuple with one of each output. What it takes is read
        before what it gives is written.
    kinds : str
        One letter for each array, inputs first: ``v`` a row of numbers, ``n`` one number for the whole row, ``w`` a
        row that is also an output. Outputs are the ``w`` in their order, then the arrays behind the inputs.
    dtype : dtype
        float32 or float64.

    Returns
    -------
    int
        Address for ``call_rows``.

    Raises
    ------
    ValueError
        The formula is a lambda or lives in another function.
    TypeError
        It branches on a number.
    """
    if "<" in formula.__qualname__:
        raise ValueError(f"row_loop: {formula.__qualname__} has no name of its own, under which code could be kept")
    size = np.dtype(dtype).itemsize
    key = (formula.__module__, formula.__qualname__, kinds, size)
    if key not in _CODES:
        if PLAIN:
            _TWINS.append((formula, kinds))
            _CODES[key] = len(_TWINS) - 1
        else:
            name = "rows_" + "_".join(map(str, key)).replace(".", "_")
            found = addresses_of(name, [name], lambda: [write_loop(name, formula, kinds, size)])
            _CODES[key] = found[0]
    return _CODES[key]


def write_loop(name: str, formula: Callable, kinds: str, size: int) -> ir.Module:
    """Write a ``row_loop`` in LLVM's language: for each row, full vectors, then what is left through a mask.

    Parameters
    ----------
    name : str
        Of the function.
    formula, kinds
        As in ``row_loop``.
    size : int
        Bytes of a number.

    Returns
    -------
    llvmlite module
    """
    lanes = vector_bytes() // size
    module = ir.Module(name)
    vector = ir.VectorType(number_of(size), lanes)
    pointer = vector.element.as_pointer()
    kind = ir.FunctionType(ir.VoidType(), [INDEX, INDEX] + [pointer, INDEX] * len(kinds))
    function = ir.Function(module, kind, name)
    rows, columns, *given = function.args
    begun, strides = given[::2], given[1::2]
    parts = ("entry", "row", "loop", "rest", "last", "end", "out")
    block = {part: function.append_basic_block(part) for part in parts}

    at = ir.IRBuilder(block["entry"])
    full = at.and_(columns, INDEX(-lanes))
    left = at.sub(columns, full)
    mask = first_lanes(at, left, lanes)
    at.cbranch(at.icmp_signed(">", rows, INDEX(0)), block["row"], block["out"])

    at = ir.IRBuilder(block["row"])
    row = at.phi(INDEX)
    places = [at.phi(pointer) for _ in kinds]
    whole_row = [repeated(at, at.load(p), vector) if k == "n" else None for p, k in zip(places, kinds, strict=True)]
    at.cbranch(at.icmp_signed(">", full, INDEX(0)), block["loop"], block["rest"])

    def apply(at, j, read, write):
        vectors = [p if k == "n" else vector_at(at, p, j, vector) for p, k in zip(places, kinds, strict=True)]
        symbol = _symbols(module, at, vector)
        inputs, outputs = _inputs_outputs(formula, kinds)
        numbers = [symbol(whole_row[k] if kinds[k] == "n" else read(vectors[k])) for k in inputs]
        made = _on_symbols(formula, symbol)(*numbers)
        for value, k in zip(made, outputs, strict=True):
            write(value.value, vectors[k])

    at = ir.IRBuilder(block["loop"])
    j = at.phi(INDEX)
    apply(at, j, lambda p: load(at, p, size), lambda value, p: setattr(at.store(value, p), "align", size))
    following = at.add(j, INDEX(lanes))
    j.add_incoming(INDEX(0), block["row"])
    j.add_incoming(following, block["loop"])
    at.cbranch(at.icmp_signed("<", following, full), block["loop"], block["rest"])

    at = ir.IRBuilder(block["rest"])
    at.cbranch(at.icmp_signed(">", left, INDEX(0)), block["last"], block["end"])

    at = ir.IRBuilder(block["last"])
    apply(
        at, full,
        lambda p: masked_load(module, at, p, mask, vector),
        lambda value, p: masked_store(module, at, value, p, mask, vector),
    )  # fmt: skip
    at.branch(block["end"])

    at = ir.IRBuilder(block["end"])
    row_next = at.add(row, INDEX(1))
    for phi, first, after in [
        (row, INDEX(0), row_next),
        *((p, b, at.gep(p, [s])) for p, b, s in zip(places, begun, strides, strict=True)),
    ]:
        phi.add_incoming(first, block["entry"])
        phi.add_incoming(after, block["end"])
    at.cbranch(at.icmp_signed("<", row_next, rows), block["row"], block["out"])

    at = ir.IRBuilder(block["out"])
    at.ret_void()
    return module


def _inputs_outputs(formula, kinds):
    """Give the places in ``kinds`` of what the formula takes and of what it gives."""
    count = _python(formula).__code__.co_argcount
    inputs, behind = range(count), range(count, len(kinds))
    return inputs, [*(k for k in inputs if kinds[k] == "w"), *behind]


def _python(function):
    return getattr(function, "py_func", function)


def _symbols(module, at, vector):
    """Make the class of symbols whose arithmetic is written down at ``at``."""
    flags = ("contract",)  # as FLAGS in compiling.py

    class Symbol:
        __array_ufunc__ = None  # NumPy's numbers leave the arithmetic to us

        def __init__(self, value):
            constant = isinstance(value, int | float | np.generic)
            self.value = ir.Constant(vector, [float(value)] * vector.count) if constant else value

        def __bool__(self):
            raise TypeError("a formula on symbols cannot branch: there is one symbol for many numbers")

        def __neg__(self):
            return Symbol(at.fneg(self.value))

    def binary(write, turned):
        def apply(self, other):
            pair = [self.value, other.value if isinstance(other, Symbol) else Symbol(other).value]
            return Symbol(write(*(pair[::-1] if turned else pair), flags=flags))

        return apply

    for name, write in {"add": at.fadd, "sub": at.fsub, "mul": at.fmul, "truediv": at.fdiv}.items():
        setattr(Symbol, f"__{name}__", binary(write, False))
        setattr(Symbol, f"__r{name}__", binary(write, True))

    def called(name):
        full = f"llvm.{name}.{suffix(vector)}"
        return lambda x: Symbol(at.call(declare(module, full, vector, [vector]), [x.value]))

    def brought_into(x, most):
        for sign, end in ((">", most), ("<", -most)):
            x = Symbol(at.select(at.fcmp_ordered(sign, x.value, end.value), end.value, x.value))
        return x

    single = vector.element == ir.FloatType()
    Symbol.names = {
        "np": SimpleNamespace(float32=Symbol if single else float, float64=float if single else Symbol),
        "math": SimpleNamespace(tanh=called("tanh"), sqrt=called("sqrt")),
        "clamped": brought_into,
    }
    Symbol.turned = {}
    return Symbol


def _on_symbols(function, symbol):
    """Give the function, with all it calls, turned into a function of symbols."""
    function = _python(function)
    if function not in symbol.turned:
        names = {**function.__globals__}
        symbol.turned[function] = FunctionType(function.__code__, names)
        for name in function.__code__.co_names:
            if name in symbol.names:
                names[name] = symbol.names[name]
            elif isinstance(_python(names.get(name)), FunctionType):
                names[name] = _on_symbols(names[name], symbol)
    return symbol.turned[function]


if PLAIN:

    def place(array, at):
        """Name the number ``at`` of an array, all axes in one."""
        return array.reshape(-1), at

    def call_rows(address, rows, columns, *given):
        """Do what the compiled loop does, number by number."""
        formula, kinds = _TWINS[address]
        inputs, outputs = _inputs_outputs(formula, kinds)
        for r in range(rows):
            row = [(array, at + r * stride) for (array, at), stride in zip(given[::2], given[1::2], strict=True)]
            for j in range(columns):
                places = [(array, at + j * (kind != "n")) for (array, at), kind in zip(row, kinds, strict=True)]
                made = formula(*(places[k][0][places[k][1]] for k in inputs))
                for value, k in zip(made, outputs, strict=True):
                    array, at = places[k]
                    array[at] = value

else:

    @intrinsic
    def place(typing, array, at):
        """Point to the number ``at`` of an array, all axes in one; the array must be contiguous."""

        def generate(context, builder, signature, arguments):
            opened = context.make_array(signature.args[0])(context, builder, arguments[0])
            return builder.ptrtoint(builder.gep(opened.data, [arguments[1]]), INDEX)

        return types.intp(array, types.intp), generate

    @intrinsic
    def call_rows(typing, address, rows, columns, *given):
        """Call the code of a ``row_loop``: a place and the distance of its rows, in numbers, for each array."""
        signature = types.void(*(types.intp,) * 3, types.StarArgTuple((types.intp,) * len(given)))

        def generate(context, at, signature, arguments):
            address, rows, columns, packed = arguments
            values = [rows, columns, *(at.extract_value(packed, k) for k in range(len(given)))]
            kind = ir.FunctionType(ir.VoidType(), [value.type for value in values])
            at.call(at.inttoptr(address, kind.as_pointer()), values)
            return context.get_dummy_value()

        return signature, generate
