"""Attention as layers: the plain one, and the article's self-attention built from it."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from scratchnn import arrays, ops, shapes
from scratchnn.ops.attention.reference import Cache

from . import init as initialise
from . import sequences
from .base import Layer, expect_size

SCORES = ("dot", "scaled_dot", "general", "additive")


class SelfAttentionCache(NamedTuple):
    """What backward needs, and where it looked."""

    alpha: np.ndarray  # (B, T, T), row i: what position i takes from each j; 0 at padding
    attention: Any  # the cache of the attention within
    mask: np.ndarray | None  # (B, T), True is a real step; None: all are


class Attention(Layer):
    """Queries look at sources: alpha = softmax(scores(q, k)), context = alpha @ v.

    Parameters
    ----------
    query_size, key_size : int
        Widths E of queries and keys; they may differ for "general" and "additive" only.
    score : {"dot", "scaled_dot", "general", "additive"}
        q.k; q.k / sqrt(E); q W_a k (Luong et al. 2015); v_a . tanh(q W_q + k W_k) (Bahdanau et al. 2015).
    attention_size : int, optional
        A, the width of the additive score's hidden layer; ``key_size`` unless given.
    scale : float, optional
        Factor on the scores; the score's own unless given.
    init : {"xavier_uniform", "pytorch", "orthogonal", "xavier_normal", "normal", "zeros"}
    backend : str or module
    dtype : dtype
    rng : numpy.random.Generator
        Needed by "general" and "additive", which have parameters.

    Notes
    -----
    Parameters are W_a (E_q, E_k) for "general"; W_q (E_q, A), W_k (E_k, A), v_a (A,) for "additive".
    """

    def __init__(
        self,
        query_size: int,
        key_size: int,
        *,
        score: str = "scaled_dot",
        attention_size: int | None = None,
        scale: float | None = None,
        init: str = "xavier_uniform",
        backend: str | Any = "cpu",
        dtype: DTypeLike = np.float32,
        rng: np.random.Generator | None = None,
    ) -> None:
        super().__init__(dtype=dtype, backend=backend)
        shapes.expect_choice("Attention", "score", score, SCORES)
        A = key_size if attention_size is None else attention_size
        for name, size in (("query_size", query_size), ("key_size", key_size), ("attention_size", A)):
            expect_size("Attention", name, size)
        if score in ("dot", "scaled_dot") and query_size != key_size:
            raise ValueError(f"Attention: key_size is {key_size}, expected query_size = {query_size} with {score!r}")
        self.query_size, self.key_size, self.score, self.scale = query_size, key_size, score, scale
        self._op = ops.backend(ops.attention, backend)
        wanted: dict[str, dict[str, tuple[int, ...]]] = {
            "general": {"W_a": (query_size, key_size)},
            "additive": {"W_q": (query_size, A), "W_k": (key_size, A), "v_a": (A,)},
        }
        for name, shape in wanted.get(score, {}).items():
            self.add_param(name, initialise.weight("Attention", init, rng, shape))

    def forward(
        self, q: np.ndarray, k: np.ndarray, v: np.ndarray, mask: np.ndarray | None = None, causal: bool = False
    ) -> tuple[np.ndarray, Cache]:
        """Look.

        Parameters
        ----------
        q : (B, Q, query_size)
        k : (B, S, key_size)
        v : (B, S, F)
        mask : bool, broadcasts to (B, Q, S), optional
            True may be looked at. A query that may look at nothing gets alpha and context of 0.
        causal : bool
            Query i sees the sources j <= i only.

        Returns
        -------
        context : (B, Q, F)
        cache : attention.reference.Cache
            ``cache.alpha`` (B, Q, S) says where it looked.

        Raises
        ------
        ValueError
            A shape disagrees.
        """
        for name, array, width in (("q", q, self.query_size), ("k", k, self.key_size)):
            shapes.expect_float("Attention.forward", name, array)
            if array.ndim != 3 or array.shape[2] != width:
                raise ValueError(f"Attention.forward: {name} has shape {array.shape}, expected (B, ..., {width})")
        options: dict[str, Any] = {"score": self.score, "scale": self.scale, "mask": mask, "causal": causal}
        q, k, v = (self.placed(array) for array in (q, k, v))
        cache = self._op.forward(q, k, v, self._params(), **options)
        return cache.context, cache

    def backward(
        self, dcontext: np.ndarray, cache: Cache, dalpha: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Undo ``forward``; the parameters' gradients are added to ``grads``.

        Parameters
        ----------
        dcontext : (B, Q, F)
        cache : attention.reference.Cache
        dalpha : (B, Q, S), optional
            dLoss/dalpha, when the loss looks at the weights as well.

        Returns
        -------
        dq, dk, dv : the shapes of q, k, v
        """
        g = self._op.backward(dcontext, cache, self._params(), dalpha=dalpha)
        for name in self.own:
            self.add_grad(name, getattr(g, name))
        return g.q, g.k, g.v

    def _params(self):
        return ops.attention.Params(**self.own) if self.own else None


