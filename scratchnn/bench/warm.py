"""Compile every kernel of the cpu backends by calling it once on a small problem.

One call of each is enough: kernels are handed contiguous arrays of one dtype, one compiled version for each.
"""

import importlib.util
import itertools
import sys
import time
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from scratchnn import jit, ops
from scratchnn.ops import optimizers

STARTS = {"sgd": "sgd_start", "adam": "adam_start", "adamw": "adam_start", "adagrad": "adagrad_start",
          "rmsprop": "rmsprop_start"}  # fmt: skip


class Warmed(NamedTuple):
    """One room in one dtype."""

    room: str
    dtype: str
    seconds: float
    compiled: int  # kernels that were not in the cache


def warm_up(dtypes: tuple[str, ...] = ("float32",)) -> Iterator[Warmed]:
    """Compile all kernels that are not compiled yet.

    Parameters
    ----------
    dtypes : tuple of str
        Any of "float32", "float64".

    Yields
    ------
    Warmed
        One per room with a cpu backend and dtype. The time of what rooms share falls to the first.
    """
    for dtype in dtypes:
        jit.plain(np.zeros((8, 32, 2), dtype).swapaxes(0, 1), np.dtype(dtype))  # rows that lie apart
        for room in CALLS:
            module = _cpu(room)
            if module is None:
                continue
            before, started = compilations(), time.perf_counter()
            CALLS[room](getattr(ops, room), module, np.dtype(dtype))
            yield Warmed(room, dtype, time.perf_counter() - started, compilations() - before)


def kernels() -> dict[str, Any]:
    """Give every compiled function of the rooms opened so far, by its dotted name."""
    found = {}
    for name, module in list(sys.modules.items()):
        if name.startswith("scratchnn.ops."):
            for thing in vars(module).values():
                if hasattr(thing, "py_func") and getattr(thing, "__module__", "") == name:
                    found[f"{name}.{thing.__name__}"] = thing
    return found


def compilations() -> int:
    """Count what was compiled in this process, without what came from the cache."""
    return sum(sum(kernel.stats.cache_misses.values()) for kernel in kernels().values())


def _cpu(room: str) -> ModuleType | None:
    try:
        return ops.backend(getattr(ops, room), "cpu")
    except ValueError:
        return None


def _rng():
    return np.random.default_rng(0)


def _both(room: ModuleType, module: ModuleType, dtype: np.dtype) -> None:
    """Call forward, and backward with an upstream of ones: linear, embedding."""
    given, params = room.sample(_rng(), dtype=dtype)
    cache = module.forward(given, params)
    module.backward(np.ones_like(cache.y), cache, params)


def _matmul(room: ModuleType, module: ModuleType, dtype: np.dtype) -> None:
    cache = module.forward(*room.sample(_rng(), dtype=dtype))
    module.backward(np.ones_like(cache.C), cache)


def _activations(room: ModuleType, module: ModuleType, dtype: np.dtype) -> None:
    for name in room.reference.FUNCTIONS:
        cache = module.forward(np.ones(3, dtype), nonlinearity=name)
        module.backward(np.ones_like(cache.y), cache)


def _dropout(room: ModuleType, module: ModuleType, dtype: np.dtype) -> None:
    for per in ("step", "sequence"):
        cache = module.forward(*room.sample(_rng(), dtype=dtype), rng=_rng(), per=per)
        module.backward(np.ones_like(cache.y), cache)


def _recurrent(room: ModuleType, module: ModuleType, dtype: np.dtype) -> None:
    *arrays, params = room.sample(_rng(), dtype=dtype)
    T, B = arrays[0].shape[:2]
    for mask in (None, np.arange(T)[:, None] < np.arange(1, B + 1)):
        cache = module.forward(*arrays, params, mask)
        dh = np.ones_like(cache.h[1:])
        module.backward(dh, *([dh[0]] if room is ops.lstm else []), cache, params)


def _attention(room: ModuleType, module: ModuleType, dtype: np.dtype) -> None:
    for score, Q in itertools.product(room.reference.SCORES, (1, 4)):  # few queries have kernels of their own
        q, k, v, params = room.sample(_rng(), score=score, Q=Q, dtype=dtype)
        mask = np.ones((len(q), 1, k.shape[1]), bool)
        for need_alpha in (True, False):
            for given in (None, mask):
                cache = module.forward(q, k, v, params, score=score, mask=given, need_alpha=need_alpha)
                dalpha = np.ones_like(cache.alpha) if need_alpha else None
                module.backward(np.ones_like(cache.context), cache, params, dalpha=dalpha)


def _softmax(room: ModuleType, module: ModuleType, dtype: np.dtype) -> None:
    (z,) = room.sample(_rng(), dtype=dtype)[:1]
    for mask in (None, np.ones(z.shape, bool)):
        module.backward(np.ones_like(z), module.forward(z, mask))
        module.log_backward(np.ones_like(z), module.log_forward(z, mask))


def _cross_entropy(room: ModuleType, module: ModuleType, dtype: np.dtype) -> None:
    logits, targets = room.sample(_rng(), dtype=dtype)
    for reduction in ("mean", "none"):
        cache = module.forward(logits, targets, reduction=reduction)
        module.backward(cache, np.ones_like(cache.loss))


def _optimizers(room: ModuleType, module: ModuleType, dtype: np.dtype) -> None:
    p, grad = room.sample(_rng(), dtype=dtype)
    for name, start in STARTS.items():
        getattr(module, name)(p, grad, getattr(optimizers.reference, start)(p), lr=0.1)
    if hasattr(module, "sum_of_squares"):
        module.sum_of_squares(grad)


CALLS: dict[str, Callable[[ModuleType, ModuleType, np.dtype], None]] = {
    "matmul": _matmul,
    "activations": _activations,
    "lstm": _recurrent,
    "gru": _recurrent,
    "rnn": _recurrent,
    "softmax": _softmax,
    "attention": _attention,
    "linear": _both,
    "embedding": _both,
    "dropout": _dropout,
    "cross_entropy": _cross_entropy,
    "optimizers": _optimizers,
}


def rooms() -> dict[str, str]:
    """Tell for every room of ops which backend layers use: "cpu", or "reference" where there is no other."""
    found = {}
    for room in ops.ROOMS:
        there = importlib.util.find_spec(f"scratchnn.ops.{room}.cpu") is not None
        found[room] = "cpu" if there else "reference"
    return found
