"""Other conventions: arguments by name, tuples, dicts, objects, gate orders, orientations, an array for each gate.

What a student means is read from names and found by equality of the forward with ours; what was assumed is said.
"""

from .adapter import Adapter
from .calling import NotCovered
from .discover import discover, narrowed, runs
from .form import Form
from .own import Own
from .stepping import looped

__all__ = ["Adapter", "Form", "NotCovered", "Own", "discover", "looped", "narrowed", "runs"]
