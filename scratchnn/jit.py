"""The one place for Numba: flags, and where compiled kernels are kept.

Flags
-----
``error_model="numpy"``: a division by zero gives inf, as in NumPy, instead of raising; the test for it would keep
every loop with a division scalar. ``nogil=True``: kernels run outside Python's lock, so plain Python threads split
the work. No fast-math: NaN and inf behave as in NumPy.

Where kernels are kept
----------------------
In ``folder()``, named by a digest of every kernel source, of the versions and of the flags that Numba leaves out of
its own key: an edit anywhere gives a new folder, so a stale kernel cannot be met, and no two test weathers share
one. ``SCRATCHNN_CACHE_DIR`` (or Numba's own ``NUMBA_CACHE_DIR``) chooses the place; a home that cannot be written
is replaced by a temporary folder, and if that fails too kernels are compiled anew in each process.
"""

import hashlib
import os
import platform
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import numba
import numpy as np
from numba import njit

PLAIN = bool(numba.config.DISABLE_JIT)  # kernels run as Python: the weather to step through them
SOURCES = ("jit.py", "ops/*/cpu*.py", "ops/*/formula.py", "ops/matmul/*.py")


def kernel(function: Callable) -> Callable:
    """Compile a function with the house's flags when it is first called, and keep the result on disk.

    Parameters
    ----------
    function : function

    Returns
    -------
    function
    """
    place = folder()
    if PLAIN:
        return function
    with _kept_in(place):
        return njit(error_model="numpy", nogil=True, cache=place is not None)(function)


@cache
def folder() -> Path | None:
    """Find or make the folder of compiled kernels.

    Returns
    -------
    Path or None
        None: no place can be written, nothing is kept.
    """
    name = digest()
    given = os.environ.get("SCRATCHNN_CACHE_DIR") or os.environ.get("NUMBA_CACHE_DIR")
    places = [Path(given)] if given else [_user_cache() / "scratchnn", Path(tempfile.gettempdir()) / _private_name()]
    for place in places:
        try:
            made = place / name
            made.mkdir(parents=True, exist_ok=True, mode=0o700)
            if hasattr(os, "getuid") and made.stat().st_uid != os.getuid():
                continue  # someone else's folder: not to be trusted with code that we would run
            with tempfile.TemporaryFile(dir=made):
                pass
            return made
        except OSError:
            continue
    return None


def kept(name: str, make: Callable[[], bytes]) -> bytes:
    """Read compiled code from the folder, or make it and keep it there.

    Parameters
    ----------
    name : str
        File name; it says all that the code depends on beside ``digest()``.
    make : function
        Gives the bytes.

    Returns
    -------
    bytes
    """
    place = folder()
    if place is None:
        return make()
    try:
        data = (place / name).read_bytes()
        if hashlib.sha256(data[32:]).digest() == data[:32]:
            return data[32:]
    except OSError:
        pass
    code = make()
    part = place / f".{name}.{os.getpid()}.{threading.get_ident()}"
    try:
        part.write_bytes(hashlib.sha256(code).digest() + code)
        part.replace(place / name)
    except OSError:
        part.unlink(missing_ok=True)
    return code


@cache
def digest() -> str:
    """Name the kernels: a digest of their sources, the versions, and the flags that change compiled code."""
    root = Path(__file__).parent
    seen = hashlib.sha256()
    for pattern in SOURCES:
        for path in sorted(root.glob(pattern)):
            seen.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    flags = (
        numba.__version__,
        np.__version__,
        sys.version,
        platform.machine(),
        numba.config.BOUNDSCHECK,
        numba.config.OPT,
    )
    seen.update(repr(flags).encode())
    return seen.hexdigest()[:16]


def _user_cache():
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home())
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def _private_name():
    return f"scratchnn-{os.getuid() if hasattr(os, 'getuid') else 'kernels'}"


@contextmanager
def _kept_in(place):
    """Let Numba keep what is decorated inside at ``place``; the user's own functions are not concerned."""
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(place or "")
    try:
        yield
    finally:
        numba.config.CACHE_DIR = before
