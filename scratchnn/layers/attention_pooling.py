"""Attention that makes one vector of a sequence of states."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from scratchnn import shapes

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
        init: str = "xavier_uniform",
        backend: str | Any = "cpu",
        dtype: DTypeLike = np.float32,
        rng: np.random.Generator | None = None,
    ) -> None:
        super().__init__(dtype=dtype)
        shapes.expect_choice("AttentionPooling", "query", query, ("learned", "last"))
        self.query = query
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
        h, mask, lengths = sequences.real_states(where, h, self.attention.key_size, lengths)
        B, T, H = h.shape
        if last is not None:
            if self.query == "learned":
                raise ValueError(f"{where}: last was given, expected None with query='learned'")
            shapes.expect_shape(where, "last", last, "B H", {"B": B, "H": H})
        if self.query == "learned":
            asking = np.broadcast_to(self.own["q"], (B, H))
        else:
            asking = h[np.arange(B), _last_steps(lengths, T)] if last is None else last
        context, inner = self.attention.forward(asking[:, None, :], h, h, None if mask is None else mask[:, None, :])
        cache = AttentionPoolingCache(inner.alpha[:, 0], inner, lengths, mask, last is not None)  # type: ignore[index]
        return context[:, 0], cache

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
        """
        dq, dk, dv = self.attention.backward(dy[:, None, :], cache.attention)
        dh, dq = dk + dv, dq[:, 0]
        if self.query == "learned":
            self.add_grad("q", dq.sum(axis=0))
            return dh
        if cache.last_given:
            return dh, dq
        B, T, _ = dh.shape
        dh[np.arange(B), _last_steps(cache.lengths, T)] += dq
        return dh, None


def _last_steps(lengths, T):
    return T - 1 if lengths is None else lengths - 1
