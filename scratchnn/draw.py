"""Figures in one style: colour-blind safe, titled, labelled; returned as matplotlib Figures, nothing is shown.

Colours are those of Okabe & Ito (2008); maps are cividis and shades of one blue, which read the same with and
without colour vision. No pyplot: figures work without a screen and leave no global state.
"""

from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY, YELLOW, BLACK = (
    "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#F0E442", "#000000",
)  # fmt: skip
MAP = "cividis"
SHADE = "Blues"  # behind text: light where nothing happens
STYLE = {
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "lines.linewidth": 1.8,
    "text.parse_math": False,  # a class or a token may hold dollar signs
    "legend.frameon": False,
    "figure.dpi": 120,
    "savefig.dpi": 120,
}


@contextmanager
def _style():
    with matplotlib.rc_context(STYLE):
        yield


def save(figure: Figure, path: str | Path) -> Path:
    """Write a figure to a file, whole or not at all.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    path : str or Path
        The suffix says the format.

    Returns
    -------
    Path
    """
    path = Path(path)
    part = path.with_name(f".{path.stem}.part{path.suffix}")
    try:
        figure.savefig(part, metadata={"Software": None} if path.suffix == ".png" else None)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return path


def loss_curves(
    history: list[dict],
    *,
    title: str = "Training",
    best: int | None = None,
    baseline: tuple[str, float] | None = None,
) -> Figure:
    """Draw loss and accuracy per epoch.

    Parameters
    ----------
    history : list of dict
        Rows with ``epoch``, ``train_loss``, ``train_accuracy`` and, where there was validation, ``valid_loss``,
        ``valid_accuracy``.
    title : str
    best : int, optional
        Epoch whose weights were kept; marked by a line.
    baseline : tuple of (str, float), optional
        Name and accuracy of what is to be beaten; drawn as a dashed line.

    Returns
    -------
    matplotlib.figure.Figure
    """
    epochs = [row["epoch"] for row in history]
    with _style():
        figure = Figure(figsize=(9, 3.6), layout="constrained")
        figure.suptitle(title, fontweight="bold")
        losses, accuracies = figure.subplots(1, 2)
        for axes, kind in ((losses, "loss"), (accuracies, "accuracy")):
            scale = 1 if kind == "loss" else 100
            for part, colour, line in (("train", BLUE, "-"), ("valid", VERMILION, "-")):
                values = [row.get(f"{part}_{kind}") for row in history]
                if values and values[0] is not None:
                    name = {"train": "training", "valid": "validation"}[part]
                    marker = "o" if len(epochs) < 3 else None
                    axes.plot(epochs, np.multiply(values, scale), line, color=colour, label=name, marker=marker)
            axes.set_xlabel("epoch")
            axes.xaxis.get_major_locator().set_params(integer=True)
            if best is not None:
                axes.axvline(best, color="#888888", linewidth=1, linestyle=":", label=f"kept: epoch {best}")
        losses.set(title="Loss", ylabel="cross-entropy (nats)")
        losses.set_ylim(bottom=0)
        accuracies.set(title="Accuracy", ylabel="accuracy (%)")
        if baseline is not None:
            accuracies.axhline(100 * baseline[1], color=BLACK, linewidth=1, linestyle="--", label=baseline[0])
        for axes, place in ((losses, "best"), (accuracies, "lower right")):
            if axes.get_legend_handles_labels()[0]:
                axes.legend(loc=place)
    return figure


def confusion(matrix: np.ndarray, classes: Sequence[str], *, title: str = "Confusion matrix") -> Figure:
    """Draw a confusion matrix as shares of each true class, counts written where they fit.

    Parameters
    ----------
    matrix : (C, C) int
        Rows are true classes, columns predictions.
    classes : sequence of str
    title : str

    Returns
    -------
    matplotlib.figure.Figure
    """
    matrix = np.asarray(matrix)
    C = len(classes)
    share = 100 * matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    size = max(4.2, 1.8 + 0.36 * C)
    with _style():
        figure = Figure(figsize=(size + 1, size), layout="constrained")
        axes = figure.subplots()
        image = axes.imshow(share, cmap=MAP, vmin=0, vmax=100)
        axes.grid(visible=False)
        for row, column in np.ndindex(C, C):
            if matrix[row, column] and C <= 30:
                colour = "black" if share[row, column] > 55 else "white"
                axes.text(column, row, matrix[row, column], ha="center", va="center", color=colour, fontsize=7)
        axes.set_xticks(range(C), classes, rotation=60, ha="right", rotation_mode="anchor", fontsize=8)
        axes.set_yticks(range(C), classes, fontsize=8)
        axes.set(title=title, xlabel="predicted class", ylabel="true class")
        figure.colorbar(image, ax=axes, shrink=0.8, label="share of the true class (%)")
    return figure


