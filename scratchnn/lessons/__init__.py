"""The chapters in ``tutorials/``: found, cut into cells, run, remembered, and made into notebooks and pages.

A chapter itself needs only ``show``, which puts a figure where the reader is.
"""

from .figures import show
from .shelf import Chapter, chapter, chapters

__all__ = ["Chapter", "chapter", "chapters", "show"]
