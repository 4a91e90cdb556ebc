"""Cells to measure: drawn with a chosen spectral radius, run forward, and undone one step at a time."""

from typing import Any, NamedTuple

import numpy as np

from scratchnn import ops, shapes
from scratchnn.layers.init import orthogonal
from scratchnn.notation import GATES, gate_slices

CELLS = ("linear", "rnn", "lstm", "gru")
KEEPS = {"lstm": "f", "gru": "z"}  # the gate whose openness says how much of the state is kept
SLOPES = {"tanh": lambda h: 1 - h * h, "relu": lambda h: (h > 0).astype(h.dtype), "identity": np.ones_like}


class Cell(NamedTuple):
    """One recurrent cell with its weights; ``kind`` is the op that computes it."""

    kind: str  # "rnn", "lstm" or "gru"
    params: Any  # that op's Params
    nonlinearity: str = "tanh"  # of the rnn; "identity" makes it the linear network
    backend: Any = "reference"  # who computes whole sequences; single steps are undone by the reference

    @property
    def hidden_size(self) -> int:
        """H."""
        return self.params.W_h.shape[0]

    @property
    def input_size(self) -> int:
        """D."""
        return self.params.W_x.shape[0]

    @property
    def states(self) -> tuple[str, ...]:
        """Names of the states that the cell carries: ("h",), for the LSTM ("h", "c")."""
        return ("h", "c") if self.kind == "lstm" else ("h",)


def spectral_radius(matrix: np.ndarray) -> float:
    """Give the largest absolute value among the eigenvalues of a square matrix (H, H)."""
    return float(np.max(np.abs(np.linalg.eigvals(matrix))))


def recurrent_matrix(rng: np.random.Generator, H: int, radius: float, *, start: str = "gaussian") -> np.ndarray:
    """Draw one recurrent matrix with the given spectral radius.

    Parameters
    ----------
    rng : numpy.random.Generator
    H : int
    radius : float
    start : {"gaussian", "orthogonal"}
        A Gaussian matrix, whose largest singular value is about twice its spectral radius; or a multiple of an
        orthogonal one, all of whose singular values are equal to it.

    Returns
    -------
    (H, H)
    """
    shapes.expect_choice("recurrent_matrix", "start", start, ("gaussian", "orthogonal"))
    if not 0 <= radius < np.inf:
        raise ValueError(f"recurrent_matrix: radius is {radius}, expected a finite number of at least 0")
    matrix = orthogonal(rng, (H, H)) if start == "orthogonal" else rng.normal(size=(H, H))
    return matrix * (radius / spectral_radius(matrix))


def make_cell(
    name: str,
    rng: np.random.Generator,
    *,
    D: int = 8,
    H: int = 32,
    radius: float = 1.0,
    start: str = "gaussian",
    drive: float = 0.1,
    keep_bias: float = 1.0,
    backend: str | Any = "reference",
) -> Cell:
    """Draw a cell whose recurrent weights have a chosen spectral radius.

    Parameters
    ----------
    name : {"linear", "rnn", "lstm", "gru"}
        "linear" is the RNN without a nonlinearity.
    rng : numpy.random.Generator
    D, H : int
    radius : float
        Spectral radius of the recurrent matrix; in LSTM and GRU of every gate's block (H, H) alone.
    start : {"gaussian", "orthogonal"}
        See ``recurrent_matrix``.
    drive : float
        Deviation of what an input of deviation 1 adds to each unit before the nonlinearity.
    keep_bias : float
        Bias of the gate that keeps the state: f of the LSTM, z of the GRU. All other biases are 0.
    backend : str or module

    Returns
    -------
    Cell
    """
    shapes.expect_choice("make_cell", "name", name, CELLS)
    kind = "rnn" if name == "linear" else name
    blocks = len(GATES[kind])
    W_x = rng.normal(size=(D, blocks * H)) * (drive / np.sqrt(D))
    W_h = np.concatenate([recurrent_matrix(rng, H, radius, start=start) for _ in range(blocks)], axis=1)
    b = np.zeros(blocks * H)
    if kind in KEEPS:
        b[gate_slices(GATES[kind], H)[KEEPS[kind]]] = keep_bias
    inner = {"b_hn": np.zeros(H)} if kind == "gru" else {}
    params = getattr(ops, kind).Params(W_x=W_x, W_h=W_h, b=b, **inner)
    return Cell(kind, params, "identity" if name == "linear" else "tanh", backend)


def run(cell: Cell, x: np.ndarray, state: np.ndarray | None = None) -> Any:
    """Run a cell over sequences.

    Parameters
    ----------
    cell : Cell
    x : (T, B, D)
    state : (B, H), optional
        h0, zeros unless given; the LSTM's c0 is always 0.

    Returns
    -------
    Cache of the cell's op

    Raises
    ------
    ValueError
        A state overflowed: a linear network with a radius above 1 does, in the end.
    """
    op = ops.backend(getattr(ops, cell.kind), cell.backend)
    zeros = np.zeros((x.shape[1], cell.hidden_size), x.dtype)
    initial = [zeros if state is None else state, zeros][: len(cell.states)]
    options = {"nonlinearity": cell.nonlinearity} if cell.kind == "rnn" else {}
    with np.errstate(over="ignore", invalid="ignore"):  # judged below
        cache = op.forward(x, *initial, cell.params, **options)
    if not np.isfinite(cache.h).all():
        t = int(np.argmin(np.isfinite(cache.h).all(axis=(1, 2))))
        raise ValueError(f"gradflow.run: the states overflow at step {t}, expected finite ones")
    return cache


def step_nodes(kind: str, cache: Any, t: int) -> Any:
    """Give the nodes of step t (from 0), as the op's ``step`` would return them.

    Parameters
    ----------
    kind : {"rnn", "lstm", "gru"}
    cache : Cache of that op
    t : int

    Returns
    -------
    Step of that op
    """
    shifted = {"x_t": cache.x[t], "a_t": cache.a[t], "h_prev": cache.h[t], "h_t": cache.h[t + 1]}
    if kind == "lstm":
        shifted |= {"c_prev": cache.c[t], "c_t": cache.c[t + 1]}
    if kind == "rnn":
        shifted |= {"nonlinearity": cache.nonlinearity}
    step = getattr(ops, kind).reference.Step
    return step(**{name: shifted[name] if name in shifted else getattr(cache, name)[t] for name in step._fields})


def undo_step(kind: str, carried: tuple[np.ndarray, ...], nodes: Any, params: Any) -> tuple[np.ndarray, ...]:
    """Carry gradients of the states after one step back to the states before it, by the op's ``step_backward``.

    Parameters
    ----------
    kind : {"rnn", "lstm", "gru"}
    carried : tuple of (B, H)
        Gradient of h_t; for the LSTM also the part of c_t's that comes from later steps.
    nodes : Step of that op
    params : Params of that op

    Returns
    -------
    tuple of (B, H)
        The same for the step before.
    """
    grads = getattr(ops, kind).reference.step_backward(*carried, nodes, params)
    return grads[1 : 1 + len(carried)]


def kept(cell: Cell, cache: Any) -> np.ndarray | None:
    """Give what share of its state each unit keeps at each step: f of the LSTM, z of the GRU, (T, B, H), or None."""
    return getattr(cache, KEEPS[cell.kind]) if cell.kind in KEEPS else None
