"""In which form a student's arrays come: axes, orientation, gate order; and which forms can be tried."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from .pieces import GATES, Piece

AXES = ("TBD", "BTD", "DBT", "TDB", "TD")  # of a sequence: time, batch, features; the last: one sequence at a time
SEQUENCES = {"x", "dh", "h"}
STATES = {"h0", "c0", "dc_last", "c"}


class Form(NamedTuple):
    """How a student's arrays lie; the default is our own form."""

    pieces: tuple[Piece, ...] | None = None  # None: exactly our parameters
    transposed: bool = False  # matrices as (outputs, inputs)
    axes: str = "TBD"
    flipped: bool = False  # the GRU's z is the share of the new
    rows: bool = False  # all axes before the last are one
    score: str = ""  # attention's, where the code knows of one only
    stepwise: bool = False  # our loop over their step

    @property
    def column(self) -> bool:
        """Whether vectors are columns, so that biases are (outputs, 1)."""
        return self.axes in ("DBT", "TDB")

    def said(self, op: str) -> list[str]:
        """Say what is assumed.

        Parameters
        ----------
        op : str

        Returns
        -------
        list of str
        """
        found = []
        gates = next((piece.gates for piece in self.pieces or () if len(piece.gates) > 1), "")
        if gates and gates != GATES[op]:
            found.append(f"your gate blocks stand in the order {' '.join(gates)}")
        if self.transposed:
            found.append("your weights are (outputs, inputs), ours (inputs, outputs)")
        if self.axes != "TBD" and op in GATES:
            words = {
                "BTD": "your sequences are (batch, time, features)",
                "DBT": "your sequences are (features, batch, time), and states are columns",
                "TDB": "your sequences are (time, features, batch), and states are columns",
                "TD": "your code takes one sequence at a time; we call it for each and add up",
            }
            found.append(words[self.axes])
        if self.rows:
            found.append("your code takes two axes; ours are made one")
        if self.flipped:
            found.append(
                "your z is 1 - z in our equations: h_t = (1 - z) * h_prev + z * n, another convention and no mistake"
            )
        return found + self._arrays(op)

    def _arrays(self, op):
        found = []
        separate = [piece for piece in self.pieces or () if len(piece.gates) == 1 and piece.kinds != ("c",)]
        if separate and op in GATES:
            listed = ", ".join(f"{piece.name} = {'+'.join(piece.kinds)} of {piece.gates}" for piece in separate)
            found.append(f"one array for each gate: {listed}")
        for piece in self.pieces or ():
            if len(piece.kinds) == 2 and piece is next(p for p in self.pieces if len(p.kinds) == 2):
                order = "[h, x]" if piece.kinds == ("h", "x") else "[x, h]"
                found.append(f"{piece.name} acts on {order} at once")
        if any(piece.kinds == ("b2",) for piece in self.pieces or ()):
            found.append("your two biases add up to our b; both gradients must be right")
        return found

    def given(self, name: str, array: np.ndarray) -> np.ndarray:
        """Lay one of our arrays out as theirs.

        Parameters
        ----------
        name : str
            Ours: x, h0, c0, dh, dc_last.
        array : array

        Returns
        -------
        array
        """
        if self.rows and np.ndim(array) > (0 if name in ("targets", "ids") else 1):
            keep = 0 if name in ("targets", "ids") else 1
            return array.reshape(-1, *array.shape[array.ndim - keep :])
        if self.axes in ("TBD", "TD"):
            return array
        if name in SEQUENCES and np.ndim(array) == 3:
            return np.ascontiguousarray(array.transpose(["TBD".index(axis) for axis in self.axes]))
        if name in STATES and self.column and np.ndim(array) == 2:
            return np.ascontiguousarray(array.T)
        return array

    def back(self, array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray | None:
        """Bring a gradient of theirs into our shape.

        Parameters
        ----------
        array : array
        shape : tuple of int
            Ours.

        Returns
        -------
        array or None
            None if it has another shape than their input.
        """
        options = [array]
        if self.axes == "BTD" and array.ndim == 3:
            options = [array.transpose(1, 0, 2), array]
        elif self.axes == "DBT" and array.ndim == 3:
            options = [array.transpose(2, 1, 0), array.transpose(0, 2, 1)]  # the second: a list over time
        elif self.axes == "TDB" and array.ndim == 3:
            options = [array.transpose(0, 2, 1)]
        elif self.column and array.ndim == 2:
            options = [array.T]
        elif self.rows and array.size == np.prod(shape):
            options = [array.reshape(shape)] if array.ndim <= 2 or array.shape == shape else []
        return next((one for one in options if one.shape == shape), None)


def forms(op: str, arrangements: Iterator[tuple[Piece, ...]] | None, scores: tuple[str, ...]) -> Iterator[Form]:
    """List the forms to try, ours first.

    Parameters
    ----------
    op : str
    arrangements : iterator of tuple of Piece, or None
        None: the weights come as ours.
    scores : tuple of str
        Attention's scores that are possible.

    Yields
    ------
    Form
    """
    for pieces in arrangements if arrangements is not None else (None,):
        if op in GATES:
            for axes in AXES:
                for transposed in (False, True) if axes in ("TBD", "BTD") else (True, False):
                    yield Form(pieces, transposed, axes)
                    if op == "gru" and pieces is not None:
                        yield Form(pieces, transposed, axes, True)
        else:
            for score in scores or ("",):
                for transposed in (False, True) if pieces else (False,):
                    yield Form(pieces, transposed, score=score)
                    if op != "attention":
                        yield Form(pieces, transposed, rows=True)
