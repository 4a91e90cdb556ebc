"""One folder per idea, the same furniture in each: equations, reference, then cpu, gpu, bugs as they come."""

import importlib
import importlib.util
from types import ModuleType
from typing import Any

ROOMS = (
    "activations",
    "attention",
    "cross_entropy",
    "dropout",
    "embedding",
    "gru",
    "linear",
    "lstm",
    "matmul",
    "optimizers",
    "rnn",
    "softmax",
)
BACKENDS = ("reference", "cpu", "gpu")
__all__ = ["BACKENDS", "ROOMS", "backend"]


def __getattr__(name: str) -> ModuleType:
    if name in ROOMS:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, *ROOMS])


def backend(op: ModuleType, which: str | Any) -> Any:
    """Find the module that computes ``op``.

    Parameters
    ----------
    op : module
        A room of this folder, e.g. ``scratchnn.ops.lstm``.
    which : str or module
        "reference", "cpu", "gpu", or any object with the same ``forward`` and ``backward``
        (an instrumented or a student's op is just another backend).

    Returns
    -------
    module

    Raises
    ------
    ValueError
        Unknown name, or a backend that this op does not have (yet).
    """
    if not isinstance(which, str):
        return which
    name = op.__name__.rpartition(".")[2]
    if which in BACKENDS and importlib.util.find_spec(f"{op.__name__}.{which}") is not None:
        return importlib.import_module(f"{op.__name__}.{which}")
    there = [b for b in BACKENDS if importlib.util.find_spec(f"{op.__name__}.{b}") is not None]
    raise ValueError(f"{name}: no backend {which!r}, this op has {', '.join(there)}")
