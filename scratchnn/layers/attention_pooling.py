"""Attention that makes one vector of a sequence of states."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from scratchnn import arrays, shapes

from . import init as initialise
from . import sequences
from .attention import Attention
from .base import Layer


class AttentionPoolingCache(NamedTuple):
    """What backward needs, and where it looked."""

    alpha: np.ndarray  # (B, T), rows sum to 1; 0 at padding
    attention: Any  # the cache of the attention within
    lengths: np.ndarray | None  # (B,)
    mask: np.ndarray | None  # (B, T), True is a real step; None: all are
    last_given: bool


class AttentionPooling(Layer):
    """One vector from the states of a sequence, a mean weighted by attention.

    Parameters
    ----------
    size : int
        H, the width of a state.
    score : {"additive", "dot", "scaled_dot", "general"}
    attention_size : int, optional
        A of the additive score.
    query : {"learned", "last"}
        Who asks: one learned vector, the parameter q (H,), or each sequence's last state.
    residual : bool
        True: add the last state, which must ask. This is the article's self-attention (``SelfAttention``) read at
        the last real step, computed for the one position that is read.
    init, backend, dtype, rng
        As for ``Attention``; q is drawn like v_a.
    """

    def __init__(
        self,
        size: int,
        *,
        score: str = "additive",
        attention_size: int | None = None,
        query: str = "learned",
        residual: bool = False,
        init: str = "xavier_uniform",
        backend: str | Any = "cpu",
        dtype: DTypeLike = np.float32,
        rng: np.random.Generator | None = None,
    ) -> None:
        super().__init__(dtype=dtype, backend=backend)
        shapes.expect_choice("AttentionPooling", "query", query, ("learned", "last"))
        if residual and query != "last":
            raise ValueError(f"AttentionPooling: residual is {residual!r} with query={query!r}, expected False")
        self.query, self.residual = query, bool(residual)
        options: dict[str, Any] = {"score": score, "attention_size": attention_size, "init": init, "backend": backend}
        self.attention = self.add_child("attention", Attention(size, size, dtype=dtype, rng=rng, **options))
        if query == "learned":
            self.add_param("q", initialise.weight("AttentionPooling", init, rng, (size,)))

    def forward(
        self, h: np.ndarray, lengths: np.ndarray | None = None, last: np.ndarray | None = None
    ) -> tuple[np.ndarray, AttentionPoolingCache]:
        """Weigh the states and add them up.

        Parameters
        ----------
        h : (B, T, H)
            States, batch first.
        lengths : (B,) int, optional
            Real steps; padding is not looked at, whatever it holds.
        last : (B, H), optional
            With ``query="last"``: the asking state, e.g. the recurrent layer's final one; h at each
            sequence's last real step unless given.

        Returns
        -------
        y : (B, H)
        cache : AttentionPoolingCache
            ``cache.alpha`` (B, T) says where it looked.

        Raises
        ------
        ValueError
            A shape disagrees, a length is outside 1..T, or ``last`` was given to a learned query.
        """
        where = "AttentionPooling.forward"
        h, mask, lengths = sequences.real_states(where, self.placed(h), self.attention.key_size, lengths)
        B, T, H = h.shape
        if last is not None:
            if self.query == "learned":
                raise ValueError(f"{where}: last was given, expected None with query='learned'")
            shapes.expect_shape(where, "last", last, "B H", {"B": B, "H": H})
        if self.query == "learned":
            asking = arrays.spread(self.own["q"], (B, H))
        else:
            asking = _last_rows(h, lengths) if last is None else last
        sources = None if mask is None else mask.reshape(B, 1, T)
        context, inner = self.attention.forward(asking.reshape(B, 1, H), h, h, sources)
        cache = AttentionPoolingCache(inner.alpha.reshape(B, T), inner, lengths, mask, last is not None)
        context = context.reshape(B, H)
        return arrays.add(asking, context) if self.residual else context, cache

    def backward(
        self, dy: np.ndarray, cache: AttentionPoolingCache
    ) -> np.ndarray | tuple[np.ndarray, np.ndarray | None]:
        """Undo ``forward``; the parameters' gradients are added to ``grads``.

        Parameters
        ----------
        dy : (B, H)
        cache : AttentionPoolingCache

        Returns
        -------
        dh : (B, T, H)
            Zero at padding. With ``query="learned"`` this is all.
        dlast : (B, H) or None
            With ``query="last"``: the gradient of ``last``; None when it was read from h, where it then went.

        Notes
        -----
        forward  was   y = attention(q, h, h)
        so now         dh = dk + dv; dq goes to whoever asked: the sum over B to the learned q, or to the last state
                       (which takes dy as well if it was added)
        """
        B, H = dy.shape
        dq, dk, dv = self.attention.backward(dy.reshape(B, 1, H), cache.attention)
        dh, dq = arrays.add(dk, dv), dq.reshape(B, H)
        if self.query == "learned":
            self.add_grad("q", arrays.sum_rows(dq))
            return dh
        dq = arrays.add(dq, dy) if self.residual else dq
        if cache.last_given:
            return dh, dq
        _add_to_last_rows(dh, dq, cache.lengths)
        return dh, None


def _last_rows(h, lengths):
    """Give h (B, T, H) at each sequence's last real step."""
    B, T, _ = h.shape
    if arrays.on_device(h):
        return arrays.weigh(h, _last_share(lengths, B, T))
    return h[np.arange(B), T - 1 if lengths is None else lengths - 1]


def _add_to_last_rows(dh, dq, lengths):
    """Undo ``_last_rows``."""
    B, T, _ = dh.shape
    if arrays.on_device(dh):
        arrays.add_into(dh, arrays.weigh_backward(dq, _last_share(lengths, B, T)))
    else:
        dh[np.arange(B), T - 1 if lengths is None else lengths - 1] += dq


def _last_share(lengths, B, T):
    """Give 1 at each sequence's last real step and 0 elsewhere, (B, T)."""
    return np.equal(np.arange(T), (np.full(B, T) if lengths is None else lengths)[:, None] - 1)
