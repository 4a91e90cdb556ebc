"""One HTML file that shows a recorded run: no network, no framework; it prints, and reads without scripts."""

from .build import document, write

__all__ = ["document", "write"]
