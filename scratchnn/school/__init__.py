"""Exercises along the chapters: files to fill in, a judge that names the mistake, hints that climb, and grading.

The answer book is the library's own ``reference.py``; nothing in this room holds an answer. ``cutting.py`` makes a
student's file of it, ``kinds/`` says what can be asked, ``exercises/`` asks it, one file each.
"""

from .kinds.base import Exercise
from .shelf import exercise, exercises
from .verdict import Verdict

__all__ = ["Exercise", "Verdict", "exercise", "exercises"]
