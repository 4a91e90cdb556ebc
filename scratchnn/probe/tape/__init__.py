"""The tape: run a source unchanged and keep every assignment that it makes, with the numbers it read."""

from .instrument import Instrumented, Site, instrument
from .records import Read, Record
from .tape import Tape

__all__ = ["Instrumented", "Read", "Record", "Site", "Tape", "instrument"]
