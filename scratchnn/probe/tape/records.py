"""What a tape keeps of one assignment."""

import re
from dataclasses import dataclass, field

import numpy as np

from .sites import Site

_KEY = re.compile(r"\['(\w+)'\]")


@dataclass(frozen=True)
class Read:
    """An array, or a float, that a statement read.

    Parameters
    ----------
    text : str
        As written: "nodes.c_prev", "dh[t]".
    value : array
        As it was when read.
    record : int or None
        Which record made these numbers, or the array of which they are a part; None if no one knows.
    """

    text: str
    value: np.ndarray
    record: int | None

    @property
    def name(self) -> str:
        """The text without its owner: "c_prev" of "nodes.c_prev", "f[t]" of "cache.f[t]"."""
        head, bracket, index = self.text.partition("[")
        return head.rpartition(".")[2] + bracket + index


@dataclass(frozen=True)
class Record:
    """One name, place or argument that got a value, or one value returned.

    Parameters
    ----------
    number : int
        Its index on the tape.
    site : Site or None
        Where; None for what was given to the tape by hand.
    target : str
        As written: "dc_t", "h[t + 1]".
    kind : {"given", "set", "add", "store", "argument", "return"}
    counters : dict of str to int
        Loop variables and other whole numbers in scope of the function and its callers, the inner ones first. A loop
        over something else than whole numbers counts its rounds from 0, under ``#`` and the variable's name.
    key : tuple of int
        (site, how often the site ran before, position of the target): the same in every run with the same branches.
    value : array
        A copy.
    increment : array or None
        Of ``add``: what was added.
    operands : tuple of array
        Of an increment ``a @ b``: both sides.
    terms : tuple of array
        Of a sum ``a + b + ...``: its terms.
    reads : tuple of Read
    same : int or None
        An earlier record with the very same numbers: a copy, an alias, a value handed on.
    part : int or None
        An earlier record of whose array this is a view.
    call : int
        Number of the function's call, in the order of entering.
    loops : tuple of str
        Those counters that are variables of a running ``for``, the outermost first.
    """

    number: int
    site: Site | None
    target: str
    kind: str
    value: np.ndarray
    counters: dict[str, int] = field(default_factory=dict)
    key: tuple[int, int, int] | None = None
    increment: np.ndarray | None = None
    operands: tuple[np.ndarray, ...] = ()
    terms: tuple[np.ndarray, ...] = ()
    reads: tuple[Read, ...] = ()
    same: int | None = None
    part: int | None = None
    call: int = 0
    loops: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The target without index and owner: "h" of "h[t + 1]", "c" of "self.c", "dx" of "grads['dx'][t]"."""
        key = _KEY.search(self.target)
        return key[1] if key else self.target.partition("[")[0].rpartition(".")[2]
