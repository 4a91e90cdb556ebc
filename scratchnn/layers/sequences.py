"""Batches of sequences of unequal length: which steps are real, reversal by length, packing of states.

Sequences start at t = 0 and are padded at the end: ``lengths[b]`` real steps, then padding.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from scratchnn import arrays, shapes


def check_lengths(where: str, lengths: ArrayLike | None, T: int, B: int) -> np.ndarray | None:
    """Return ``lengths`` as an integer array (B,), or None when there are none.

    Parameters
    ----------
    where : str
        The function, named in errors.
    lengths : (B,) int, or None
    T, B : int

    Returns
    -------
    (B,) int, or None

    Raises
    ------
    ValueError
        Wrong shape, or a length outside 1..T.
    TypeError
        Not integers.
    """
    if lengths is None:
        return None
    lengths = np.asarray(lengths)
    if lengths.shape != (B,):
        raise ValueError(f"{where}: lengths has shape {lengths.shape}, expected (B,) = {(B,)}")
    if lengths.dtype.kind not in "iu":
        raise TypeError(f"{where}: lengths has dtype {lengths.dtype}, expected integers")
    bad = np.flatnonzero((lengths < 1) | (lengths > T))
    if bad.size:
        raise ValueError(f"{where}: lengths[{bad[0]}] is {lengths[bad[0]]}, expected 1 to T = {T}")
    return lengths.astype(np.int64)  # a copy: the caller may go on using its array


def real_steps(lengths: np.ndarray | None, T: int) -> np.ndarray | None:
    """Give the mask of real steps, True where t < lengths[b].

    Parameters
    ----------
    lengths : (B,) int, or None
    T : int

    Returns
    -------
    (T, B) bool, or None
    """
    if lengths is None:
        return None
    return arrays.real_steps(lengths, T) if arrays.on_device(lengths) else np.arange(T)[:, None] < lengths


def zero_padding(x: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
    """Give ``x`` with zeros at padding, whatever stood there (NaN included).

    Parameters
    ----------
    x : (T, B, ...) or (B, T, ...)
    mask : (T, B) or (B, T) bool, or None

    Returns
    -------
    array, the shape of x
    """
    if mask is None:
        return x
    if arrays.on_device(x):
        return arrays.clear(x, mask)
    x = np.array(x)
    x[~mask] = 0
    return x


def pairs(mask: np.ndarray | None) -> np.ndarray | None:
    """Give the mask of pairs of real steps.

    Parameters
    ----------
    mask : (B, T) bool, or None

    Returns
    -------
    (B, T, T) bool, or None
    """
    if mask is None:
        return None
    return arrays.pairs(mask) if arrays.on_device(mask) else mask[:, :, None] & mask[:, None, :]


def reverse(x: np.ndarray, lengths: np.ndarray | None) -> np.ndarray:
    """Turn each sequence round by its own length; padding stays where it is.

    The same permutation undoes it, so it is its own backward.

    Parameters
    ----------
    x : (T, B, D)
    lengths : (B,) int, or None
        None: all T steps are real. On the device where ``x`` is.

    Returns
    -------
    (T, B, D)
    """
    if arrays.on_device(x):
        return arrays.arrange(x, lengths, reverse=True)
    if lengths is None:
        return x[::-1]
    t = np.arange(x.shape[0])[:, None]
    source = np.where(t < lengths, lengths - 1 - t, t)
    return x[source, np.arange(x.shape[1])]


def real_states(
    where: str, h: np.ndarray, H: int, lengths: ArrayLike | None
) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None]:
    """Check batch-first states and their lengths, and clear the padding.

    Parameters
    ----------
    where : str
        The function, named in errors.
    h : (B, T, H)
    H : int
        The width to expect.
    lengths : (B,) int, or None

    Returns
    -------
    h : (B, T, H)
        Zero at padding; the array itself without lengths.
    mask : (B, T) bool, or None
        True is a real step; None: all are, there are no lengths.
    lengths : (B,) int, or None
    """
    sizes = shapes.sizes_of(where, "h", h, "B T H")
    shapes.expect_shape(where, "h", h, "B T H", {**sizes, "H": H})
    B, T = sizes["B"], sizes["T"]
    lengths = check_lengths(where, lengths, T, B)
    if lengths is None:
        return h, None, None
    if arrays.on_device(h):
        mask = arrays.real_steps(arrays.put(lengths, h), T, batch_first=True)
    else:
        mask = np.ascontiguousarray(real_steps(lengths, T).T)  # type: ignore[union-attr]
    return zero_padding(h, mask), mask, lengths


def unpack_state(
    where: str,
    name: str,
    state: Any,
    kinds: tuple[str, ...],
    shape: tuple[int, int, int],
    dtype: DTypeLike,
    near: Any = None,
) -> tuple[np.ndarray, ...]:
    """Check states given as PyTorch gives them, and lay them out as one array per kind.

    Parameters
    ----------
    where, name : str
        Function and argument named in errors.
    state : array, tuple of arrays, or None
        One array (N, B, H) for one kind; a tuple of as many as ``kinds`` otherwise. None stands for zeros,
        in the place of the whole or of one of the tuple.
    kinds : tuple of str
        ("h",) or ("h", "c").
    shape : (N, B, H)
        N = num_layers * directions.
    dtype : dtype
        Of the zeros.
    near : array, optional
        On the device: the states are given there.

    Returns
    -------
    tuple of array (N, B, H)

    Raises
    ------
    ValueError
        A shape disagrees, or not as many arrays as kinds.
    TypeError
        Not floating-point, or not a tuple.
    """
    if state is None:
        return tuple(arrays.make(shape, dtype, near) for _ in kinds)
    if len(kinds) == 1:
        state = (state,)
    elif not isinstance(state, tuple | list) or len(state) != len(kinds):
        came = f"{len(state)} arrays" if isinstance(state, tuple | list) else f"a {type(state).__name__}"
        raise ValueError(f"{where}: {name} is {came}, expected the {len(kinds)} arrays ({', '.join(kinds)})")
    found = []
    for kind, array in zip(kinds, state, strict=True):
        if array is None:
            found.append(arrays.make(shape, dtype, near))
            continue
        shapes.expect_float(where, f"{name} {kind}", array)
        if tuple(array.shape) != tuple(shape):
            raise ValueError(
                f"{where}: {name} {kind} has shape {array.shape}, "
                f"expected (num_layers * directions, B, H) = {tuple(shape)}"
            )
        found.append(arrays.put(array, near))
    return tuple(found)


def pack_state(rows: Sequence[tuple[np.ndarray, ...]]) -> np.ndarray | tuple[np.ndarray, ...]:
    """Stack the states of all layers and directions the way PyTorch does.

    Parameters
    ----------
    rows : list of tuple of (B, H)
        One tuple for each layer and direction, one array in it for each kind of state.

    Returns
    -------
    (N, B, H), or a tuple of them when there is more than one kind
    """
    packed = tuple(arrays.stack(kind) for kind in zip(*rows, strict=True))
    return packed[0] if len(packed) == 1 else packed
