"""One checkpoint as bytes: arrays and a JSON record in one safetensors file, with a checksum over every byte.

No pickle: reading a checkpoint runs no code. The checksum stands in the file's own header: it is the SHA-256 of the
file with 64 zeros in its place. So any safetensors reader can open the file, and no byte can change unnoticed.
"""

import hashlib
import json
import re
from typing import Any, NamedTuple

import numpy as np

from .errors import CheckpointError

FORMAT = "scratchnn checkpoint"
VERSION = "1"
ZEROS = b"0" * 64
DIGEST = re.compile(rb'"sha256":"([0-9a-f]{64})"')


class Snapshot(NamedTuple):
    """A moment of a fit."""

    arrays: dict[str, np.ndarray]
    record: dict[str, Any]  # what JSON can hold


def encode(snapshot: Snapshot) -> bytes:
    """Give the bytes of a checkpoint.

    Parameters
    ----------
    snapshot : Snapshot

    Returns
    -------
    bytes
    """
    from safetensors.numpy import save  # opened when needed

    record = json.dumps(snapshot.record, default=_plain)
    arrays = {name: np.array(array, order="C") for name, array in snapshot.arrays.items()}
    metadata = {"format": FORMAT, "version": VERSION, "record": record, "sha256": ZEROS.decode()}
    content = bytearray(save(arrays, metadata=metadata))
    start, end = _place(content)
    content[start:end] = hashlib.sha256(content).hexdigest().encode()
    return bytes(content)


def decode(content: bytes) -> Snapshot:
    """Read the bytes of a checkpoint.

    Parameters
    ----------
    content : bytes

    Returns
    -------
    Snapshot

    Raises
    ------
    CheckpointError
        Damaged, or not a checkpoint of this program; the message completes "FILE ...".
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    place = _place(content)
    if place is None:
        raise CheckpointError("is not a whole checkpoint of scratchnn")
    start, end = place
    blank = bytearray(content)
    blank[start:end] = ZEROS
    if hashlib.sha256(blank).hexdigest().encode() != content[start:end]:
        raise CheckpointError("is damaged, its checksum does not fit")
    try:
        metadata = json.loads(content[8 : 8 + _header_size(content)])["__metadata__"]
        if (metadata["format"], metadata["version"]) != (FORMAT, VERSION):
            raise CheckpointError(f"has format {metadata['format']!r}, version {metadata['version']}")
        return Snapshot(load(content), json.loads(metadata["record"]))
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError("is not a checkpoint of scratchnn") from None


def _place(content):
    """Find where the checksum stands in the header, or None."""
    found = DIGEST.search(bytes(content[: 8 + _header_size(content)]), 8)
    return None if found is None else found.span(1)


def _header_size(content):
    return min(int.from_bytes(content[:8], "little"), max(len(content) - 8, 0))


def _plain(value):
    """Give NumPy's numbers and arrays in JSON's terms; some Generators hold such a state."""
    if isinstance(value, np.ndarray):
        return {"array": value.tolist(), "dtype": str(value.dtype)}
    return value.item()


def from_plain(value: Any) -> Any:
    """Undo what JSON did to the arrays in a Generator's state.

    Parameters
    ----------
    value : dict, list or number

    Returns
    -------
    the same, with arrays
    """
    if isinstance(value, dict):
        if value.keys() == {"array", "dtype"}:
            return np.array(value["array"], value["dtype"])
        return {name: from_plain(inner) for name, inner in value.items()}
    return value
