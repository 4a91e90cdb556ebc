"""Several classifiers that answer together: the mean of their probabilities."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from scratchnn import arrays
from scratchnn.layers.base import Layer


class CommitteeCache(NamedTuple):
    """What backward needs, and where the members looked on average."""

    caches: tuple[Any, ...]  # of the members
    log_p: np.ndarray  # (K, B, C), each member's log-probabilities
    log_mean: np.ndarray  # (B, C)
    alpha: np.ndarray | None  # (B, T), the mean over members


class Committee(Layer):
    """Members trained one by one from different starts, averaged when asked (Lakshminarayanan et al. 2017).

    Parameters
    ----------
    members : sequence of Layer
        K classifiers of the same classes; the children are named "0", "1"...

    Raises
    ------
    ValueError
        No members.
    """

    def __init__(self, members: Sequence[Any]) -> None:
        if not members:
            raise ValueError("Committee: members is empty, expected at least one classifier")
        super().__init__(dtype=members[0].dtype)
        self.members = [self.add_child(str(k), member) for k, member in enumerate(members)]

    def forward(
        self, inputs: np.ndarray, lengths: np.ndarray | None = None, rng: np.random.Generator | None = None
    ) -> tuple[np.ndarray, CommitteeCache]:
        """Ask every member and average.

        Parameters
        ----------
        inputs : (B, T) int or (B, T, D)
        lengths : (B,) int, optional
        rng : numpy.random.Generator, optional
            Given: training, dropout of each member is drawn from it.

        Returns
        -------
        log_mean : (B, C)
            Logarithm of the mean probability: logits whose softmax is that mean.
        cache : CommitteeCache
        """
        answers = [member.forward(inputs, lengths=lengths, rng=rng) for member in self.members]
        log_p = np.stack([_log_softmax(arrays.as_numpy(logits)) for logits, _ in answers])
        log_mean = _log_sum_exp(log_p, axis=0)[0] - np.log(len(self.members)).astype(log_p.real.dtype)
        caches = tuple(cache for _, cache in answers)
        alpha = (
            None if caches[0].alpha is None else np.mean([arrays.as_numpy(cache.alpha) for cache in caches], axis=0)
        )
        return log_mean, CommitteeCache(caches, log_p, log_mean, alpha)

    def backward(self, dlog_mean: np.ndarray, cache: CommitteeCache) -> np.ndarray | None:
        """Undo ``forward``; the members' parameter gradients go to ``grads``.

        Parameters
        ----------
        dlog_mean : (B, C)
        cache : CommitteeCache

        Returns
        -------
        (B, T, D) or None
            Gradient of the features; None for ids.

        Notes
        -----
        forward  was   log_mean = log(sum_k p_k / K),  p_k = exp(log_p_k),  log_p_k = log_softmax(z_k)
        so now         dlog_p_k = dlog_mean * p_k / (K * mean),  dz_k = dlog_p_k - p_k * sum(dlog_p_k)
        """
        dinputs = []
        for member, own, log_p in zip(self.members, cache.caches, cache.log_p, strict=True):
            dlog_p = dlog_mean * np.exp(log_p - cache.log_mean) / len(self.members)
            dz = dlog_p - np.exp(log_p) * dlog_p.sum(axis=1, keepdims=True)
            dinputs.append(member.backward(dz, own))
        return None if dinputs[0] is None else sum(dinputs[1:], start=dinputs[0])


def _log_softmax(z):
    return z - _log_sum_exp(z, axis=1)


def _log_sum_exp(z, axis):
    shift = z.real.max(axis=axis, keepdims=True)
    return shift + np.log(np.exp(z - shift).sum(axis=axis, keepdims=True))
