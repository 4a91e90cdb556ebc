"""From a sequence of states to one vector without weights: the mean over real steps, or the last real step."""

from typing import NamedTuple

import numpy as np

from . import sequences
from .base import Layer


class PoolingCache(NamedTuple):
    """What backward needs."""

    share: np.ndarray  # (B, T), the weight of every step in the result; 0 at padding
    last: np.ndarray | int | None = None  # (B,), or one for all: the only step that counts, if it is one


class _FixedPooling(Layer):
    """y = sum_t share[t] * h_t with shares that depend on the lengths only."""

    def _pooled(self, h, real, lengths):
        """Give y and the cache."""
        raise NotImplementedError

    def forward(self, h: np.ndarray, lengths: np.ndarray | None = None) -> tuple[np.ndarray, PoolingCache]:
        """Pool the states of each sequence.

        Parameters
        ----------
        h : (B, T, H)
            States, batch first.
        lengths : (B,) int, optional
            Real steps of each sequence; all T when not given.

        Returns
        -------
        y : (B, H)
        cache : PoolingCache

        Raises
        ------
        ValueError
            A shape disagrees, or a length is outside 1..T.
        """
        h, real, lengths = sequences.real_states(f"{type(self).__name__}.forward", h, np.shape(h)[-1], lengths)
        return self._pooled(h, real, lengths)

    def backward(self, dy: np.ndarray, cache: PoolingCache) -> np.ndarray:
        """Undo ``forward``.

        Parameters
        ----------
        dy : (B, H)
        cache : PoolingCache

        Returns
        -------
        dh : (B, T, H)

        Notes
        -----
        forward  was   y = sum_t share_t * h_t
        so now         dh_t = share_t * dy
        """
        if cache.last is None:
            return cache.share[:, :, None] * dy[:, None, :]
        dh = np.zeros((*cache.share.shape, dy.shape[1]), np.result_type(cache.share, dy))
        dh[np.arange(len(dh)), cache.last] = dy
        return dh


class MeanPooling(_FixedPooling):
    """The mean of the states over the real steps: share 1/length."""

    def _pooled(self, h, real, lengths):
        B, T, _ = h.shape
        share = np.broadcast_to(1.0 / (T if lengths is None else lengths[:, None]), (B, T))
        share = (share if real is None else np.where(real, share, 0)).astype(h.real.dtype)
        return np.einsum("bt,bth->bh", share, h), PoolingCache(share)


class LastStep(_FixedPooling):
    """The state at the last real step: share 1 there, 0 elsewhere. The other states are not looked at."""

    def _pooled(self, h, real, lengths):
        B, T, _ = h.shape
        rows, last = np.arange(B), T - 1 if lengths is None else lengths - 1
        share = np.zeros((B, T), h.real.dtype)
        share[rows, last] = 1
        return h[rows, last], PoolingCache(share, last)
