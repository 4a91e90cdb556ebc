"""How functions become kernels: the house's flags, and hints to LLVM, the compiler below Numba."""

import threading
from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

import numba
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from .disk import folder

PLAIN = bool(numba.config.DISABLE_JIT)  # kernels run as Python: the weather to step through them
FLAGS = {"error_model": "numpy", "fastmath": {"contract"}}


def kernel(function: Callable) -> Callable:
    """Compile a function with the house's flags when it is first called, and keep the result on disk.

    Parameters
    ----------
    function : function

    Returns
    -------
    function
    """
    if PLAIN:
        return function
    with _kept_in(folder()):
        return njit(**FLAGS, nogil=True, cache=folder() is not None)(function)


def part(function: Callable, **more: Any) -> Callable:
    """Compile a function that only kernels call: without the way in from Python, which takes longer to compile.

    Parameters
    ----------
    function : function
    **more
        Flags beside the house's.

    Returns
    -------
    function
    """
    if PLAIN:
        return function
    return njit(**{**FLAGS, **more}, nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)(function)


def scalar(function: Callable) -> Callable:
    """Compile a small function into every kernel that calls it: the call costs nothing, the loop becomes vectors.

    Parameters
    ----------
    function : function

    Returns
    -------
    function
    """
    return function if PLAIN else njit(**FLAGS, nogil=True, forceinline=True)(function)


if PLAIN:

    def wide_vectors():
        """Do nothing: plain Python has no vectors."""

    def apart():
        """Do nothing: plain Python makes no use of a promise."""

    def once():
        """Do nothing: nothing is compiled."""

else:

    @intrinsic
    def wide_vectors(typing):
        """Let LLVM use the longest vectors of the machine in this kernel; by default it stops at 256 bits."""

        def generate(context, at, signature, arguments):
            set.add(at.function.attributes, '"prefer-vector-width"="512"')  # a name that llvmlite does not know
            return context.get_dummy_value()

        return types.void(), generate

    @intrinsic
    def once(typing):
        """Keep this function one of its own: it is not compiled once more into each of its callers."""

        def generate(context, at, signature, arguments):
            at.function.attributes.add("noinline")
            return context.get_dummy_value()

        return types.void(), generate

    @intrinsic
    def apart(typing):
        """Promise that no two arrays of this function overlap: a loop may write several and still become vectors."""
        numbers = ir.FloatType | ir.DoubleType

        def generate(context, at, signature, arguments):
            for given in at.function.args:
                if isinstance(given.type, ir.PointerType) and isinstance(given.type.pointee, numbers):
                    given.add_attribute("noalias")
            return context.get_dummy_value()

        return types.void(), generate


_DECORATING = threading.RLock()


@contextmanager
def _kept_in(place):
    """Let Numba keep what is decorated inside at ``place``; the user's own functions are not concerned."""
    with _DECORATING:
        before = numba.config.CACHE_DIR
        numba.config.CACHE_DIR = str(place or "")
        try:
            yield
        finally:
            numba.config.CACHE_DIR = before
