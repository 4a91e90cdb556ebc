"""Is there a device, a simulator, or neither?"""

import contextlib
from functools import cache
from typing import Any

import numpy as np

from scratchnn.errors import InputError

HOW = (
    "with an NVIDIA card: pip install 'scratchnn[cuda13]' (driver 580 or newer) or 'scratchnn[cuda12]'; "
    "without one: NUMBA_ENABLE_CUDASIM=1, set before Python starts, runs the same kernels in Numba's simulator"
)


class Missing(InputError):
    """Something asked for the GPU where there is none; the message says what is missing and how to get it."""


@cache
def numba_cuda() -> Any:
    """Import ``numba.cuda``: the only place that does.

    Returns
    -------
    module
    """
    if not hasattr(np, "row_stack"):  # gone in NumPy 2.5; numba-cuda 0.30 asks for it at its first compilation
        np.row_stack = np.vstack  # noqa: NPY201
    try:
        from numba import cuda
    except Exception as error:  # numba-cuda without the libraries of an extra fails in many ways
        raise Missing(f"gpu: numba.cuda cannot be imported ({_short(error)}); {HOW}.") from error
    if simulated():
        from .simulator import mend

        mend()
    return cuda


def simulated() -> bool:
    """Say whether kernels run in Numba's simulator, which is decided when Numba is imported."""
    import numba

    return bool(numba.config.ENABLE_CUDASIM)


@cache
def why_missing() -> str | None:
    """Say in one sentence what is missing for kernels to run, and how to get it; None when they can.

    Returns
    -------
    str or None
    """
    try:
        cuda = numba_cuda()
    except Missing as error:
        return str(error)
    if simulated() or cuda.is_available():
        return None
    error = cuda.cuda_error()
    found = f"no CUDA driver ({_short(error)})" if error else "a CUDA driver, but not the compiler's libraries (NVVM)"
    return f"gpu: found {found}; {HOW}."


def state() -> str:
    """Say "present", "simulator" or "missing".

    Returns
    -------
    str
    """
    if why_missing():
        return "missing"
    return "simulator" if simulated() else "present"


def name() -> str:
    """Name the device, as its driver does; say so where it is the simulator, or none."""
    which = state()
    if which == "missing":
        return "no device"
    if which == "simulator":
        return "Numba's simulator"
    card = numba_cuda().get_current_device()
    told = card.name.decode() if isinstance(card.name, bytes) else str(card.name)
    return "{}, compute capability {}.{}".format(told, *card.compute_capability)


def target() -> str:
    """Say which of the packages compiles for the device, and for which CUDA."""
    import importlib.metadata

    try:
        found = f"numba-cuda {importlib.metadata.version('numba-cuda')}"
    except importlib.metadata.PackageNotFoundError:
        found = "numba's own CUDA target"
    if state() == "present":
        with contextlib.suppress(
            Exception
        ):  # the runtime's library may be missing where kernels compile all the same
            found += ", CUDA {}.{}".format(*numba_cuda().runtime.get_version())
    return found


def require() -> None:
    """Raise ``Missing``, whose message is ``why_missing()``, where kernels cannot run."""
    if sentence := why_missing():
        raise Missing(sentence)


def _short(error):
    return " ".join(str(error).split()).partition(".")[0][:120] or type(error).__name__
