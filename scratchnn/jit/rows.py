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

A formula may use arithmetic, ``np.float32``, ``type(x)(0.5)``, ``math.tanh``, ``math.sqrt``, ``clamped``,
``at_least_zero`` and other such formulas, and no ``if``: a symbol is neither true nor false.
"""

import ctypes
from collections.abc import Callable

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.typing import DTypeLike

from .compiling import PLAIN
from .machine import addresses_of, vector_bytes
from .symbols import on_symbols, python_of, symbols
from .vectors import (
    INDEX,
    first_lanes,
    load,
    masked_load,
    masked_store,
    number_of,
    repeated,
    vector_at,
)

_CODES: dict[tuple, int] = {}
_TWINS: list = []  # in plain Python, what an "address" stands for


def copied(x):
    """Formula of a copy."""
    return (x,)


def added(x, y):
    """Formula of a sum."""
    return (x + y,)


def row_loop(formula: Callable, kinds: str, dtype: DTypeLike, table: bool = False) -> int:
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
    table : bool
        Rows are described by a table: see ``over_table``.

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
    key = (formula.__module__, formula.__qualname__, kinds, size, table)
    if key not in _CODES:
        if PLAIN:
            _TWINS.append((formula, kinds, size))
            _CODES[key] = len(_TWINS) - 1
        else:
            name = "rows_" + "_".join(map(str, key)).replace(".", "_")
            found = addresses_of(name, [name], lambda: [write_loop(name, formula, kinds, size, table)])
            _CODES[key] = found[0]
    return _CODES[key]


def write_loop(name: str, formula: Callable, kinds: str, size: int, table: bool = False) -> ir.Module:
    """Write a ``row_loop`` in LLVM's language: for each row, full vectors, then what is left through a mask.

    Parameters
    ----------
    name : str
        Of the function.
    formula, kinds
        As in ``row_loop``.
    size : int
        Bytes of a number.
    table
        As in ``row_loop``.

    Returns
    -------
    llvmlite module
    """
    lanes = vector_bytes() // size
    module = ir.Module(name)
    vector = ir.VectorType(number_of(size), lanes)
    pointer = vector.element.as_pointer()
    arguments = [INDEX, INDEX.as_pointer()] if table else [INDEX, INDEX] + [pointer, INDEX] * len(kinds)
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), arguments), name)
    rows, columns, *given = function.args
    parts = ("entry", "row", "loop", "rest", "last", "end", "out")
    block = {part: function.append_basic_block(part) for part in parts}

    at = ir.IRBuilder(block["entry"])
    at.cbranch(at.icmp_signed(">", rows, INDEX(0)), block["row"], block["out"])

    at = ir.IRBuilder(block["row"])
    row = at.phi(INDEX)
    moving = [(row, INDEX(0), INDEX(1))]  # from row to row: what, where it begins, how far it goes
    if table:
        line = at.phi(columns.type)
        moving.append((line, columns, INDEX(1 + len(kinds))))
        columns, *begun = (at.load(at.gep(line, [INDEX(k)])) for k in range(1 + len(kinds)))
        places = [at.inttoptr(address, pointer) for address in begun]
    else:
        places = [at.phi(pointer) for _ in kinds]
        moving += zip(places, given[::2], given[1::2], strict=True)
    full = at.and_(columns, INDEX(-lanes))
    left = at.sub(columns, full)
    mask = first_lanes(at, left, lanes)
    whole_row = [repeated(at, at.load(p), vector) if k == "n" else None for p, k in zip(places, kinds, strict=True)]
    at.cbranch(at.icmp_signed(">", full, INDEX(0)), block["loop"], block["rest"])

    def apply(at, j, read, write):
        vectors = [p if k == "n" else vector_at(at, p, j, vector) for p, k in zip(places, kinds, strict=True)]
        symbol = symbols(module, at, vector)
        inputs, outputs = _inputs_outputs(formula, kinds)
        numbers = [symbol(whole_row[k] if kinds[k] == "n" else read(vectors[k])) for k in inputs]
        made = on_symbols(formula, symbol)(*numbers)
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
    following = [at.add(phi, d) if phi.type == INDEX else at.gep(phi, [d]) for phi, _, d in moving]
    for (phi, first, _), then in zip(moving, following, strict=True):
        phi.add_incoming(first, block["entry"])
        phi.add_incoming(then, block["end"])
    at.cbranch(at.icmp_signed("<", following[0], rows), block["row"], block["out"])

    at = ir.IRBuilder(block["out"])
    at.ret_void()
    return module


def _inputs_outputs(formula, kinds):
    """Give the places in ``kinds`` of what the formula takes and of what it gives."""
    count = python_of(formula).__code__.co_argcount
    inputs, behind = range(count), range(count, len(kinds))
    return inputs, [*(k for k in inputs if kinds[k] == "w"), *behind]


def over_table(code: int) -> Callable[[int, int], None]:
    """Give a function of Python that runs a ``row_loop`` over a table, outside Python's lock.

    Parameters
    ----------
    code : int
        From ``row_loop`` with ``table``.

    Returns
    -------
    function
        Takes the number of rows and the address of their table, (rows, 1 + arrays) int64: how many numbers a row has,
        and the addresses of its first number in each array.
    """
    if not PLAIN:
        return ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_void_p)(code)
    _, kinds, size = _TWINS[code]
    number = ctypes.c_float if size == 4 else ctypes.c_double

    def run(rows, address):
        table = _array_at(address, ctypes.c_int64, rows * (1 + len(kinds))).reshape(rows, 1 + len(kinds))
        for columns, *places in table.tolist():
            given = []
            for place, kind in zip(places, kinds, strict=True):
                given += [(_array_at(place, number, 1 if kind == "n" else columns), 0), 0]
            call_rows(code, 1, columns, *given)

    return run


def _array_at(address, number, count):
    return np.ctypeslib.as_array(ctypes.cast(address, ctypes.POINTER(number)), (count,))


if PLAIN:

    def place(array, at):
        """Name the number ``at`` of an array, all axes in one."""
        return array.reshape(-1), at

    def call_rows(address, rows, columns, *given):
        """Do what the compiled loop does, number by number."""
        formula, kinds, _ = _TWINS[address]
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
