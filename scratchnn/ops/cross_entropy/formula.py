"""The equations of one target, as scalar functions for kernels."""

from scratchnn import jit


@jit.scalar
def smoothed(weight, on, off):
    """Equation (2): ``on`` = 1 - label_smoothing at the target, 0 at another class; ``off`` = its share of it."""
    return weight * (on + off)


@jit.scalar
def dlogit(dloss, p, y_total, y):
    """Equation (7)."""
    return dloss * (p * y_total - y)
