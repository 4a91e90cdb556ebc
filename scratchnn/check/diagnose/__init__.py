"""Diagnosis by the catalogue: whose wrong gradient is this?

On the same inputs and the same upstream gradients, a mistake leaves its own numbers. ``diagnose`` compares a gradient
with those of every known mistake of the op, singly and then in pairs, and names the mistake whose numbers it has.
"""

from .compare import Diagnosis, Match, diagnose
from .probing import Probe, answer, probes, subjects_of

__all__ = ["Diagnosis", "Match", "Probe", "answer", "diagnose", "probes", "subjects_of"]
