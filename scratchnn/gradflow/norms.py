"""How large dLoss/dh_t is, at every step t: the article's section 2.1, measured."""

import math
from typing import Any, NamedTuple

import numpy as np

from scratchnn import shapes
from scratchnn.ops import attention

from .cells import Cell, kept, run, step_nodes, undo_step


class Norms(NamedTuple):
    """Natural logarithms of gradient norms, t = 1..T in rows 0..T-1; -inf is a gradient of exactly 0."""

    h: np.ndarray  # (T, B): log ||dLoss/dh_t||; NaN at padding
    c: np.ndarray | None  # (T, B): log ||dLoss/dc_t||, LSTM only
    gates: np.ndarray | None  # (T, B): log of the product of the keeping gates from t+1 to T, typical unit
    alpha: np.ndarray | None  # (T, B): attention on h_t, where the loss looks through attention

    @property
    def mean(self) -> np.ndarray:
        """Mean over the batch of log ||dLoss/dh_t||: (T,); the exponential is the geometric mean of the norms."""
        return self.h.mean(axis=1)

    @property
    def spread(self) -> np.ndarray:
        """Standard deviation over the batch of log ||dLoss/dh_t||: (T,); NaN where a gradient is exactly 0."""
        finite = np.where(np.isfinite(self.h), self.h, np.nan)
        return finite.std(axis=1)

    @property
    def relative(self) -> np.ndarray:
        """``mean``, less its value at the last step: log of the share that arrives at step t."""
        return self.mean - self.mean[-1]

    @property
    def rate(self) -> float:
        """Slope of ``mean`` over the distance to the last step: log factor per step back."""
        return slope(self.mean[::-1])


def gradient_norms(
    cell: Cell,
    x: np.ndarray,
    *,
    through_attention: bool = False,
    upstream: np.ndarray | None = None,
    rng: np.random.Generator | None = None,
) -> Norms:
    """Measure ||dLoss/dh_t|| at every step.

    Parameters
    ----------
    cell : Cell
    x : (T, B, D)
    through_attention : bool
        False: the loss reads the last state. True: it reads the context that the last state, as the query, draws
        from all states (scaled dot product), so every state also has a direct path to the loss.
    upstream : (B, H), optional
        dLoss/d(what the loss reads). Random unit vectors unless given, so that only the path is measured.
    rng : numpy.random.Generator, optional
        Draws them.

    Returns
    -------
    Norms

    Notes
    -----
    The gradient is carried in the form m * exp(scale) with ||m|| = 1, so that no length and no radius makes it
    overflow or vanish in the arithmetic.
    Checked by: tests/gradflow/test_norms.py
    """
    cache = run(cell, x)
    upstream = unit_rows(rng, x.shape[1], cell.hidden_size) if upstream is None else upstream
    shapes.expect_shape("gradient_norms", "upstream", upstream, "B H", {"B": x.shape[1], "H": cell.hidden_size})
    dh = np.zeros((len(x), *upstream.shape))
    alpha = None
    if through_attention:
        dh, alpha = attention_upstream(cache.h[1:], upstream)
    else:
        dh[-1] = upstream
    norms = sequence_norms(cell.kind, cache, cell.params, dh)
    return norms._replace(gates=_products(kept(cell, cache)), alpha=alpha)


def sequence_norms(kind: str, cache: Any, params: Any, dh: np.ndarray) -> Norms:
    """Measure ||dLoss/dh_t|| in a run that has been made, for any loss.

    Parameters
    ----------
    kind : {"rnn", "lstm", "gru"}
    cache : Cache of that op
    params : Params of that op
    dh : (T, B, H)
        Gradient given from outside for h_1..h_T.

    Returns
    -------
    Norms
        Without ``gates`` and ``alpha``.

    Notes
    -----
    forward  was   h_t = step(x_t, h_prev)
    so now         dh_t = dh[t] + what step t+1 carries back; its norm is recorded before the step is undone
    Over padding the gradient passes by unchanged and nothing is recorded.
    """
    T, B, H = dh.shape
    carried = tuple(np.zeros((B, H)) for _ in range(2 if kind == "lstm" else 1))
    scale = np.full(B, -np.inf)
    h, c = np.full((T, B), np.nan), np.full((T, B), np.nan)
    for t in reversed(range(T)):
        nodes, real = step_nodes(kind, cache, t), cache.mask[t]
        carried, scale = _add(carried, scale, dh[t])
        h[t, real] = _log_norm(carried[0], scale)[real]
        if kind == "lstm":
            dc_t = carried[1] + carried[0] * nodes.o * (1 - nodes.s**2)
            c[t, real] = _log_norm(dc_t, scale)[real]
        undone = undo_step(kind, carried, nodes, params)
        carried = tuple(np.where(real[:, None], new, old) for new, old in zip(undone, carried, strict=True))
        carried, scale = _normalised(carried, scale)
    return Norms(h, c if kind == "lstm" else None, None, None)


