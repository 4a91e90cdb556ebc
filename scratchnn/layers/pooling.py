"""From a sequence of states to one vector without weights: the mean over real steps, or the last real step."""

from typing import NamedTuple

import numpy as np

from . import sequences
from .base import Layer


class PoolingCache(NamedTuple):
    """What backward needs."""

    share: np.ndarray  # (B, T), the weight of every step in the result; 0 at padding


class _FixedPooling(Layer):
    """y = sum_t share[t] * h_t with shares that depend on the lengths only."""

    def _share(self, T, lengths):
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
        B, T, _ = h.shape
        share = self._share(T, np.full(B, T) if lengths is None else lengths)
        share = (share if real is None else np.where(real, share, 0)).astype(h.real.dtype)
        return np.einsum("bt,bth->bh", share, h), PoolingCache(share)

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
        return cache.share[:, :, None] * dy[:, None, :]


class MeanPooling(_FixedPooling):
    """The mean of the states over the real steps: share 1/length."""

    def _share(self, T, lengths):
        return np.broadcast_to(1.0 / lengths[:, None], (len(lengths), T))


class LastStep(_FixedPooling):
    """The state at the last real step: share 1 there, 0 elsewhere."""

    def _share(self, T, lengths):
        return np.arange(T) == lengths[:, None] - 1
