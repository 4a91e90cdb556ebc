"""Find gradients in whatever a backward returned, or left in attributes: by name, else by order."""

from typing import Any

import numpy as np

from .finding import array_of
from .names import WORDS, is_gradient, plain, without_d


def named(found: Any, written: tuple[str, ...], owner: Any = None) -> dict[str, Any]:
    """Give all gradients that have a name.

    Parameters
    ----------
    found : object
        What backward returned.
    written : tuple of str
        Source text of the parts of its return.
    owner : object, optional
        The student's object: gradients in its attributes count too.

    Returns
    -------
    dict of str to object
        Names as ``without_d`` writes them.
    """
    flat: dict[str, Any] = {}
    if owner is not None:
        for name, thing in vars(owner).items():
            if isinstance(thing, dict) and "grad" in name.lower():
                flat |= {without_d(str(key)): part for key, part in thing.items()}
            elif is_gradient(name) and not isinstance(thing, dict):
                flat[without_d(name)] = thing
    _collect(found, written, flat)
    return flat


def _collect(found, written, flat):
    if hasattr(found, "_asdict"):
        found = found._asdict()
    if isinstance(found, dict):
        for key, part in found.items():
            if isinstance(part, dict):
                _collect(part, (), flat)
            else:
                flat[without_d(str(key))] = part
    elif isinstance(found, tuple | list):
        for k, part in enumerate(found):
            if isinstance(part, dict) or hasattr(part, "_asdict"):
                _collect(part, (), flat)
            elif isinstance(part, tuple) and len(written) == len(found) and part and array_of(part[0]) is not None:
                _collect(part, tuple(f"d{name}" for name in ("h0", "c0")[: len(part)]), flat)
            elif len(written) == len(found) and written[k].replace("_", "a").replace(".", "a").isalnum():
                flat[without_d(written[k])] = part
    elif array_of(found) is not None and len(written) == 1:
        flat[without_d(written[0])] = found
    elif hasattr(found, "__dict__") and array_of(found) is None and not callable(found):
        for key, part in vars(found).items():
            flat[without_d(key)] = part


def fitting(flat: dict[str, Any], name: str, role: str = "") -> Any:
    """Fetch the gradient of an argument.

    Parameters
    ----------
    flat : dict
        Of ``named``.
    name : str
        What the student calls the argument.
    role : str
        What we call it.

    Returns
    -------
    object
        None if there is none.
    """
    for word in dict.fromkeys((plain(name), without_d(f"d{name}"), plain(role), *WORDS.get(role, ()))):
        if word and word in flat and flat[word] is not None:
            return flat[word]
    return None


def positional(found: Any, count: int) -> list | None:
    """Give the parts of a plain tuple of gradients, where their number is the one expected.

    Parameters
    ----------
    found : object
    count : int

    Returns
    -------
    list or None
    """
    if count == 1 and array_of(found) is not None:
        return [found]
    if isinstance(found, tuple | list) and not hasattr(found, "_asdict"):
        parts = []
        for part in found:
            parts += list(part) if isinstance(part, tuple) else [part]
        if len(parts) == count and not any(isinstance(part, dict) for part in parts):
            return parts
    return None


def as_array(thing: Any) -> np.ndarray:
    """Give an array, also of a list with one gradient per step.

    Parameters
    ----------
    thing : object

    Returns
    -------
    array
    """
    found = array_of(thing)
    return (
        np.array([array_of(part) if array_of(part) is not None else part for part in thing])
        if found is None
        else found
    )
