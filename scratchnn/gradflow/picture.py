"""From measurements to the figure of ``scratchnn gradflow``."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from scratchnn import draw
from scratchnn.draw.gradient_flow import Band, Curve, Learning

from .clipping import Trained
from .of_run import RunFlow
from .survey import ATTENTION, Measured, split_name

TEN = math.log(10)


def picture(measured: Sequence[Measured], runs: Sequence[Trained] = (), *, title: str | None = None) -> Figure:
    """Draw the longest sequences of a survey: norms of each cell, singular values, clipped against not.

    Parameters
    ----------
    measured : sequence of Measured
    runs : sequence of Trained
    title : str, optional

    Returns
    -------
    matplotlib.figure.Figure
    """
    T = max(one.row.T for one in measured)
    longest = [one for one in measured if one.row.T == T]
    alone = {(one.row.name, one.row.radius): one for one in longest}
    cells: dict[str, list[Curve]] = {}
    for one in longest:
        base, reads = split_name(one.row.name)
        other = alone.get((base, one.row.radius)) if reads else None
        cells.setdefault(_heading(one.row.name), []).append(_curve(one, other))
    clip = next((run.clip for run in runs if run.clip is not None), None)
    learning = [Learning(_label(run), run.losses, run.norms) for run in runs]
    return draw.gradient_flow(
        cells, _bands(longest), learning, clip=clip, title=title or f"Gradients on their way back through {T} steps"
    )


def run_picture(flows: Sequence[RunFlow], *, title: str = "Gradients in a trained model") -> Figure:
    """Draw what ``run_flow`` measured, one panel for each direction.

    Parameters
    ----------
    flows : sequence of RunFlow
    title : str

    Returns
    -------
    matplotlib.figure.Figure
    """
    label = "mean over the test sequences that are so long"
    cells = {
        f"{_heading(flow.cell)}, reading {flow.direction}": [Curve(label, flow.mean / TEN, flow.spread / TEN)]
        for flow in flows
    }
    return draw.gradient_flow(cells, title=title, ylabel="||dLoss/dh_t||, share of the largest")


def _heading(name):
    base, reads = split_name(name)
    shown = {"linear": "linear RNN", "rnn": "RNN, tanh"}.get(base, base.upper())
    return f"{shown}, read through {ATTENTION}" if reads else shown


def _label(run):
    return "not clipped" if run.clip is None else f"clipped to {run.clip:g}"


def _curve(one, other):
    norms = one.norms
    back = norms.relative[::-1] / TEN
    apart = (norms.h - norms.h[-1])[::-1]
    spread = np.where(np.isfinite(apart), apart, np.nan).std(axis=1) / TEN
    return Curve(
        f"radius {one.row.radius:g}",
        back,
        spread,
        None if norms.gates is None else norms.gates.mean(axis=1)[::-1] / TEN,
        None if other is None else other.norms.relative[::-1] / TEN,
    )


def _bands(longest):
    """Take the radius nearest to 1, where the cells differ most in what they are made of."""
    plain = [one for one in longest if not split_name(one.row.name)[1]] or list(longest)
    radius = min((one.row.radius for one in plain), key=lambda radius: abs(math.log(max(radius, 1e-300))))
    return [
        Band(f"{one.row.name}, radius {radius:g}", found.distances,
             found.largest / TEN, found.median / TEN, found.smallest / TEN)
        for one in plain if one.row.radius == radius
        for found in [one.jacobians]
    ]  # fmt: skip
