"""Where compiled kernels are kept between processes."""

import hashlib
import os
import platform
import re
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import llvmlite
import numba
import numpy as np

SOURCES = ("jit/*.py", "ops/*/cpu*.py", "ops/*/ladder*.py", "ops/*/formula.py", "ops/matmul/*.py")
WEEKS = 4  # folders of other digests that no process has opened for so long are removed
FLAGS = ("BOUNDSCHECK", "DEBUGINFO_DEFAULT", "LOOP_VECTORIZE", "OPT", "SLP_VECTORIZE")  # not in Numba's own key


@cache
def folder() -> Path | None:
    """Find or make the folder of compiled kernels.

    Returns
    -------
    Path or None
        None: no place can be written, nothing is kept.
    """
    given = os.environ.get("SCRATCHNN_CACHE_DIR") or os.environ.get("NUMBA_CACHE_DIR")
    places = [Path(given)] if given else [_user_cache() / "scratchnn", Path(tempfile.gettempdir()) / _private_name()]
    for place in places:
        made = place / digest()
        try:
            made.mkdir(parents=True, exist_ok=True, mode=0o700)
            if _of_another(made) or (not given and _of_another(place)):
                continue  # not to be trusted with code that we would run
            with tempfile.TemporaryFile(dir=made):
                os.utime(made)
        except OSError:
            continue
        _remove_old(place, made)
        return made
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
    root = Path(__file__).parent.parent
    seen = hashlib.sha256()
    for pattern in SOURCES:
        for path in sorted(root.glob(pattern)):
            seen.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    versions = (numba.__version__, llvmlite.__version__, np.__version__, sys.version, platform.machine())
    flags = [getattr(numba.config, name, None) for name in FLAGS]
    seen.update(repr((versions, flags)).encode())
    return seen.hexdigest()[:16]


def _user_cache():
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home())
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def _private_name():
    return f"scratchnn-{os.getuid() if hasattr(os, 'getuid') else 'kernels'}"


def _of_another(path):
    """Say whether the folder is somebody else's."""
    return hasattr(os, "getuid") and path.lstat().st_uid != os.getuid()


def _remove_old(place, used):
    """Remove the folders of other digests that nobody has opened for ``WEEKS``."""
    try:
        others = [path for path in place.iterdir() if re.fullmatch(r"[0-9a-f]{16}", path.name) and path != used]
        for path in others:
            if path.stat().st_mtime < time.time() - WEEKS * 7 * 24 * 3600:
                shutil.rmtree(path, ignore_errors=True)
    except OSError:
        pass
