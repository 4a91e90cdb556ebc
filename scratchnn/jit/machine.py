"""LLVM, the compiler below Numba, asked directly: for which processor, and the addresses of what it compiled."""

import hashlib
import threading
from collections.abc import Callable, Iterable
from functools import cache

import llvmlite.binding as llvm
import numba
from llvmlite import ir

from .disk import kept


@cache
def features() -> frozenset[str]:
    """Name the instruction sets to compile for, e.g. "avx2"; NUMBA_CPU_NAME and NUMBA_CPU_FEATURES may say so."""
    given = numba.config.CPU_FEATURES
    if given is not None:
        return frozenset(entry[1:] for entry in given.split(",") if entry.startswith("+"))
    if numba.config.CPU_NAME == "generic":
        return frozenset()
    return frozenset(name for name, there in llvm.get_host_cpu_features().items() if there)


def vector_bytes() -> int:
    """Give the length of the vectors that the machine computes with."""
    if "avx512f" in features():
        return 64
    return 32 if {"avx2", "fma"} <= features() else 16


def addresses_of(file: str, names: Iterable[str], write: Callable[[], Iterable[ir.Module]]) -> list[int]:
    """Compile functions for this process, or fetch them from the folder of kernels.

    Parameters
    ----------
    file : str
        What the machine code is kept under.
    names : iterable of str
        Functions in it; no other file may hold the same.
    write : function
        Gives their LLVM modules; called if there is no such file yet.

    Returns
    -------
    list of int
        Where the code of each stands.
    """
    with _COMPILING:
        engine, machine = _engine()
        code = kept(f"{file}-{_key()}.o", lambda: _compile(write(), machine))
        engine.add_object_file(llvm.ObjectFileRef.from_data(code))
        engine.finalize_object()
        return [engine.get_function_address(name) for name in names]


_COMPILING = threading.Lock()  # one engine must not get the same names twice


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


@cache
def _key():
    described = f"{numba.config.CPU_NAME or llvm.get_host_cpu_name()} {sorted(features())}"
    return hashlib.sha256(described.encode()).hexdigest()[:16]


def assembly(module: ir.Module) -> str:
    """Show the machine's instructions for a module.

    Parameters
    ----------
    module : llvmlite module

    Returns
    -------
    str
    """
    _, machine = _engine()
    return machine.emit_assembly(_optimized([module], machine))


def _compile(modules, machine):
    return machine.emit_object(_optimized(modules, machine))


def _optimized(modules, machine):
    whole = llvm.parse_assembly("")
    whole.triple = llvm.get_default_triple()
    for module in modules:
        module.triple = whole.triple
        whole.link_in(llvm.parse_assembly(str(module)))
    builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=2))
    builder.getModulePassManager().run(whole, builder)
    return whole
