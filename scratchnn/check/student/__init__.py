"""A student's file: read it, complete it, run it safely, and say what is wrong with it."""

from .complete import complete
from .examination import Examination
from .examine import adapter_for, examine
from .load import Student, load
from .safely import Limits, Outcome, safely

__all__ = ["Examination", "Limits", "Outcome", "Student", "adapter_for", "complete", "examine", "load", "safely"]