class SelfAttention(Layer):
    """The article's attention over the states of a recurrent layer, y_i = h_i + sum_j e_ij h_j.

    Parameters
    ----------
    size : int
        H, the width of a state.
    score : {"dot", "scaled_dot", "general", "additive"}
        The article's s(h_i, h_j), which it leaves open.
    attention_size : int, optional
        A of the additive score.
    residual : bool
        True: add the position's own state, step 4 of the article's section 3.2. False: y_i = a_i alone.
    init, backend, dtype, rng
        As for ``Attention``.

    Notes
    -----
    e_ij = exp(s(h_i, h_j)) / sum_k exp(s(h_i, h_k)) over the real steps k, a_i = sum_j e_ij h_j: section 3.3.
    The parameters are those of the child "attention".
    """

    def __init__(
        self,
        size: int,
        *,
        score: str = "dot",
        attention_size: int | None = None,
        residual: bool = True,
        init: str = "xavier_uniform",
        backend: str | Any = "cpu",
        dtype: DTypeLike = np.float32,
        rng: np.random.Generator | None = None,
    ) -> None:
        super().__init__(dtype=dtype, backend=backend)
        self.residual = bool(residual)
        options: dict[str, Any] = {"score": score, "attention_size": attention_size, "init": init, "backend": backend}
        self.attention = self.add_child("attention", Attention(size, size, dtype=dtype, rng=rng, **options))

    def forward(self, h: np.ndarray, lengths: np.ndarray | None = None) -> tuple[np.ndarray, SelfAttentionCache]:
        """Let every position look at every position of its sequence.

        Parameters
        ----------
        h : (B, T, H)
            States, batch first.
        lengths : (B,) int, optional
            Real steps; padding is neither looked at nor looks, whatever it holds.

        Returns
        -------
        y : (B, T, H)
            Zero at padding.
        cache : SelfAttentionCache
            ``cache.alpha`` (B, T, T) is e.

        Raises
        ------
        ValueError
            A shape disagrees, or a length is outside 1..T.
        """
        h, mask, _ = sequences.real_states("SelfAttention.forward", self.placed(h), self.attention.key_size, lengths)
        context, inner = self.attention.forward(h, h, h, sequences.pairs(mask))
        y = arrays.add(h, context) if self.residual else context
        return y, SelfAttentionCache(inner.alpha, inner, mask)  # type: ignore[arg-type]  # alpha was kept

    def backward(self, dy: np.ndarray, cache: SelfAttentionCache) -> np.ndarray:
        """Undo ``forward``; the parameters' gradients are added to ``grads``.

        Parameters
        ----------
        dy : (B, T, H)
            What stands at padding is not read.
        cache : SelfAttentionCache

        Returns
        -------
        dh : (B, T, H)
            Zero at padding.

        Notes
        -----
        forward  was   context = attention(h, h, h),  y = h + context
        so now         dh = dq + dk + dv, one for each use of h, + dy for the residual
        """
        dy = sequences.zero_padding(dy, cache.mask)
        dq, dk, dv = self.attention.backward(dy, cache.attention)
        return arrays.add(dq, dk, dv, dy) if self.residual else arrays.add(dq, dk, dv)
