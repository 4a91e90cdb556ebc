"""Checks of shapes, dtypes, ids and masks, and the sentences they raise.

Every sentence says where, which array, what came and what was expected:
``lstm.forward: W_h has shape (5, 24), expected (H, 4H) = (6, 24)``.
"""

import functools
import re
from collections.abc import Collection

import numpy as np

_TERM = re.compile(r"(?:(\d+)\*?)?([A-Z][A-Za-z_]*)?(?:\+(\d+))?$")


def sizes_of(where: str, name: str, array: np.ndarray, spec: str) -> dict[str, int]:
    """Read sizes from an array that defines them.

    Parameters
    ----------
    where, name : str
        Function and array named in the error.
    array : array
    spec : str
        Plain sizes only, e.g. ``"T B D"``.

    Returns
    -------
    dict of str to int

    Raises
    ------
    ValueError
        Wrong number of axes, or a size of zero.
    TypeError
        Not a floating-point or complex array.
    """
    expect_float(where, name, array)
    letters = spec.split()
    if array.ndim != len(letters):
        raise ValueError(
            f"{where}: {name} has shape {array.shape}, expected {len(letters)} axes ({', '.join(letters)})"
        )
    for letter, size in zip(letters, array.shape, strict=True):
        if size == 0:
            raise ValueError(f"{where}: {name} has shape {array.shape}: {letter} = 0, expected at least 1")
    return dict(zip(letters, array.shape, strict=True))


@functools.cache
def _parsed(spec):
    """Read ``"T+1 4H"`` once: factor, letter and addend of every term."""
    terms = (_TERM.match(term).groups() for term in spec.split())
    return tuple((int(factor or 1), letter, int(plus or 0)) for factor, letter, plus in terms)


def expect_shape(where: str, name: str, array: np.ndarray, spec: str, sizes: dict[str, int]) -> None:
    """Check one array against a shape written in sizes.

    Parameters
    ----------
    where, name : str
        Function and array named in the error.
    array : array
    spec : str
        Terms such as ``"H 4H"``, ``"T+1 B H"``, ``"1"``.
    sizes : dict of str to int
        The value of every letter in ``spec``.

    Raises
    ------
    ValueError
        A shape disagrees; the message names array, got, expected.
    TypeError
        Not a floating-point or complex array.
    """
    expect_float(where, name, array)
    expected = tuple([k * (sizes[letter] if letter else 1) + plus for k, letter, plus in _parsed(spec)])
    if array.shape != expected:
        terms = spec.split()
        written = f"({', '.join(terms)}{',' if len(terms) == 1 else ''})"
        raise ValueError(f"{where}: {name} has shape {array.shape}, expected {written} = {expected}")


def expect_float(where: str, name: str, array: object) -> None:
    """Raise TypeError unless ``array`` is an ndarray of floating-point or complex numbers, here or on a device."""
    if not is_array(array):
        raise TypeError(f"{where}: {name} is a {type(array).__name__}, expected a NumPy array of floats")
    if array.dtype.kind not in "fc":
        raise TypeError(f"{where}: {name} has dtype {array.dtype}, expected float32, float64 or complex")


def is_array(array: object) -> bool:
    """Say whether this is a NumPy array, or one on a device (told by the mark that numba.cuda gives its own)."""
    return isinstance(array, np.ndarray) or getattr(array, "__cuda_ndarray__", False)


def expect_ids(where: str, name: str, ids: object, size: int, allowed: tuple[int, ...] = ()) -> None:
    """Raise unless ``ids`` is an integer array with entries in [0, size) or among ``allowed``.

    The entries of a device array are not looked at: kernels do that.
    """
    if not is_array(ids):
        raise TypeError(f"{where}: {name} is a {type(ids).__name__}, expected a NumPy array of integers")
    if ids.dtype.kind not in "iu":
        raise TypeError(f"{where}: {name} has dtype {ids.dtype}, expected integers")
    if not isinstance(ids, np.ndarray):
        return
    bad = (ids < 0) | (ids >= size)
    for value in allowed:
        bad &= ids != value
    if bad.any():
        index = tuple(int(k) for k in np.argwhere(bad)[0])
        raise ValueError(f"{where}: {name}{list(index)} is {ids[index]}, expected 0 to {size - 1}")


def expect_mask(where: str, name: str, mask: object, shape: tuple[int, ...]) -> None:
    """Raise unless ``mask`` is a boolean array that broadcasts to ``shape``."""
    if not is_array(mask):
        raise TypeError(f"{where}: {name} is a {type(mask).__name__}, expected a NumPy array of booleans")
    if mask.dtype != np.bool_:
        raise TypeError(f"{where}: {name} has dtype {mask.dtype}, expected bool")
    try:
        broadcast = np.broadcast_shapes(tuple(mask.shape), shape)
    except ValueError:
        broadcast = None
    if broadcast != tuple(shape):
        raise ValueError(f"{where}: {name} has shape {mask.shape}, expected one that broadcasts to {tuple(shape)}")


def recurrent_mask(where: str, mask: np.ndarray | None, T: int, B: int) -> np.ndarray:
    """Return the (T, B) mask of a recurrent op: all True when none was given, checked otherwise."""
    if mask is None:
        mask = np.empty((T, B), bool)
        mask.fill(True)  # half the time of np.ones
        return mask
    if isinstance(mask, np.ndarray) and mask.shape != (T, B):
        raise ValueError(f"{where}: mask has shape {mask.shape}, expected (T, B) = {(T, B)}")
    expect_mask(where, "mask", mask, (T, B))
    return mask.copy()  # a cache holds it; the caller may go on using its array


def expect_choice(where: str, name: str, value: object, choices: Collection[object]) -> None:
    """Raise ValueError unless ``value`` is one of ``choices``; the sentence lists them."""
    if value not in choices:
        listed = ", ".join(repr(choice) for choice in choices)
        raise ValueError(f"{where}: {name} is {value!r}, expected one of {listed}")
