"""scratchnn's reference: plain NumPy, float32."""

import functools

from . import ours
from .truth import setup

__all__ = ["prepare", "setup", "versions"]
versions = ours.versions
prepare = functools.partial(ours.prepare, backend="reference")
