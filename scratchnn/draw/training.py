"""Pictures of a training: losses, accuracies, and who was taken for whom."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from .style import BLACK, BLUE, MAP, VERMILION, style


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
    with style():
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
    with style():
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
    with style():
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
