"""The legend: sizes, gate order and what every symbol means, written once.

Everything else - docstrings, equation sheets, reports, tutorials - uses these names.
"""

from collections.abc import Sequence
from typing import NamedTuple

SIZES = {
    "T": "time steps",
    "B": "sequences in a batch",
    "D": "input features of one step",
    "H": "hidden units",
    "V": "vocabulary entries",
    "C": "classes",
    "Q": "queries (attention)",
    "S": "sources: keys and values (attention)",
    "E": "width of a query or key",
    "F": "width of a value",
    "A": "width of the additive score's hidden layer",
    "M": "rows of the left factor of a product",
    "K": "what a product sums over",
    "N": "heads, rows of a matrix, or columns of a product",
}

GATES = {"rnn": ("h",), "lstm": ("i", "f", "g", "o"), "gru": ("r", "z", "n")}
GATE_NAMES = {
    "lstm": {"i": "input gate", "f": "forget gate", "g": "candidate", "o": "output gate"},
    "gru": {"r": "reset gate", "z": "update gate", "n": "candidate"},
    "rnn": {"h": "hidden state"},
}

CONVENTIONS = {
    "d + name": "gradient dLoss/dname, complete at its last assignment before it is read",
    "_t, _prev, _next": "this step; carried from step t-1; carried back from step t+1 (an edge, not a total)",
    "h, c (T+1,B,H)": "whole sequences with the initial state in row 0; h[t+1] is h_t",
    "mask (T,B)": "True is a real step; the state is held over padding",
}


class Equation(NamedTuple):
    """One numbered equation.

    ``node`` is the name it computes, as it stands in reference.py; ``text`` is plain text with the code's
    names; ``undoes`` gives the numbers of the forward equations whose chain rule this is (backward only).
    """

    number: int
    node: str
    text: str
    latex: str
    source: str
    undoes: tuple[int, ...] = ()


class Symbol(NamedTuple):
    """One row of an op's legend: the name in the code, its shape in sizes, and its meaning."""

    name: str
    shape: str
    meaning: str


def gate_slices(gates: Sequence[str], H: int) -> dict[str, slice]:
    """Give the columns of each gate block in a stacked (..., len(gates)*H) array.

    Parameters
    ----------
    gates : sequence of str
        Block names in storage order, e.g. ``GATES["lstm"]``.
    H : int
        Width of one block.

    Returns
    -------
    dict of str to slice
    """
    return {gate: slice(k * H, (k + 1) * H) for k, gate in enumerate(gates)}
