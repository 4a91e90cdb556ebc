"""Pictures of gradients on their way back through time: sizes on logarithmic axes that no number leaves."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from .style import BLACK, BLUE, GREEN, MAP, ORANGE, PURPLE, SKY, VERMILION, style

COLUMNS = 4
SHADES = (BLUE, SKY, GREEN, ORANGE, VERMILION, PURPLE)  # from cold to hot, as far as they go
LOWEST = -40  # singular values below 1e-40 are cut off, or the largest ones could not be told apart
GREY = "#777777"


class Curve(NamedTuple):
    """Sizes of a gradient over the distance to the end, as base-10 logarithms; NaN and -inf are not drawn."""

    label: str  # what distinguishes it from the others of its panel, the same in all panels
    log10: np.ndarray  # (T,), row d is the size d steps before the end
    spread: np.ndarray | None = None  # (T,), drawn as a band around it
    gates: np.ndarray | None = None  # (T,), the product of the keeping gates alone, drawn dotted
    without: np.ndarray | None = None  # (T,), the same without attention, drawn dashed


class Band(NamedTuple):
    """Singular values of a Jacobian over the distance, as base-10 logarithms; NaN and -inf are not drawn."""

    label: str
    distances: np.ndarray  # (N,)
    largest: np.ndarray  # (N,)
    median: np.ndarray  # (N,)
    smallest: np.ndarray  # (N,)


class Learning(NamedTuple):
    """One training run: loss and norm of the parameters' gradient at every step."""

    label: str
    losses: np.ndarray  # (steps,)
    norms: np.ndarray  # (steps,)


def gradient_flow(
    cells: Mapping[str, Sequence[Curve]],
    bands: Sequence[Band] = (),
    runs: Sequence[Learning] = (),
    *,
    title: str = "Where gradients go",
    clip: float | None = None,
    ylabel: str = "||dLoss/dh_t|| relative to t = T",
) -> Figure:
    """Draw how gradients change on their way back through time.

    Parameters
    ----------
    cells : mapping of str to sequence of Curve
        One panel each.
    bands : sequence of Band
        Together in one panel, where there are any.
    runs : sequence of Learning
        Two panels, loss and gradient norm, where there are any.
    title : str
    clip : float, optional
        Drawn as a line in the panel of gradient norms.
    ylabel : str
        What the curves of ``cells`` are.

    Returns
    -------
    matplotlib.figure.Figure
    """
    panels = len(cells) + bool(bands) + 2 * bool(runs)
    columns = min(COLUMNS, panels)
    lines = -(-panels // columns)
    with style():
        figure = Figure(figsize=(4.1 * columns, 3.5 * lines + 0.7), layout="constrained")
        figure.suptitle(title, fontweight="bold")
        grid = list(figure.subplots(lines, columns, squeeze=False).flat)
        for axes in grid[panels:]:
            axes.set_axis_off()
        places = iter(grid)
        labels = list(dict.fromkeys(curve.label for curves in cells.values() for curve in curves))
        many = matplotlib.colormaps[MAP](np.linspace(0, 0.88, len(labels)))
        shades = dict(zip(labels, SHADES if len(labels) <= len(SHADES) else many, strict=False))
        for name, curves in cells.items():
            _norms(next(places), name, curves, shades, ylabel)
        if cells:
            handles, names = grid[0].get_legend_handles_labels()
            figure.legend(handles, names, loc="outside lower center", ncols=len(names))
        if bands:
            _bands(next(places), bands)
        if runs:
            _learning(next(places), next(places), runs, clip)
    return figure


def _norms(axes, name, curves, shades, ylabel):
    axes.axhline(0, color=GREY, linewidth=0.8)
    for curve in curves:
        colour, steps = shades[curve.label], np.arange(len(curve.log10))
        axes.plot(steps, _drawable(curve.log10), color=colour, label=curve.label)
        if curve.spread is not None:
            low, high = (_drawable(curve.log10 + sign * curve.spread) for sign in (-1, 1))
            axes.fill_between(steps, low, high, color=colour, alpha=0.2, linewidth=0)
        for values, line in ((curve.gates, ":"), (curve.without, "--")):
            if values is not None:
                axes.plot(steps, _drawable(values), line, color=colour, linewidth=1)
    note = [text for field, text in (("gates", "dotted: the gates' product alone"), ("without", "dashed: without it"))
            if any(getattr(curve, field) is not None for curve in curves)]  # fmt: skip
    axes.set(title=name, xlabel="\n".join(["steps before the end, T - t", *note]))
    axes.set_ylabel(ylabel)
    _powers_of_ten(axes)


def _bands(axes, bands):
    axes.axhline(0, color=GREY, linewidth=0.8)
    for band, colour in zip(bands, (BLUE, VERMILION, GREEN, ORANGE, BLACK), strict=False):
        for values, line, label in (
            (band.largest, "-", band.label),
            (band.median, "--", None),
            (band.smallest, ":", None),
        ):
            width = 1.8 if label else 1.1
            axes.plot(band.distances, _drawable(values), line, color=colour, label=label, linewidth=width)
    note = "line: largest, dashed: median, dotted: smallest"
    low, high = axes.get_ylim()
    if low < LOWEST < high:
        axes.set_ylim(bottom=LOWEST)
        note += f" (to 1e{LOWEST})"
    axes.set(title="Singular values of dstate_T/dstate_t", xlabel=f"steps before the end, T - t\n{note}")
    axes.legend(loc="lower right")
    _powers_of_ten(axes)


def _learning(losses, norms, runs, clip):
    for run, colour in zip(runs, (BLUE, VERMILION, GREEN), strict=False):
        steps = np.arange(1, len(run.losses) + 1)
        losses.plot(steps, run.losses, color=colour, label=run.label, linewidth=1.2)
        with np.errstate(divide="ignore"):
            norms.plot(steps, _drawable(np.log10(run.norms)), color=colour, label=run.label, linewidth=1.2)
    losses.set(title="Training an RNN, radius above 1", xlabel="training step", ylabel="cross-entropy (nats)")
    losses.set_ylim(bottom=0)
    losses.legend(loc="upper right")
    norms.set(title="Its gradient, before clipping", xlabel="training step", ylabel="norm")
    if clip is not None:
        norms.axhline(np.log10(clip), color=BLACK, linewidth=1, linestyle="--", label=f"the limit, {clip:g}")
    norms.legend(loc="upper right")
    _powers_of_ten(norms)


def _drawable(log10):
    return np.where(np.isfinite(log10), log10, np.nan)


def _powers_of_ten(axes: Axes) -> None:
    """Write the ticks of an axis that holds exponents as 1e-30: a logarithmic axis ends where floats do."""
    axes.yaxis.set_major_locator(MaxNLocator(nbins=7, integer=True))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda exponent, _: f"1e{exponent:+.0f}" if exponent else "1"))
