"""The chapters in ``tutorials/``: found, cut into cells, run, and remembered."""

from .figures import show

__all__ = ["show"]
