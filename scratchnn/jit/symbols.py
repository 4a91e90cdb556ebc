"""Symbols that a formula takes for numbers: each operation on them writes an instruction down. See rows.py."""

from types import FunctionType, SimpleNamespace

import numpy as np
from llvmlite import ir

from .compiling import scalar
from .vectors import declare, suffix


@scalar
def clamped(x, most):
    """Bring x into [-most, most]; a NaN stays NaN."""
    return most if x > most else (-most if x < -most else x)


@scalar
def at_least_zero(x):
    """Replace what is below 0 by 0; a NaN stays NaN."""
    return type(x)(0) if x < 0 else x


def python_of(function):
    """Give the Python function behind a compiled one."""
    return getattr(function, "py_func", function)


def symbols(module, at, vector):
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

    def bounded(x, sign, end):
        return Symbol(at.select(at.fcmp_ordered(sign, x.value, end.value), end.value, x.value))

    single = vector.element == ir.FloatType()
    Symbol.names = {
        "np": SimpleNamespace(float32=Symbol if single else float, float64=float if single else Symbol),
        "math": SimpleNamespace(tanh=called("tanh"), sqrt=called("sqrt")),
        "clamped": lambda x, most: bounded(bounded(x, ">", most), "<", -most),
        "at_least_zero": lambda x: bounded(x, "<", Symbol(0)),
    }
    Symbol.turned = {}
    return Symbol


def on_symbols(function, symbol):
    """Give the function, with all it calls, turned into a function of symbols."""
    function = python_of(function)
    if function not in symbol.turned:
        names = {**function.__globals__}
        symbol.turned[function] = FunctionType(function.__code__, names)
        for name in function.__code__.co_names:
            if name in symbol.names:
                names[name] = symbol.names[name]
            elif isinstance(python_of(names.get(name)), FunctionType):
                names[name] = on_symbols(names[name], symbol)
    return symbol.turned[function]
