"""A trace in a notebook: the page in a frame of its own, and the tables for viewers that strip scripts."""

import html
from typing import Any

from .model import Trace
from .page import document
from .page.table import tables

HEIGHT = 900  # pixels


class Shown:
    """A trace as a notebook shows it.

    Parameters
    ----------
    trace : Trace
    wrong : sequence of Trace
        With a planted bug each.
    height : int
        Pixels.
    """

    def __init__(self, trace: Trace, wrong: Any = (), height: int = HEIGHT):
        self.trace, self.wrong, self.height = trace, tuple(wrong), height

    def _repr_html_(self) -> str:
        return to_html(self.trace, self.wrong, self.height)

    def __repr__(self) -> str:
        return f"{self.trace.title}, {len(self.trace.events)} equations; a notebook shows it step by step"


def to_html(trace: Trace, wrong: Any = (), height: int = HEIGHT) -> str:
    """Give a trace as HTML to stand in another page.

    Parameters
    ----------
    trace : Trace
    wrong : sequence of Trace
        With a planted bug each.
    height : int
        Pixels of the frame.

    Returns
    -------
    str
        The page in a frame that may run scripts and reach nothing else, then the tables, folded up.
    """
    page = html.escape(document(trace, wrong), quote=True)
    return (
        f'<iframe srcdoc="{page}" sandbox="allow-scripts" title="{html.escape(trace.title)}, step by step" '
        f'style="width:100%;height:{height}px;border:1px solid #bbb"></iframe>'
        f"<details><summary>{html.escape(trace.title)}: all equations and values as tables</summary>{tables(trace)}</details>"
    )
