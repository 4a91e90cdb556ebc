"""The chapters in ``tutorials/``: found, cut into cells, run, remembered, and made into notebooks and pages.

A chapter itself needs only ``show``, which puts a figure where the reader is.
"""

from .chapters import Chapter, chapter, chapters
from .figures import show

__all__ = ["Chapter", "chapter", "chapters", "show"]
