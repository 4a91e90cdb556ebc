"""A student's arrays of weights made from our blocks, and the gradients of theirs made into ours.

A block is one kind of weights for one gate: ("x", "i") is the part of W_x that makes the input gate. Kinds: x and h
for the two matrices, b for the bias, c for the GRU's b_hn; where there are two biases, b1 and b2 add up to b. Ops
without gates have a block for each of their parameters, with the gate "".
"""

from typing import NamedTuple

import numpy as np

GATES = {"lstm": "ifgo", "gru": "rzn", "rnn": ""}
FIELDS = {"W_x": "x", "W_h": "h", "b": "b", "b_hn": "c"}
Blocks = dict[tuple[str, str], np.ndarray]


class Piece(NamedTuple):
    """One array of the student's: blocks of these kinds one below the other, gates side by side."""

    name: str
    kinds: tuple[str, ...]
    gates: str = ""  # in order; empty for an op without gates

    @property
    def places(self) -> list[list[tuple[str, str]]]:
        """The blocks, one list per gate."""
        return [[(kind, gate) for kind in self.kinds] for gate in (self.gates or [""])]


def blocks_of(op: str, params: dict[str, np.ndarray | None], flipped: bool = False) -> Blocks:
    """Cut our parameters into blocks.

    Parameters
    ----------
    op : str
    params : dict of str to array
    flipped : bool
        The GRU's z means its opposite: its blocks change sign.

    Returns
    -------
    dict of (kind, gate) to array
    """
    gates = GATES.get(op)
    if gates is None:
        return {(name, ""): array for name, array in params.items() if array is not None}
    blocks = {}
    for name, array in params.items():
        kind = FIELDS[name]
        own = "n" if kind == "c" else gates
        parts = np.split(array, len(own), axis=-1) if own else [array]
        blocks |= {(kind, gate): part for gate, part in zip(own or [""], parts, strict=True)}
    for kind in "xhb" if flipped else "":
        blocks[kind, "z"] = -blocks[kind, "z"]
    for gate in gates or [""]:
        whole = blocks["b", gate]
        if op == "gru" and gate == "n":
            blocks["b1", gate], blocks["b2", gate] = whole, blocks["c", "n"]
        else:
            share = 0.3 * np.cos(np.arange(whole.shape[-1]) + len(blocks))  # any split of b into two adds up
            blocks["b1", gate], blocks["b2", gate] = whole - share, share + 0 * whole
    return blocks


def made(piece: Piece, blocks: Blocks, transposed: bool, column: bool) -> np.ndarray:
    """Make the student's array.

    Parameters
    ----------
    piece : Piece
    blocks : dict
    transposed : bool
        Matrices are (outputs, inputs).
    column : bool
        A bias is a column, (outputs, 1).

    Returns
    -------
    array
    """
    array = np.concatenate([np.concatenate([blocks[at] for at in gate]) for gate in piece.places], axis=-1)
    if array.ndim == 1:
        return array[:, None] if column else array
    return np.ascontiguousarray(array.T) if transposed and array.ndim == 2 else array


class Maker:
    """Makes a student's array of our parameters in one step: every entry is plus or minus one of ours, plus a number.

    Parameters
    ----------
    piece : Piece
    op : str
    params : dict of str to array
        For their shapes.
    options : object
        ``flipped``, ``transposed``, ``column`` as attributes.
    """

    def __init__(self, piece: Piece, op: str, params: dict[str, np.ndarray], options):
        ends = np.cumsum([array.size for array in params.values()])
        numbers = {
            name: np.arange(1.0 + end - array.size, 1.0 + end).reshape(array.shape)
            for (name, array), end in zip(params.items(), ends, strict=True)
        }
        zeros = {name: np.zeros(array.shape) for name, array in params.items()}
        self.added, with_numbers = (
            made(piece, blocks_of(op, one, options.flipped), options.transposed, options.column)
            for one in (zeros, numbers)
        )
        signed = np.rint(with_numbers - self.added).astype(int)
        self.index, self.sign = np.maximum(np.abs(signed) - 1, 0), np.sign(signed)
        self.plain = not self.added.any() and (self.sign == 1).all()

    def __call__(self, vector: np.ndarray) -> np.ndarray:
        """Make the array.

        Parameters
        ----------
        vector : array
            All our parameters, one after the other.

        Returns
        -------
        array
        """
        return vector[self.index] if self.plain else vector[self.index] * self.sign + self.added


def taken(piece: Piece, grad: np.ndarray, blocks: Blocks, transposed: bool) -> Blocks:
    """Cut the gradient of a student's array into gradients of blocks.

    Parameters
    ----------
    piece : Piece
    grad : array
    blocks : dict
        For their sizes.
    transposed : bool

    Returns
    -------
    dict of (kind, gate) to array

    Raises
    ------
    TypeError
        The gradient has not the shape of the array.
    """
    shape = np.shape(made(piece, blocks, False, False))
    theirs = shape[::-1] if transposed and len(shape) == 2 else shape
    if len(shape) == 1 and np.size(grad) == shape[0]:
        grad = np.reshape(grad, shape)
    if np.shape(grad) != theirs:
        raise TypeError(f"the gradient of {piece.name} has shape {np.shape(grad)}, expected {theirs}")
    grad = np.asarray(grad).T if transposed and len(shape) == 2 else np.asarray(grad)
    columns = np.split(grad, len(piece.gates) or 1, axis=-1) if grad.ndim else [grad]
    found = {}
    for column, places in zip(columns, piece.places, strict=True):
        ends = np.cumsum([len(blocks[at]) for at in places])[:-1] if len(places) > 1 else []
        found |= dict(zip(places, np.split(column, ends) if len(places) > 1 else [column], strict=True))
    return found


def joined(op: str, found: Blocks, fields: tuple[str, ...], right: Blocks, flipped: bool) -> dict[str, np.ndarray]:
    """Put gradients of blocks together into gradients of our parameters.

    Parameters
    ----------
    op : str
    found : dict
        Gradients of blocks. Of two biases' gradients, which should be one and the same, the one that is farther from
        ours counts: both must be right.
    fields : tuple of str
        Names of our parameters.
    right : dict
        Ours, for that comparison.
    flipped : bool

    Returns
    -------
    dict of str to array
        Only what is complete.
    """
    gates = GATES.get(op)
    if gates is None:
        return {name: found[name, ""] for name in fields if (name, "") in found}
    sign = {gate: -1 if flipped and gate == "z" else 1 for gate in gates or [""]}
    whole = {}
    for name in fields:
        kind, parts = FIELDS[name], []
        for gate in ("n",) if kind == "c" else (gates or [""]):
            kinds = {"b": ("b", "b1") if op == "gru" and gate == "n" else ("b", "b1", "b2"), "c": ("c", "b2")}
            options = [found[one, gate] for one in kinds.get(kind, (kind,)) if (one, gate) in found]
            scale = 1 if kind == "c" else sign[gate]
            if options:
                options = [scale * one for one in options]
                far = [_far(one, right[kind, gate]) for one in options] if len(options) > 1 else [0]
                parts.append(options[far.index(max(far))])
        if len(parts) == (1 if kind == "c" else len(gates) or 1):
            whole[name] = np.concatenate(parts, axis=-1)
    return whole


def _far(one, right):
    with np.errstate(invalid="ignore"):
        return float(np.nan_to_num(np.max(np.abs(one - right), initial=0), nan=np.inf))
