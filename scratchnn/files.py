"""Files on disk: written whole or not at all, and a folder held by one process at a time."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .errors import InputError

LOCK = ".lock"


class HeldError(InputError):
    """Another process holds the folder; the message is one sentence."""


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file whole or not at all.

    Parameters
    ----------
    path : Path
    content : bytes
    """
    with replacing(path) as part, open(part, "wb") as stream:
        stream.write(content)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a name beside ``path`` to write to; it takes the place of ``path`` when the block ends without an error.

    Whoever dies at any point leaves the old file or the new one, never half of one: the new content is on the disk
    (fsync) before the name moves (rename is atomic), and then the folder's entry is. A killed process may leave the
    other name behind; the next write goes over it, and ``sweep`` takes it away.

    Parameters
    ----------
    path : Path

    Yields
    ------
    Path
        ``.STEM.part.SUFFIX`` in the same folder: the same suffix, for writers that choose a format by it.
    """
    part = path.with_name(f".{path.stem}.part{path.suffix}")
    try:
        yield part
        _flush(part)
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    _flush(path.parent)


def sweep(folder: Path) -> None:
    """Take away what a killed process left half-written in a folder.

    Parameters
    ----------
    folder : Path
        Held by this process.
    """
    for part in [*folder.glob(".*.part"), *folder.glob(".*.part.*")]:
        part.unlink(missing_ok=True)


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold a folder for the time of the ``with`` block: no other process can.

    The operating system keeps the lock, so a killed process leaves none behind, at most the empty file ``.lock``.

    Parameters
    ----------
    folder : Path

    Raises
    ------
    HeldError
        Another process, or another block of this one, holds it.
    OSError
        The folder cannot be written.
    """
    lock = hold(folder)
    try:
        yield
    finally:
        let_go(lock)


def hold(folder: Path) -> Any:
    """Begin to hold a folder, see ``held``.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    filelock.FileLock
        For ``let_go``.
    """
    import filelock  # opened when needed

    lock = filelock.FileLock(folder / LOCK, timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout:
        raise HeldError(
            f"{folder} is in use: another process is training there; wait until it ends, or name another folder"
        ) from None
    return lock


def let_go(lock: Any) -> None:
    """Let go of a folder and take the lock's file away.

    Parameters
    ----------
    lock : filelock.FileLock
        Of ``hold``.
    """
    with contextlib.suppress(OSError):  # Windows removes no open file: there the empty file stays
        os.unlink(lock.lock_file)
    lock.release()


def _flush(path):
    """Wait until a file, or a folder's list of names, is on the disk."""
    if path.is_dir() and os.name == "nt":  # Windows opens no folder
        return
    handle = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
