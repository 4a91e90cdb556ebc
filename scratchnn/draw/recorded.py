"""Pictures of one recorded run: gates, the map of attention, gradients on their way back."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from .style import BLUE, GREEN, MAP, SHADE, VERMILION, style

LINES = ((BLUE, "o", "-"), (VERMILION, "s", "-"), (GREEN, "^", "--"))


def gates(values: Mapping[str, np.ndarray], *, title: str = "Gates") -> Figure:
    """Draw each gate as a map, units against time.

    Parameters
    ----------
    values : mapping of str to (H, T) array
    title : str

    Returns
    -------
    matplotlib.figure.Figure
    """
    with style():
        figure = Figure(figsize=(2.5 * len(values) + 0.9, 3.0), layout="constrained")
        figure.suptitle(title, fontweight="bold")
        grid = figure.subplots(1, len(values), squeeze=False, sharey=True)[0]
        for axes, (name, value) in zip(grid, values.items(), strict=True):
            image = axes.imshow(value, cmap=MAP, vmin=-1, vmax=1, aspect="auto", interpolation="nearest")
            axes.set_title(name)
            axes.grid(visible=False)
            axes.set_xlabel("time step t")
            for axis in (axes.xaxis, axes.yaxis):
                axis.set_major_locator(MaxNLocator(integer=True, nbins=6))
        grid[0].set_ylabel("unit")
        figure.colorbar(image, ax=list(grid), label="value")
    return figure


def alpha_map(values: Mapping[str, np.ndarray], *, title: str = "Attention") -> Figure:
    """Draw attention weights as a map, queries against sources.

    Parameters
    ----------
    values : mapping of str to (Q, S) array
        One map.
    title : str

    Returns
    -------
    matplotlib.figure.Figure
    """
    ((name, value),) = values.items()
    with style():
        figure = Figure(
            figsize=(max(4.0, 0.55 * value.shape[1] + 2.2), 0.5 * value.shape[0] + 1.6), layout="constrained"
        )
        figure.suptitle(title, fontweight="bold")
        axes = figure.subplots()
        image = axes.imshow(value, cmap=SHADE, vmin=0, vmax=1, aspect="auto")
        axes.grid(visible=False)
        axes.set_xlabel("source")
        axes.set_ylabel("query")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        if value.size <= 144:
            for (i, j), weight in np.ndenumerate(value):
                colour = "white" if weight > 0.6 else "black"
                axes.text(j, i, f"{weight:.2f}", ha="center", va="center", fontsize=8, color=colour)
        figure.colorbar(image, ax=axes, label=name)
    return figure


def norms_over_time(curves: Mapping[str, np.ndarray], *, title: str = "How the gradient flows back") -> Figure:
    """Draw sizes over time on a logarithmic axis.

    Parameters
    ----------
    curves : mapping of str to (T,) array
        Up to three; what is not positive is not drawn.
    title : str

    Returns
    -------
    matplotlib.figure.Figure
    """
    with style():
        figure = Figure(figsize=(6.4, 3.6), layout="constrained")
        axes = figure.subplots()
        axes.set_title(title)
        for (label, values), (colour, marker, line) in zip(curves.items(), LINES, strict=False):
            shown = np.where(values > 0, values, np.nan)
            axes.plot(np.arange(len(shown)), shown, label=label, color=colour, marker=marker, ms=4, ls=line)
        axes.set_yscale("log")
        axes.set_xlabel("time step t")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=8))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda size, _: f"{size:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.set_ylabel("size (norm, or product of gates)" if len(curves) > 1 else "norm")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend()
    return figure
