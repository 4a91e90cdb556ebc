"""Kernels: what is claimed of them, how large their blocks are, how they are launched."""

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from . import counting
from .presence import numba_cuda, simulated
from .simulator import all_blocks_at_once, with_the_cuda_of_its_caller

STATIC_SHARED = 48 * 1024  # bytes of shared memory that any launch may have; more must be asked for
SIMULATED = 6  # blocks that the simulator runs at once, where they wait for each other
_TINY: list = []
_STREAMS: list = []


class Kernel:
    """An entry point on the device, and what is claimed of it.

    Launched as ``some_kernel[grid, block](arguments)`` or ``[grid, block, bytes of dynamic shared memory]``, on the
    stream of the moment. Its arrays must be on the device already: nothing is copied in secret.
    """

    def __init__(
        self, function: Callable, arguments: str, registers: int, shared: int, waits: bool, **options: Any
    ) -> None:
        self.function = function
        self.name = function.__name__
        self.__doc__ = function.__doc__
        self.arguments = arguments
        self.registers = registers
        self.shared = shared
        self.waits = waits
        self._jitted = numba_cuda().jit(**options)(function)
        self._allowed: dict = {}

    def __getitem__(self, launch: tuple) -> Callable:
        """Give what launches the kernel: ``[grid, block]`` or ``[grid, block, bytes of shared memory]``."""
        grid, block, shared = launch if len(launch) == 3 else (*launch, 0)

        def run(*arguments):
            for k, array in enumerate(arguments):
                if hasattr(array, "shape") and array.shape and not hasattr(array, "copy_to_host"):
                    raise TypeError(f"{self.name}: argument {k} is on the host, expected a device array")
            counting.add("launches")
            if shared > STATIC_SHARED and not simulated():
                self._allow(shared, arguments)
            with all_blocks_at_once() if self.waits and simulated() else nullcontext():
                self._jitted[grid, block, stream(), shared](*arguments)

        return run

    def _allow(self, shared, arguments):
        """Ask the driver for more shared memory than a launch may have by default. (Not yet run on a device.)"""
        dispatcher = self._jitted
        types = tuple(dispatcher.typeof_pyval(argument) for argument in arguments)
        if self._allowed.get(types, 0) >= shared:
            return
        from cuda.bindings.driver import CUfunction_attribute
        from numba.cuda.cudadrv.driver import driver

        function = dispatcher.compile(types)._codelibrary.get_cufunc()
        which = CUfunction_attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
        driver.cuKernelSetAttribute(which, shared, function.handle, function.device.id)
        self._allowed[types] = shared


def kernel(
    arguments: str, registers: int, shared: int = 0, waits: bool = False, **options: Any
) -> Callable[[Callable], Kernel]:
    """Mark an entry point and say what is claimed of it; it is compiled when it is first launched.

    Parameters
    ----------
    arguments : str
        One word each, for the tests that compile without a device: ``f2`` is a two-dimensional array of floats,
        ``b1`` of booleans, ``i1`` of int64, ``u1`` of int32 (counters); ``f`` and ``i`` are numbers.
    registers : int
        At most so many registers per thread, in float32.
    shared : int
        Bytes of dynamic shared memory at the largest launch. Static arrays are counted by the compiler.
    waits : bool
        Its blocks wait for each other, so all must be there at once (``resident``). The kernel begins with
        ``cuda.cg.this_grid().sync()``, which makes the launch a cooperative one; the simulator runs its blocks side
        by side.
    **options
        For ``cuda.jit``.

    Returns
    -------
    function
        Takes the function, gives a ``Kernel``.
    """
    return lambda function: Kernel(function, arguments, registers, shared, waits, **options)


def function(function: Callable) -> Callable:
    """Mark a function for kernels of other files: compiled into each of them.

    Parameters
    ----------
    function : function

    Returns
    -------
    function
    """
    if not simulated():
        jit = numba_cuda().jit
        knows = "forceinline" in inspect.signature(jit).parameters  # numba-cuda's does, Numba's own does not
        return jit(device=True, **({"forceinline": True} if knows else {}))(function)
    return with_the_cuda_of_its_caller(function)


def intrinsic(function: Callable) -> Callable:
    """Mark a function that writes its own LLVM code (Numba's ``intrinsic``); the simulator knows no such thing.

    Parameters
    ----------
    function : function
        Takes the typing context and types, gives a signature and a code generator.

    Returns
    -------
    function
    """
    numba_cuda()
    from numba.cuda import extending

    if hasattr(extending, "intrinsic"):
        return extending.intrinsic(function)
    from numba.extending import intrinsic as for_all_targets

    return for_all_targets(function)


def blocks(size: int, block: int) -> int:
    """Say how many blocks cover ``size``: the last one may stick out, so kernels ask where they are."""
    return -(-size // block)


def pick(full: int, small: int) -> int:
    """Choose a block's size: ``full`` on a device; ``small`` in the simulator and inside ``with tiny():``.

    Parameters
    ----------
    full, small : int

    Returns
    -------
    int
    """
    return small if _TINY or simulated() else full


@contextmanager
def tiny() -> Iterator[None]:
    """Let ``pick`` choose small blocks on a device too, so that small arrays make ragged grids of many blocks."""
    _TINY.append(True)
    try:
        yield
    finally:
        _TINY.pop()


def resident() -> int:
    """Say how many blocks may wait for each other: one per multiprocessor; the simulator can run a few at once."""
    return SIMULATED if simulated() else numba_cuda().get_current_device().MULTIPROCESSOR_COUNT


def most_shared() -> int:
    """Say how many bytes of shared memory a block may ask for: more than 48 KB must be asked for (``Kernel`` does).

    Returns
    -------
    int
    """
    if simulated():
        return STATIC_SHARED
    return numba_cuda().get_current_device().MAX_SHARED_MEMORY_PER_BLOCK_OPTIN


def stream() -> Any:
    """Give the stream on which kernels are launched and arrays copied: the default one outside ``on_stream``."""
    return _STREAMS[-1] if _STREAMS else 0


@contextmanager
def on_stream(chosen: Any) -> Iterator[None]:
    """Launch and copy on another stream.

    Parameters
    ----------
    chosen : numba.cuda stream

    Returns
    -------
    context manager
    """
    _STREAMS.append(chosen)
    try:
        yield
    finally:
        _STREAMS.pop()
