"""What carries a gradient through time: the Jacobian of the last state with respect to an earlier one."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy.linalg import lapack, qr

from .cells import SLOPES, Cell, run, step_nodes, undo_step
from .norms import slope


class Jacobians(NamedTuple):
    """dstate_T/dstate_{T-d} of one sequence at N distances d, kept as matrix * exp(scale).

    The state is h, for the LSTM (h, c) side by side: S = H or 2H. Logarithms are natural, -inf is a 0.
    """

    distances: np.ndarray  # (N,) int, increasing
    matrices: np.ndarray  # (N, S, S), the largest entry of each is 1 (or all are 0)
    scale: np.ndarray  # (N,)
    singular: np.ndarray  # (N, S): log singular values, largest first
    hidden_size: int

    @property
    def largest(self) -> np.ndarray:
        """Log of the largest singular value: (N,), how much a gradient can grow on the way at most."""
        return self.singular[:, 0]

    @property
    def median(self) -> np.ndarray:
        """Log of the median singular value: (N,)."""
        return self.singular[:, self.singular.shape[1] // 2]

    @property
    def smallest(self) -> np.ndarray:
        """Log of the smallest singular value: (N,)."""
        return self.singular[:, -1]

    @property
    def rate(self) -> float:
        """Slope of ``largest`` over the distance: an estimate of the largest Lyapunov exponent, per step."""
        return slope(self.largest, self.distances)

    def at(self, d: int) -> np.ndarray:
        """Give dstate_T/dstate_{T-d} as an ordinary matrix; it overflows where the numbers do.

        Parameters
        ----------
        d : int
            One of ``distances``.

        Returns
        -------
        (S, S)
            Entry [i, j] is the derivative of the last state's i-th entry with respect to the earlier one's j-th.

        Raises
        ------
        ValueError
            It was not measured at ``d``.
        """
        found = np.flatnonzero(self.distances == d)
        if len(found) == 0:
            raise ValueError(f"Jacobians.at: d is {d}, expected one of {self.distances.tolist()}")
        with np.errstate(over="ignore"):
            return self.matrices[found[0]] * np.exp(self.scale[found[0]])

    def hidden(self, d: int) -> np.ndarray:
        """Give dh_T/dh_{T-d}, the (H, H) block of ``at(d)``: what the hidden state alone hands back.

        Parameters
        ----------
        d : int
        """
        H = self.hidden_size
        return self.at(d)[:H, :H]


def jacobians(cell: Cell, x: np.ndarray, distances: Sequence[int] | None = None) -> Jacobians:
    """Measure the Jacobians from every state to the last, along one sequence.

    Parameters
    ----------
    cell : Cell
    x : (T, D)
        One sequence; the initial state is 0.
    distances : sequence of int, optional
        Where to read the singular values, 0 to T; everywhere unless given.

    Returns
    -------
    Jacobians

    Notes
    -----
    dstate_T/dstate_{T-d} = J_T J_{T-1} ... J_{T-d+1}, and each J_t is a batch of unit gradients sent through
    ``step_backward``, one row for each entry of the state.

    The singular values of such a product soon differ by more than the 16 digits of a float: computed from the
    multiplied matrix, the small ones would be nothing but rounding. So the product is kept as Q D T, Q orthogonal,
    D diagonal, T well-conditioned, a pivoted QR at each step (Stewart 1997; Loh et al. 2005 call it stable matrix
    multiplication), and one-sided Jacobi reads the values off T^T D to nearly full relative accuracy
    (Demmel & Veselić 1992). Those more than 300 decimal orders below the largest are given as 0 (-inf).
    Checked by: tests/gradflow/test_jacobians.py
    """
    cache = run(cell, x[:, None, :])
    T, S = len(x), cell.hidden_size * len(cell.states)
    read = np.arange(T + 1) if distances is None else np.unique(np.asarray(distances, dtype=int))
    if len(read) == 0 or read[0] < 0 or read[-1] > T:
        raise ValueError(f"jacobians: distances are {read.tolist()}, expected some from 0 to T = {T}")
    matrix, scale, factors = np.eye(S), 0.0, (np.eye(S), np.zeros(S), np.eye(S))
    found = [(matrix, scale, np.zeros(S))] if read[0] == 0 else []
    for d in range(1, read[-1] + 1):
        J_t = step_jacobian(cell, cache, T - d)
        matrix, scale = _scaled(matrix @ J_t, scale)
        factors = _extended(factors, J_t)
        if d in read:
            found.append((matrix, scale, _log_singular(*factors[1:])))
    matrices, scales, singular = (np.array(parts) for parts in zip(*found, strict=True))
    return Jacobians(read, matrices, scales, singular, cell.hidden_size)


def step_jacobian(cell: Cell, cache: Any, t: int, row: int = 0) -> np.ndarray:
    """Build the Jacobian of one step of a run from the hand-written ``step_backward``.

    Parameters
    ----------
    cell : Cell
    cache : Cache of the cell's op
    t : int
        Which step, from 0.
    row : int
        Which sequence of the batch.

    Returns
    -------
    (S, S)
        Entry [i, j] is the derivative of the i-th entry of the state after the step with respect to the j-th of
        the state before: row i is what a unit gradient of entry i becomes.
    """
    H = cell.hidden_size
    parts = range(len(cell.states))
    unit = np.eye(H * len(parts))
    nodes = step_nodes(cell.kind, cache, t)
    one = type(nodes)(*(node if isinstance(node, str) else node[row : row + 1] for node in nodes))
    carried = tuple(unit[:, k * H : (k + 1) * H] for k in parts)
    return np.concatenate(undo_step(cell.kind, carried, one, cell.params), axis=1)


def slope_bound(cell: Cell, cache: Any, row: int = 0) -> np.ndarray:
    """Bound the norm of dh_T/dh_{T-d} of an RNN from above, as Pascanu, Mikolov & Bengio (2013) do.

    Parameters
    ----------
    cell : Cell
        Of kind "rnn".
    cache : Cache of the rnn
    row : int
        Which sequence of the batch.

    Returns
    -------
    (T+1,)
        Logarithms of prod_t ||W_h|| * max_i |slope of unit i at t|, over the last d steps.
    """
    if cell.kind != "rnn":
        raise ValueError(f"slope_bound: the cell is a {cell.kind}, expected an rnn")
    steepest = np.max(np.abs(SLOPES[cell.nonlinearity](cache.h[1:, row])), axis=1)
    with np.errstate(divide="ignore"):
        logs = np.log(np.linalg.norm(cell.params.W_h, 2)) + np.log(steepest)
    return np.concatenate([[0.0], np.cumsum(logs[::-1])])


def _scaled(matrix, scale):
    peak = float(np.max(np.abs(matrix)))
    return (matrix, -math.inf) if peak == 0 else (matrix / peak, scale + math.log(peak))


def _extended(factors, J_t):
    """Multiply J_t^T to the left of Q D T: the transpose of the Jacobian's product grows on that side."""
    Q, log_d, T_factor = factors
    top = np.max(log_d)
    if top == -np.inf:
        return factors
    Q, R, order = qr((J_t.T @ Q) * np.exp(log_d - top), pivoting=True)
    d = np.abs(np.diag(R))
    with np.errstate(divide="ignore"):
        log_d = top + np.log(d)
    return Q, log_d, (R / np.where(d > 0, d, 1)[:, None]) @ T_factor[order]


def _log_singular(log_d, T_factor):
    top = np.max(log_d)
    if top == -np.inf:
        return np.full(len(log_d), -np.inf)
    graded = np.ascontiguousarray((T_factor * np.exp(log_d - top)[:, None]).T)
    values, *_, work, _, info = lapack.dgejsv(graded, joba=0, jobu=3, jobv=3, jobr=0, jobt=0, jobp=0)
    if info:
        raise ArithmeticError(f"jacobians: the singular values did not converge (dgejsv gave {info})")
    with np.errstate(divide="ignore"):
        return top + np.log(np.sort(values * (work[0] / work[1]))[::-1])
