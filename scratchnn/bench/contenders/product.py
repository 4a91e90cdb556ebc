"""A large matrix product: the limit of what the processor can do, by NumPy's BLAS or by our tiles."""

import numpy as np

from scratchnn import ops
from scratchnn.bench.cases import Case

from . import ours

SIZE = 768
FLOPS = 2.0 * SIZE**3
setup = ours.setup


def versions() -> str:
    """Name the product."""
    return f"float32 product {SIZE} x {SIZE} x {SIZE}"


def prepare(case: Case, inputs: dict[str, np.ndarray], rung: str | None = None) -> tuple:
    """Make the product.

    Parameters
    ----------
    case : Case
        Not used: every cell is measured against the same product.
    inputs : dict of str to array
        Not used.
    rung : str
        "blas" or "tiles".

    Returns
    -------
    run, results : functions
    """
    rng = np.random.default_rng(0)
    A, B = (rng.normal(size=(SIZE, SIZE)).astype(np.float32) for _ in range(2))
    if rung == "tiles":
        module = ops.backend(ops.matmul, "cpu")
        return (lambda: module.forward(A, B).C), (lambda C: {"C": C})
    C = np.empty((SIZE, SIZE), np.float32)
    return (lambda: np.matmul(A, B, out=C)), (lambda C: {"C": C})
