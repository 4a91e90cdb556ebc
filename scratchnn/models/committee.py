"""Several classifiers that answer together: the mean of their probabilities."""

from typing import Any, NamedTuple

import numpy as np

from scratchnn.layers.base import Layer


class CommitteeCache(NamedTuple):
    """What backward needs, and where the members looked on average."""

    caches: tuple[Any, ...]  # of the members
    p: np.ndarray  # (K, B, C), each member's probabilities
    mean: np.ndarray  # (B, C)
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

    def __init__(self, members):
        if not members:
            raise ValueError("Committee: members is empty, expected at least one classifier")
        super().__init__(dtype=members[0].dtype)
        self.members = [self.add_child(str(k), member) for k, member in enumerate(members)]

    def forward(self, inputs, lengths=None, rng=None):
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
        p = np.stack([_softmax(logits) for logits, _ in answers])
        mean = p.mean(axis=0)
        caches = tuple(cache for _, cache in answers)
        alpha = None if caches[0].alpha is None else np.mean([cache.alpha for cache in caches], axis=0)
        return np.log(mean), CommitteeCache(caches, p, mean, alpha)

    def backward(self, dlog_mean, cache):
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
        forward  was   log_mean = log(sum_k p_k / K),  p_k = softmax(z_k)
        so now         dp_k = dlog_mean / (K * mean),  dz_k = p_k * (dp_k - sum(dp_k * p_k))
        """
        dp = dlog_mean / (len(self.members) * cache.mean)
        dinputs = []
        for member, own, p in zip(self.members, cache.caches, cache.p, strict=True):
            dz = p * (dp - (dp * p).sum(axis=1, keepdims=True))
            dinputs.append(member.backward(dz, own))
        return None if dinputs[0] is None else sum(dinputs[1:], start=dinputs[0])


def _softmax(z):
    e = np.exp(z - z.real.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)
