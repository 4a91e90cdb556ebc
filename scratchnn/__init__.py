"""scratchnn: recurrent networks and attention by hand, every gradient proved.

Importing this package is cheap: rooms are opened when they are first named
(``scratchnn.layers``, ``scratchnn.ops``...), and numba only by the code that needs it.
"""

import importlib

__version__ = "0.1.0"

ROOMS = (
    "check",
    "data",
    "draw",
    "interop",
    "layers",
    "models",
    "notation",
    "ops",
    "probe",
    "runs",
    "trace",
    "training",
)
THREADS = ("get_num_threads", "set_num_threads")
__all__ = ["__version__", *ROOMS, *THREADS]


def __getattr__(name):
    if name in ROOMS:
        return importlib.import_module(f"scratchnn.{name}")
    if name in THREADS:
        return getattr(importlib.import_module("scratchnn.jit"), name)
    raise AttributeError(f"module 'scratchnn' has no attribute {name!r}")


def __dir__():
    return sorted(__all__)
