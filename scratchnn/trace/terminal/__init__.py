"""A recorded run in the terminal: one equation at a time, or all of it as text.

story.py answers questions about a trace; axes.py, substitute.py and written.py put numbers into an equation.
position.py says where the reader is; keys.py, moves.py and fields.py what a key does; screen.py, parts.py and rows.py
draw that; text.py writes everything. loop.py alone knows a real terminal.
"""

import importlib

_HOMES = {
    "Story": "story",
    "Position": "position",
    "press": "keys",
    "draw": "screen",
    "whole": "text",
    "walk": "loop",
}
__all__ = sorted(_HOMES)


def __getattr__(name):
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
