"""Pictures of the catalogue: who is caught by what, and wrong gradients that train all the same."""

from collections.abc import Sequence

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from .style import BLACK, SKY, VERMILION, style

CAUGHT, ESCAPED, NOT_APPLICABLE = "#CFE6F5", VERMILION, "#ffffff"


def who_is_caught(
    groups: dict[str, np.ndarray], regimes: Sequence[str], *, title: str = "Which mistakes a gradient check catches"
) -> Figure:
    """Draw mistakes (columns, grouped by op) against ways of checking (rows).

    Parameters
    ----------
    groups : dict of str to array (mistakes, regimes)
        1 caught, 0 escaped, NaN where the regime does not apply.
    regimes : sequence of str
    title : str

    Returns
    -------
    matplotlib.figure.Figure
    """
    gap = 2
    shown, starts, at = [], [], 0
    for found in groups.values():
        starts.append(at)
        shown += [found.T, np.full((len(regimes), gap), np.nan)]
        at += len(found) + gap
    matrix = np.hstack(shown)[:, :-gap]
    columns = matrix.shape[1]
    with style():
        figure = Figure(figsize=(12.5, 1.3 + 0.26 * len(regimes)), layout="constrained")
        axes = figure.subplots()
        axes.set_title(title, pad=40)
        colours = ListedColormap([NOT_APPLICABLE, ESCAPED, CAUGHT])
        axes.pcolormesh(np.where(np.isnan(matrix), 0, matrix + 1), cmap=colours, vmin=0, vmax=2)
        axes.hlines(range(1, len(regimes)), 0, columns, color="white", linewidth=2.5)
        axes.invert_yaxis()
        axes.grid(visible=False)
        axes.tick_params(length=0)
        for spine in axes.spines.values():
            spine.set_visible(False)
        axes.set_yticks(np.arange(len(regimes)) + 0.5, regimes)
        axes.get_yticklabels()[0].set_fontweight("bold")
        axes.set_xticks([])
        for k, (name, found) in enumerate(groups.items()):
            crowded = len(found) < 0.04 * columns  # its name would run into its neighbours'
            axes.text(starts[k] + len(found) / 2, -0.25 - 0.75 * (crowded and k % 2), f"{name} {len(found)}",
                      ha="center", va="bottom", fontsize=9)  # fmt: skip
        for row, answers in enumerate(matrix):
            axes.text(columns + 4, row + 0.5, f"{np.nansum(answers == 0)} of {np.sum(~np.isnan(answers))}",
                      va="center", fontsize=9)  # fmt: skip
        axes.text(columns + 4, -0.9, "escaped", va="bottom", fontsize=9)
        keys = [Patch(color=CAUGHT, label="caught"), Patch(color=ESCAPED, label="escaped"),
                Patch(facecolor="white", edgecolor="#999999", label="does not apply")]  # fmt: skip
        figure.legend(handles=keys, loc="outside lower center", ncols=3)
    return figure


def still_trains(
    runs: dict[str, tuple[np.ndarray, dict[str, list[np.ndarray]]]],
    guess: float,
    *,
    title: str = "Wrong gradients still train",
    smooth: int = 10,
) -> Figure:
    """Draw loss curves of wrong gradients beside the right one's.

    Parameters
    ----------
    runs : dict of str to (array, dict of str to list of array)
        Task to the losses of the right gradient, and to those of the wrong ones by what became of them; the first
        kind is drawn in blue, the second in red.
    guess : float
        Loss of guessing; a dashed line.
    title : str
    smooth : int
        Every point is the mean of so many steps.

    Returns
    -------
    matplotlib.figure.Figure
    """
    with style():
        figure = Figure(figsize=(5 * len(runs), 4), layout="constrained")
        figure.suptitle(title, fontweight="bold")
        grid = figure.subplots(1, len(runs), sharey=True, squeeze=False)[0]
        for axes, (task, (right, wrong)) in zip(grid, runs.items(), strict=True):
            for (kind, curves), colour in zip(wrong.items(), (SKY, VERMILION), strict=True):
                for k, losses in enumerate(curves):
                    axes.plot(_mean(losses, smooth), color=colour, linewidth=0.9, alpha=0.8,
                              label=f"wrong, {kind}: {len(curves)}" if k == 0 else None)  # fmt: skip
            axes.plot(_mean(right, smooth), color=BLACK, linewidth=3, label="the right gradient")
            axes.axhline(guess, color=BLACK, linewidth=1, linestyle="--", label="guessing")
            axes.set(title=task, xlabel="training step", ylim=(0, 1.5 * guess))
            axes.legend(loc="upper right", fontsize=8.5, frameon=True, framealpha=0.9, edgecolor="none")
        grid[0].set_ylabel("loss (nats)")
    return figure


def _mean(losses, smooth):
    """Average over the last steps; the first few over those there are."""
    sums = np.concatenate([[0.0], np.cumsum(losses)])
    ends = np.arange(1, len(losses) + 1)
    begins = np.maximum(0, ends - smooth)
    return (sums[ends] - sums[begins]) / (ends - begins)
