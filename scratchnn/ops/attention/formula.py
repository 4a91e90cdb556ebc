"""The equations of one query and one source, as scalar functions for kernels."""

from numba import njit

from scratchnn import jit
from scratchnn.ops.activations.formula import tanh


@jit.scalar
def hidden_unit(a_q, a_k):
    """Equations (4), (5): one unit of the additive score's hidden layer."""
    return tanh(a_q + a_k)


def share(e_q, e_k):
    """Give r = (1 - hidden_unit) / 2 from e_q = exp(2 a_q) and e_k = exp(2 a_k); e_q e_k must not overflow."""
    one = type(e_q)(1)
    return one / (one + e_q * e_k)


if not jit.PLAIN:
    # arcp, ninf: LLVM may take an estimate of the inverse and mend it (off by 2**-23, 0.1 ns) in place of dividing
    share = njit(error_model="numpy", nogil=True, forceinline=True, fastmath={"contract", "arcp", "ninf"})(share)


@jit.scalar
def dscore(alpha, dalpha, mean):
    """Equation (11); ``mean`` = sum over S of dalpha * alpha."""
    return alpha * (dalpha - mean)


@jit.scalar
def dunit(dscore, hidden):
    """Equations (19), (20) without the factor v_a, the same for all pairs, which is multiplied in at the end."""
    return dscore - dscore * hidden * hidden
