"""Traces on disk: JSON, written whole or not at all."""

import gzip
import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from scratchnn import files
from scratchnn.errors import InputError


def write(path: Path, plain: dict[str, Any]) -> None:
    """Write a trace.

    Parameters
    ----------
    path : Path
        Compressed if it ends in .gz.
    plain : dict
        Of ``Trace.to_json``.

    Raises
    ------
    InputError
        The file cannot be written.
    """
    text = json.dumps(plain, allow_nan=False, separators=(",", ":")).encode()
    try:
        files.write_bytes(path, gzip.compress(text, mtime=0) if path.suffix == ".gz" else text)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}") from None


def read(path: Path) -> dict[str, Any]:
    """Read what ``write`` wrote.

    Parameters
    ----------
    path : Path

    Returns
    -------
    dict

    Raises
    ------
    InputError
        The file cannot be read, or holds no JSON.
    """
    try:
        raw = path.read_bytes()
        raw = gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
        return json.loads(raw)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is no trace: {error}") from None


def numbers(array: np.ndarray) -> list[float | str]:
    """Give the numbers of an array in C order; what JSON has no number for is a word.

    Parameters
    ----------
    array : array

    Returns
    -------
    list of float or str
        "nan", "inf", "-inf".
    """
    flat = [float(one) for one in np.ravel(array)]
    return [one if np.isfinite(one) else repr(one) for one in flat]


def array(plain: dict[str, Any]) -> np.ndarray:
    """Make an array of its shape and its numbers.

    Parameters
    ----------
    plain : dict
        ``shape`` and ``data``.

    Returns
    -------
    array
    """
    return np.array([float(one) for one in plain["data"]]).reshape(plain["shape"])
