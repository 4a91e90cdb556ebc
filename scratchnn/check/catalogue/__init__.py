"""The catalogue of known-wrong gradients: planted, judged, and held against weaker ways of checking.

``bugs()`` lists every room's mistakes, ``plant(bug)`` makes a wrong module of one (planting.py). quick.py judges many
backward passes of one forward; regimes.py holds the bugs against weaker checks, with forms.py (each op at any
sizes) and verdicts.py; still_trains.py trains with them.
"""

from .planting import bug, bugs, plant, room_of, source, source_of

__all__ = ["bug", "bugs", "plant", "room_of", "source", "source_of"]
