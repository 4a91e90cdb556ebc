"""From a sequence of states to one vector without weights: the mean over real steps."""

from typing import NamedTuple

import numpy as np

from scratchnn import arrays

from . import sequences
from .base import Layer


class PoolingCache(NamedTuple):
    """What backward needs."""

    share: np.ndarray  # (B, T), the weight of every step in the result; 0 at padding


class MeanPooling(Layer):
    """The mean of the states over the real steps: y = sum_t share_t * h_t with share 1/length."""

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
        h, _, lengths = sequences.real_states(f"{type(self).__name__}.forward", h, np.shape(h)[-1], lengths)
        B, T, _ = h.shape
        lengths = (np.full(B, T) if lengths is None else lengths)[:, None]
        share = np.where(np.arange(T) < lengths, 1.0 / lengths, 0).astype(np.empty(0, h.dtype).real.dtype)
        share = arrays.put(share, h)
        return arrays.weigh(h, share), PoolingCache(share)

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
        return arrays.weigh_backward(dy, cache.share)
