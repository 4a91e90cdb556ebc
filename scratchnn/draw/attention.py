"""Pictures of attention: tokens shaded, bars along a series."""

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from .style import BLACK, BLUE, MAP, SHADE, VERMILION, style


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
    with style():
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
    with style():
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
