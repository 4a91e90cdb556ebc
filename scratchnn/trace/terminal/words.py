"""The help, which fits on one screen of 80x24, and the glyphs."""

from typing import NamedTuple

HELP = """\
 WALK                                    LOOK
 right, Enter, space  next equation      s      symbols <-> numbers put in
 left, Backspace      equation before    u U    next unit, unit before
 down, PgDn           next time step     b B    next sequence of the batch
 up, PgUp             time step before   r R    next row: query, matrix row
 p P                  next phase, before v      verify this node now
 g                    next same gate
 n                    to a node by name (Tab completes)
 /                    search in equations, lines, names
 Home End             first, last equation

 PREDICT                                 BREAK IT
 m  type the number before it is shown   x  plant a known mistake (a list)
    Enter: right or wrong? 1 % is near   d  to the first line that differs

 The run goes forward, t = 0 to T-1, turns round at the loss, and comes back.
 A gradient is named d + name: dc_t is dLoss/dc_t. carried: on its way to
 another step, without that step's own loss. [ ] marks the chosen entry.
 checked: the number was found a second time, without this code (mostly by
 the complex step through the forward pass), and both agree.

 Esc closes what is open, ? opens this page, q ends. Any key goes back."""


class Glyphs(NamedTuple):
    """Signs that not every terminal has."""

    dots: str = "…"
    good: str = "✓ checked"
    bad: str = "✗ WRONG"
    rule: str = "─"
    top: str = "─┐"
    bottom: str = "─┘"
    bar: str = "█"
    arrows: str = "←→ equation  ↑↓ time step"


PLAIN = Glyphs("...", "ok checked", "WRONG", "-", "-+", "-+", "#", "left/right equation  up/down time step")
