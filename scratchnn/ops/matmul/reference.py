"""Matrix product in NumPy: the readable truth. Each numbered line is one equation of equations.py."""

from typing import NamedTuple

import numpy as np

from scratchnn import shapes


class Cache(NamedTuple):
    """Both factors and their product."""

    A: np.ndarray  # (M, K)
    B: np.ndarray  # (K, N)
    C: np.ndarray  # (M, N)


class Grads(NamedTuple):
    """Gradients, each the shape of the input whose name it bears."""

    A: np.ndarray  # (M, K)
    B: np.ndarray  # (K, N)


def forward(A: np.ndarray, B: np.ndarray) -> Cache:
    """Multiply two matrices.

    Parameters
    ----------
    A : (M, K)
    B : (K, N)

    Returns
    -------
    Cache
        ``C`` (M, N) is the product.

    Raises
    ------
    ValueError
        A shape disagrees; the message names array, got, expected.
    TypeError
        An array is not floating-point.

    Notes
    -----
    Source: equation (1).  Checked by: tests/ops/test_matmul.py
    """
    sizes = shapes.sizes_of("matmul.forward", "A", A, "M K")
    sizes["N"] = np.shape(B)[-1] if np.ndim(B) == 2 else 0
    shapes.expect_shape("matmul.forward", "B", B, "K N", sizes)
    C = A @ B  # (1)
    return Cache(A, B, C)


def backward(dC: np.ndarray, cache: Cache) -> Grads:
    """Undo ``forward``.

    Parameters
    ----------
    dC : (M, N)
        dLoss/dC, the shape of ``cache.C``.
    cache : Cache
        What ``forward`` returned.

    Returns
    -------
    Grads

    Raises
    ------
    ValueError
        ``dC`` has another shape.

    Notes
    -----
    forward  was   C = A @ B
    so now         dA = dC @ B.T,  dB = A.T @ dC
    Source: equations (2)-(3).  Checked by: tests/ops/test_matmul.py
    """
    A, B = cache.A, cache.B
    shapes.expect_shape("matmul.backward", "dC", dC, "M N", {"M": A.shape[0], "N": B.shape[1]})
    dA = dC @ B.T  # (2)
    dB = A.T @ dC  # (3)
    return Grads(dA, dB)
