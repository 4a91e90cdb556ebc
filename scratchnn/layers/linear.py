"""A layer y = x @ W + b over the last axis."""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from scratchnn import ops, shapes
from scratchnn.ops.linear.reference import Cache

from . import init as initialise
from .base import Layer, expect_size


class Linear(Layer):
    """Affine map of the last axis, y = x @ W + b.

    Parameters
    ----------
    in_features, out_features : int
    bias : bool
    init : {"pytorch", "orthogonal", "xavier_uniform", "xavier_normal", "normal", "zeros"}
        "pytorch": W and b from U(-1/sqrt(in_features), 1/sqrt(in_features)); all others start b at 0.
    backend : str or module
    dtype : dtype
    rng : numpy.random.Generator

    Notes
    -----
    Parameters are W (in_features, out_features) - PyTorch's transposed - and b (out_features,).
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        init: str = "pytorch",
        backend: str | Any = "cpu",
        dtype: DTypeLike = np.float32,
        rng: np.random.Generator | None = None,
    ) -> None:
        super().__init__(dtype=dtype, backend=backend)
        expect_size("Linear", "in_features", in_features)
        expect_size("Linear", "out_features", out_features)
        self.in_features, self.out_features, self.bias = in_features, out_features, bool(bias)
        self._op = ops.backend(ops.linear, backend)
        self.add_param("W", initialise.weight("Linear", init, rng, (in_features, out_features)))
        if bias:
            bound = 1 / np.sqrt(in_features)
            b = initialise.uniform(rng, out_features, bound) if init == "pytorch" else np.zeros(out_features)  # type: ignore[arg-type]
            self.add_param("b", b)

    def forward(self, x: np.ndarray) -> tuple[np.ndarray, Cache]:
        """Compute y = x @ W + b.

        Parameters
        ----------
        x : (..., in_features)

        Returns
        -------
        y : (..., out_features)
        cache : linear.reference.Cache

        Raises
        ------
        ValueError
            ``x`` has another width.
        """
        shapes.expect_float("Linear.forward", "x", x)
        if x.ndim < 1 or x.shape[-1] != self.in_features:
            raise ValueError(f"Linear.forward: x has shape {x.shape}, expected (..., {self.in_features})")
        cache = self._op.forward(self.placed(x), self._params())
        return cache.y, cache

    def backward(self, dy: np.ndarray, cache: Cache) -> np.ndarray:
        """Undo ``forward``; the parameters' gradients are added to ``grads``.

        Parameters
        ----------
        dy : (..., out_features)
        cache : linear.reference.Cache

        Returns
        -------
        dx : (..., in_features)
        """
        g = self._op.backward(dy, cache, self._params())
        self.add_grad("W", g.W)
        if self.bias:
            self.add_grad("b", g.b)
        return g.x

    def _params(self):
        return ops.linear.Params(self.own["W"], self.own.get("b"))
