"""A trace in a notebook: the page in a frame of its own, and the tables for viewers that strip scripts."""

import html
from typing import Any

import numpy as np

from scratchnn.errors import InputError

from .model import Trace
from .page import document
from .page.table import tables

HEIGHT = 900  # pixels
TITLES = {
    "gates": "gates over time", "gradient flow": "how the gradient flows back", "attention": "who looks at what",
}  # fmt: skip


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
        f"<details><summary>{html.escape(trace.title)}: all equations and values as tables</summary>"
        f"{tables(trace)}</details>"
    )


def plot(trace: Trace, what: str) -> Any:
    """Draw a trace in the house's style.

    Parameters
    ----------
    trace : Trace
    what : {"gates", "gradient flow", "attention"}
        What the run has of them.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        The run has nothing of the kind.
    """
    from scratchnn import draw  # matplotlib, opened when needed

    found = {"gates": _gates(trace), "gradient flow": _flow(trace), "attention": _alpha(trace)}
    there = [name for name, values in found.items() if values]
    if what not in there:
        raise InputError(
            f"trace.plot: what is {what!r}, expected one of {', '.join(there) or 'nothing: no picture fits'}"
        )
    pictures = {"gates": draw.gates, "gradient flow": draw.norms_over_time, "attention": draw.alpha_map}
    name = trace.op.upper() if len(trace.op) < 5 else trace.op.capitalize()
    return pictures[what](found[what], title=f"{name}: {TITLES[what]}")


def _over_time(trace, node, phase):
    """Give (t, value) of a node at every step, from the first to the last."""
    found = [e for e in trace.events if (e.node, e.phase) == (node, phase) and None not in (e.t, e.value)]
    return [(e.t, trace.array(e.value)) for e in sorted(found, key=lambda e: e.t)]


def _gates(trace):
    """Give each gate as (units, T), of the first sequence."""
    names = ["i", "f", "g", "o"] if _over_time(trace, "f", "forward") else ["r", "z", "n"]
    values = {name: [value[0] for _, value in _over_time(trace, name, "forward")] for name in names}
    return {name: np.array(rows).T for name, rows in values.items() if len(rows) > 1}


def _flow(trace):
    """Give the norms of the states' gradients over t, and the mean product of the gates that keep the state."""
    curves = {}
    for node in ("dh_t", "dc_t"):
        points = _over_time(trace, node, "backward")
        if len(points) > 1:
            curves[f"norm of {node}"] = np.array([np.linalg.norm(value) for _, value in points])
    for node, name in (("f", "forget"), ("z", "update")):
        gates = np.array([value for _, value in _over_time(trace, node, "forward")])
        if curves and len(gates) > 1:
            after = np.concatenate([gates[1:], np.ones_like(gates[:1])])
            kept = np.cumprod(after[::-1], axis=0)[::-1]
            curves[f"product of the {name} gates after t"] = kept.reshape(len(kept), -1).mean(axis=1)
    return curves


def _alpha(trace):
    """Give alpha (Q, S) of the first sequence, or None."""
    found = [e for e in trace.events if (e.op, e.node) == ("attention", "alpha") and e.value is not None]
    return {"alpha": trace.array(found[-1].value)[0]} if found else None
