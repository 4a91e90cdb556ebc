"""Many cells, radii and lengths measured alike: the rows of the table."""

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from .cells import CELLS, Cell, make_cell
from .jacobians import Jacobians, jacobians
from .norms import Norms, gradient_norms

ATTENTION = "attention"  # short for rnn+attention
READERS = tuple(f"{name}+{ATTENTION}" for name in CELLS if name != "linear")
NAMES = (*CELLS, ATTENTION, *READERS)
FACTOR = 100.0  # a gradient that changes by less over the whole sequence counts as steady
POINTS = 24  # distances at which singular values are read


class Row(NamedTuple):
    """One cell at one radius and one length; logarithms are natural."""

    name: str
    radius: float
    T: int
    relative: float  # log of ||dLoss/dh_1|| / ||dLoss/dh_T||, mean over the batch
    spread: float  # standard deviation of the same over the batch
    rate: float  # slope of log ||dLoss/dh_t|| per step back
    largest: float  # log of the largest singular value of dstate_T/dstate_1
    median: float
    smallest: float
    gates: float | None  # log of the keeping gates' product from step 2 to T; None without gates

    @property
    def verdict(self) -> str:
        """What becomes of the gradient: "vanishes", "explodes" or "steady"."""
        if self.relative < -math.log(FACTOR):
            return "vanishes"
        return "explodes" if self.relative > math.log(FACTOR) else "steady"

    def as_dict(self) -> dict[str, Any]:
        """Give the row for JSON or CSV: logarithms to base 10, None where a value is exactly 0."""
        logs = ("relative", "spread", "rate", "largest", "median", "smallest", "gates")
        plain = {"cell": self.name, "radius": self.radius, "length": self.T}
        for name in logs:
            value = getattr(self, name)
            plain[f"log10_{name}"] = value / math.log(10) if value is not None and math.isfinite(value) else None
        return plain | {"verdict": self.verdict}


class Measured(NamedTuple):
    """A row with what it was read from."""

    row: Row
    norms: Norms
    jacobians: Jacobians


def measure(
    name: str,
    *,
    radius: float,
    T: int,
    H: int = 32,
    D: int = 8,
    B: int = 16,
    seed: int = 0,
    known: Jacobians | None = None,
    **options: Any,
) -> Measured:
    """Draw one cell, run it over random sequences and measure its gradients.

    Parameters
    ----------
    name : str
        One of ``NAMES``; with "+attention" the loss looks through attention at all states.
    radius : float
    T, H, D, B : int
    seed : int
        The same seed gives cells the same draws up to the factor ``radius``.
    known : Jacobians, optional
        Those of the same cell, measured before: attention leaves them as they are.
    **options
        ``start``, ``drive``, ``keep_bias``, ``backend`` of ``make_cell``.

    Returns
    -------
    Measured

    Notes
    -----
    Inputs have deviation 1. The linear network gets none: its Jacobian does not depend on the states, which would
    overflow. dstate_T/dstate_1 is measured along the first sequence of the batch.
    """
    rng = np.random.default_rng(seed)
    base, through_attention = split_name(name)
    cell: Cell = make_cell(base, rng, radius=radius, D=D, H=H, **options)
    x = rng.normal(size=(T, B, D)) * (base != "linear")
    norms = gradient_norms(cell, x, through_attention=through_attention, rng=rng)
    distances = np.unique(np.linspace(0, T - 1, POINTS).round())
    found = jacobians(cell, x[:, 0], distances) if known is None else known
    first = norms.h[0] - norms.h[-1]
    row = Row(
        name, radius, T,
        relative=float(norms.relative[0]),
        spread=float(first.std()) if np.isfinite(first).all() else math.nan,
        rate=norms.rate,
        largest=float(found.largest[-1]),
        median=float(found.median[-1]),
        smallest=float(found.smallest[-1]),
        gates=None if norms.gates is None else float(norms.gates[0].mean()),
    )  # fmt: skip
    return Measured(row, norms, found)


def survey(
    names: Sequence[str], radii: Sequence[float], lengths: Sequence[int], **options: Any
) -> Iterator[Measured]:
    """Measure every cell at every radius and length, one after the other.

    Parameters
    ----------
    names : sequence of str
    radii : sequence of float
    lengths : sequence of int
    **options
        See ``measure``.

    Yields
    ------
    Measured
    """
    known: dict[tuple, Jacobians] = {}
    for name in names:
        for radius in radii:
            for T in lengths:
                key = (split_name(name)[0], radius, T)
                measured = measure(name, radius=radius, T=T, known=known.get(key), **options)
                known[key] = measured.jacobians
                yield measured


def split_name(name: str) -> tuple[str, bool]:
    """Read a name of ``NAMES``: the cell, and whether the loss looks through attention.

    Parameters
    ----------
    name : str

    Returns
    -------
    tuple of (str, bool)

    Raises
    ------
    ValueError
        No such name.
    """
    if name not in NAMES:
        raise ValueError(f"gradflow: no cell {name!r}, expected one of {', '.join(NAMES)}")
    if name == ATTENTION:
        return "rnn", True
    base, _, reader = name.partition("+")
    return base, bool(reader)