def attention_upstream(h: np.ndarray, upstream: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give what attention sends straight to every state when its context is what the loss reads.

    Parameters
    ----------
    h : (T, B, H)
        States; the last is the query, all are keys and values.
    upstream : (B, H)
        dLoss/dcontext.

    Returns
    -------
    dh : (T, B, H)
        The sum of value path, key path and, at the last step, query path.
    alpha : (T, B)

    Notes
    -----
    forward  was   context = sum_t alpha_t h_t
    so now         dh_t = alpha_t upstream + (the same state as a key, and as the query)
    """
    states = np.ascontiguousarray(h.swapaxes(0, 1))
    cache = attention.reference.forward(states[:, -1:], states, states)
    grads = attention.reference.backward(upstream[:, None, :], cache)
    dh = np.ascontiguousarray((grads.k + grads.v).swapaxes(0, 1))
    dh[-1] += grads.q[:, 0]
    return dh, cache.alpha[:, 0].T


def unit_rows(rng: np.random.Generator | None, B: int, H: int) -> np.ndarray:
    """Draw B random directions of norm 1, (B, H); from seed 0 when no Generator is given."""
    rows = (np.random.default_rng(0) if rng is None else rng).normal(size=(B, H))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def slope(values: np.ndarray, places: np.ndarray | None = None) -> float:
    """Fit a straight line by least squares and give its slope.

    Parameters
    ----------
    values : (N,)
    places : (N,), optional
        Where they were measured; 0..N-1 unless given.

    Returns
    -------
    float
        -inf when a value is; 0 for a single one.
    """
    if not np.isfinite(values).all():
        return -math.inf
    if len(values) < 2:
        return 0.0
    k = np.arange(len(values)) if places is None else places
    k = k - k.mean()
    return float(k @ values / (k @ k))


def _products(gates):
    if gates is None:
        return None
    logs = _log(gates).mean(axis=2)  # a typical unit: the geometric mean
    after = np.zeros_like(logs)
    after[:-1] = np.cumsum(logs[:0:-1], axis=0)[::-1]
    return after


def _size(rows):
    """Give the norm of each row, also where its squares would over- or underflow."""
    peak = np.max(np.abs(rows), axis=1)
    safe = np.where(peak > 0, peak, 1)
    return peak * np.linalg.norm(rows / safe[:, None], axis=1)


def _log(values):
    with np.errstate(divide="ignore"):
        return np.log(values)


def _log_norm(rows, scale):
    return _log(_size(rows)) + scale


def _normalised(carried, scale):
    """Bring each row of the carried gradients to norm 1 and put what was taken out into ``scale``."""
    size = _size(np.concatenate(carried, axis=1))
    safe = np.where(size > 0, size, 1)[:, None]
    return tuple(part / safe for part in carried), np.where(size > 0, scale + _log(size), -np.inf)


def _add(carried, scale, direct):
    """Add a direct gradient to the carried one; both are brought to the larger of the two scales."""
    size = _size(direct)
    own = _log(size)
    top = np.maximum(scale, own)
    top = np.where(np.isfinite(top), top, 0.0)
    weight = np.exp(scale - top)[:, None]
    direct = direct / np.where(size > 0, size, 1)[:, None] * np.exp(own - top)[:, None]
    return (carried[0] * weight + direct, *(part * weight for part in carried[1:])), top
