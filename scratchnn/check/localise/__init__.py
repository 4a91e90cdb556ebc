"""Localisation: the first wrong line of a student's backward, and the edit that repairs it, without a list of bugs.

The forward is tapped and every true intermediate derivative computed by complex steps; the backward is recorded; the
first record that is not true is blamed, and single edits are tried until one makes everything right.
"""

from .localise import localise
from .result import Edit, Fault, Localisation

__all__ = ["Edit", "Fault", "Localisation", "localise"]