def attention_rows(examples: list[tuple], *, title: str = "Where it looked", columns: int = 2) -> Figure:
    """Draw, for each example, its tokens shaded by the attention they received.

    Parameters
    ----------
    examples : list of (tokens, alpha, caption, right)
        Tokens (list of str), weights (len(tokens),) summing to 1, a line of text, and whether the
        prediction was right.
    title : str
    columns : int
        Examples side by side.

    Returns
    -------
    matplotlib.figure.Figure
    """
    rows = -(-len(examples) // columns)
    widest = max(len(tokens) for tokens, *_ in examples)
    cell = 0.34 if all(len(token) <= 2 for tokens, *_ in examples for token in tokens) else 0.85
    with _style():
        figure = Figure(figsize=(columns * max(3.2, cell * widest) + 0.8, 0.82 * rows + 0.8), layout="constrained")
        figure.suptitle(title, fontweight="bold")
        colour_map = matplotlib.colormaps[SHADE]
        grid = figure.subplots(rows, columns, squeeze=False)
        for axes in grid.flat:
            axes.set_axis_off()
        image = None
        for axes, (tokens, alpha, caption, right) in zip(grid.flat, examples, strict=False):
            image = axes.imshow(np.asarray(alpha)[None], cmap=SHADE, vmin=0, vmax=1, aspect="auto")
            for k, (token, weight) in enumerate(zip(tokens, alpha, strict=True)):
                dark = sum(colour_map(float(weight))[:3]) < 1.5
                axes.text(k, 0, token, ha="center", va="center", color="white" if dark else "black",
                          fontsize=11 if cell < 0.5 else 8)  # fmt: skip
            axes.set_xlim(-0.5, widest - 0.5)
            axes.set_title(caption, fontsize=8.5, fontweight="normal", color=BLACK if right else VERMILION, pad=3)
        if image is not None:
            figure.colorbar(image, ax=grid, shrink=0.8, aspect=30, label="attention weight")
    return figure


def attention_over_series(
    examples: list[tuple], *, title: str = "Where it looked", step: str = "time step", down: bool = False
) -> Figure:
    """Draw series with the attention weights as bars along their steps.

    Parameters
    ----------
    examples : list of (values, alpha, caption, right)
        Values (T, D), weights (T,), a line of text, whether the prediction was right.
    title : str
    step : str
        What a step is.
    down : bool
        Steps run downwards, as the rows of an image do; otherwise to the right.

    Returns
    -------
    matplotlib.figure.Figure
    """
    n = len(examples)
    with _style():
        figure = Figure(figsize=(2.6 * n + 0.6, 2.6 if down else 3.8), layout="constrained")
        figure.suptitle(title, fontweight="bold")
        if down:
            grid = figure.subplots(1, 2 * n, squeeze=False, sharey="row", width_ratios=(3, 1) * n).reshape(n, 2)
        else:
            grid = figure.subplots(2, n, squeeze=False, sharex="col", height_ratios=(3, 1)).T
        for (picture, bars), (values, alpha, caption, right) in zip(grid, examples, strict=True):
            picture.imshow(np.asarray(values) if down else np.asarray(values).T, cmap=MAP, aspect="auto")
            picture.grid(visible=False)
            picture.set_title(caption, fontsize=9, fontweight="normal", color=BLACK if right else VERMILION)
            (bars.barh if down else bars.bar)(range(len(alpha)), alpha, color=BLUE)
            if down:
                bars.set(xlim=(0, 1), xlabel="attention")
                picture.set_xlabel("feature")
            else:
                bars.set(ylim=(0, 1), xlabel=step)
        grid[0, 0].set_ylabel(step if down else "feature")
        if not down:
            grid[0, 1].set_ylabel("attention")
    return figure


def train_and_test(histories: dict[str, list[dict]], *, title: str) -> Figure:
    """Draw the training and the watched loss of several models side by side.

    Parameters
    ----------
    histories : dict of str to list of dict
        Model name to rows with ``epoch``, ``train_loss``, ``valid_loss``.
    title : str

    Returns
    -------
    matplotlib.figure.Figure
    """
    with _style():
        figure = Figure(figsize=(9, 3.6), layout="constrained")
        figure.suptitle(title, fontweight="bold")
        grid = figure.subplots(1, len(histories), sharey=True, squeeze=False)[0]
        for axes, (name, rows) in zip(grid, histories.items(), strict=True):
            epochs = [row["epoch"] for row in rows]
            axes.plot(epochs, [row["train_loss"] for row in rows], color=BLUE, label="training sequences")
            axes.plot(epochs, [row["valid_loss"] for row in rows], color=VERMILION, label="test sequences")
            axes.axhline(np.log(2), color=BLACK, linewidth=1, linestyle="--", label="a coin: ln 2")
            axes.set(title=name, xlabel="epoch")
        grid[0].set_ylim(bottom=0)  # shared, so only once all curves are drawn
        grid[0].set_ylabel("cross-entropy (nats)")
        grid[0].legend(loc="upper left")
    return figure
