"""Pictures of a language model: its loss over the epochs, and over what it has read."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .style import BLUE, ORANGE, PURPLE, SKY, VERMILION, style

LINES = (ORANGE, PURPLE, SKY)


def nats_curves(
    history: list[dict], baselines: Sequence[tuple[str, float]] = (), *, title: str = "Training", floor: float = 0.25
) -> Figure:
    """Draw the loss per epoch in nats per character, what it is held against as lines.

    Parameters
    ----------
    history : list of dict
        Rows with ``epoch``, ``train_loss`` and ``valid_loss`` (of the held-out part).
    baselines : sequence of (str, float)
        Name and nats per character.
    title : str
    floor : float
        How far below the smallest value the axis goes.

    Returns
    -------
    matplotlib.figure.Figure
    """
    epochs = [row["epoch"] for row in history]
    with style():
        figure = Figure(figsize=(7, 4), layout="constrained")
        axes = figure.subplots()
        for key, colour, name in (
            ("train_loss", BLUE, "training text, while it learnt"),
            ("valid_loss", VERMILION, "held-out text"),
        ):
            values = [row[key] for row in history]
            if None not in values:
                axes.plot(epochs, values, "-", color=colour, label=name, marker="o", markersize=4)
        _baselines(axes, baselines)
        values = [row[key] for row in history for key in ("train_loss", "valid_loss") if row[key] is not None]
        axes.set_ylim(bottom=min([*values, *(nats for _, nats in baselines)], default=0) - floor)
        axes.set(title=title, xlabel="epoch", ylabel="nats per character")
        axes.xaxis.get_major_locator().set_params(integer=True)
        if axes.get_legend_handles_labels()[0]:
            axes.legend()
    return figure


def memory(
    read: np.ndarray, nats: np.ndarray, baselines: Sequence[tuple[str, float]] = (), *, title: str = "Memory"
) -> Figure:
    """Draw how the loss falls with the number of characters read since the state was zero.

    Parameters
    ----------
    read : (n,)
        Characters read.
    nats : (n,)
        Mean surprise by the character after them.
    baselines : sequence of (str, float)
        Name and nats per character.
    title : str

    Returns
    -------
    matplotlib.figure.Figure
    """
    with style():
        figure = Figure(figsize=(7, 4), layout="constrained")
        axes = figure.subplots()
        axes.plot(read, nats, color=VERMILION, label="held-out text", marker="o", markersize=4)
        _baselines(axes, baselines)
        axes.set_xscale("log")
        ticks = [n for n in (1, 2, 5, 10, 20, 50, 100) if n <= read[-1]]
        axes.set_xticks(ticks, [str(n) for n in ticks])
        axes.minorticks_off()
        axes.set(title=title, xlabel="characters read since the state was zero", ylabel="nats for the next character")
        axes.legend()
    return figure


def _baselines(axes: Axes, baselines):
    for (name, nats), colour in zip(baselines, LINES, strict=False):
        axes.axhline(nats, color=colour, linewidth=1.2, linestyle="--", label=f"{name}: {nats:.3f}")
