"""PyTorch with ``torch.compile`` around the forward function.

PyTorch leaves nn.LSTM, nn.GRU and nn.RNN to its own C++ code, so for them little changes; that is still the best way:
a cell written by hand and compiled took four times as long, and a minute to compile.
"""

import functools

import torch

from . import torch_eager
from .torch_eager import setup

__all__ = ["prepare", "setup", "versions"]
prepare = functools.partial(torch_eager.prepare, wrap=torch.compile)


def versions() -> str:
    """Name what is timed."""
    return f"{torch_eager.versions()} with torch.compile"
