"""Localisation: the first wrong line of a student's backward, and the edit that repairs it, without a list of bugs.

Every statement of the backward is pushed: which of them alone can make all gradients right, and what must it write
for that? No name is needed for it. The forward is tapped and every true intermediate derivative computed by complex
steps: that tells which of several such statements is the wrong one. Single edits of it are tried until one makes
everything right. Where no statement alone can, the heads of loops and pairs of statements are tried; then the
backward is recorded, and the first record that is not true is blamed.
"""

from .localise import localise
from .result import Edit, Fault, Localisation

__all__ = ["Edit", "Fault", "Localisation", "localise"]
