"""The tape: run a source unchanged and keep every assignment that it makes, with the numbers it read."""

from .instrument import instrument
from .records import Read, Record
from .sites import Instrumented, Site
from .tape import Tape

__all__ = ["Instrumented", "Read", "Record", "Site", "Tape", "instrument"]
