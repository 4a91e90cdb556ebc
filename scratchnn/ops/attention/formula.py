"""The equations of one query and one source, as scalar functions for kernels."""

from scratchnn import jit
from scratchnn.ops.activations.formula import tanh


@jit.scalar
def hidden_unit(a_q, a_k):
    """Equations (4), (5): one unit of the additive score's hidden layer."""
    return tanh(a_q + a_k)


@jit.scalar
def dscore(alpha, dalpha, mean):
    """Equation (11); ``mean`` = sum over S of dalpha * alpha."""
    return alpha * (dalpha - mean)


@jit.scalar
def dunit(dscore, hidden):
    """Equations (19), (20) without the factor v_a, the same for all pairs, which is multiplied in at the end."""
    return dscore - dscore * hidden * hidden
