"""Pictures of a gradient check: error maps, one per array, and the error of a derivative against its step."""

from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import Any, NamedTuple

import matplotlib
import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from .style import BLACK, BLUE, GREEN, MAP, ORANGE, PURPLE, VERMILION, style

CALM = "#9fb6c3"
LEAST, MOST = 1e-16, 1.0
WIDTH, HEIGHT = 3.1, 2.25  # of a panel, in inches
MANY = 24  # columns that can be labelled one by one


class Panel(NamedTuple):
    """One array of a check, ready to be drawn."""

    name: str
    errors: np.ndarray | None  # |given - expected| relative to the array's scale; None: there is no map
    passed: bool
    words: str = ""  # under the title: the worst error
    place: str = ""  # under that: where it is wrong
    axes: tuple[str, ...] = ()  # what each axis means
    blocks: tuple[int, Mapping[str, slice]] | None = None  # the axis that gates share, and their parts of it
    remark: str = ""  # in place of a map


def error_maps(panels: Sequence[Panel], *, title: str = "", bound: float | None = None) -> Figure:
    """Draw the relative error of every entry of every array.

    An array of three or more axes is laid flat: time (else the first axis) runs down, all else runs to the right,
    one group for each index of the axis that comes next.

    Parameters
    ----------
    panels : sequence of Panel
    title : str
    bound : float, optional
        Marked in the colour bar: what passes is below it.

    Returns
    -------
    matplotlib.figure.Figure
    """
    panels = panels or [Panel("no array", None, passed=False, remark="nothing could be compared")]
    columns = min(len(panels), 3 if len(panels) < 7 else 4) or 1
    rows = -(-len(panels) // columns)
    with style():
        figure = Figure(figsize=(max(5.0, WIDTH * columns + 0.9), HEIGHT * rows + 0.6), layout="constrained")
        figure.get_layout_engine().set(w_pad=0.08, h_pad=0.08)
        figure.suptitle(title, fontweight="bold")
        grid = figure.subplots(rows, columns, squeeze=False)
        colours = matplotlib.colormaps[MAP].with_extremes(bad="#ffffff", under=matplotlib.colormaps[MAP](0.0))
        norm = LogNorm(LEAST, MOST)
        for axes in grid.flat[len(panels) :]:
            axes.set_axis_off()
        for axes, panel in zip(grid.flat, panels, strict=False):
            _frame(axes, panel)
            if panel.errors is None or not panel.errors.size:
                axes.set(xticks=[], yticks=[])
                axes.text(0.5, 0.5, fill(panel.remark or "no entries", 34), ha="center", va="center", fontsize=8.5,
                          transform=axes.transAxes)  # fmt: skip
            else:
                _map(axes, panel, colours, norm)
        bar = figure.colorbar(matplotlib.cm.ScalarMappable(norm, colours), ax=grid, shrink=0.85, aspect=30)
        bar.set_label("error / largest entry")
        bar.set_ticks([1.0, 1e-4, 1e-8, 1e-12, 1e-16], labels=["1", "1e-4", "1e-8", "1e-12", "1e-16"])
        if bound:
            bar.ax.axhline(bound, color="white", linewidth=2.5)
            bar.ax.axhline(bound, color=BLACK, linewidth=1.2, linestyle="--")
            bar.ax.text(-0.15, bound, "bound", ha="right", va="center", fontsize=8,
                        transform=bar.ax.get_yaxis_transform())  # fmt: skip
    return figure


def _frame(axes, panel):
    axes.grid(visible=False)
    words = "\n".join(filter(None, (panel.words, fill(panel.place, 40))))
    colour, verdict = (BLACK, "pass") if panel.passed else (VERMILION, "FAIL")
    axes.set_title(f"{panel.name}: {verdict}", fontsize=10, pad=5 + 11 * (1 + words.count("\n")), color=colour)
    under = axes.text(0, 1.03, words, transform=axes.transAxes, fontsize=8, color="#444444", va="bottom")
    under.set_in_layout(False)  # a long sentence must not squeeze the map
    for spine in axes.spines.values():
        spine.set(visible=True, color=CALM if panel.passed else VERMILION, linewidth=1.5 if panel.passed else 3.0)


def _map(axes, panel, colours, norm):
    flat, down, right, outer, inner = _flattened(panel)
    shown = np.where(np.isfinite(flat), np.clip(flat, LEAST, MOST), np.nan)
    axes.imshow(shown, cmap=colours, norm=norm, aspect="auto", interpolation="nearest")
    axes.set_xlabel(right, fontsize=8.5)
    axes.set_ylabel(down, fontsize=8.5)
    axes.tick_params(labelsize=8, length=2)
    for line in np.arange(inner, flat.shape[1], inner) if outer > 1 else ():
        axes.axvline(line - 0.5, color="white", linewidth=1.5)
    _ticks(axes.yaxis, flat.shape[0] if down else 0)
    if outer > 1:
        axes.set_xticks((np.arange(outer) + 0.5) * inner - 0.5, range(outer))
    else:
        _ticks(axes.xaxis, flat.shape[1])
    if panel.blocks:
        _label_blocks(axes, panel, flat.shape)


def _flattened(panel):
    """Lay an array flat: (rows, columns), words for both axes, how many groups of columns, how wide each."""
    errors, names = panel.errors, list(panel.axes) or [f"axis {k}" for k in range(panel.errors.ndim)]
    if errors.ndim == 0:
        return errors.reshape(1, 1), "", "", 1, 1
    if errors.ndim == 1:
        return errors[None], "", names[0], 1, errors.size
    first = names.index("time") if "time" in names and errors.ndim > 2 else 0
    moved = np.moveaxis(errors, first, 0)
    names = [names.pop(first), *names]
    if errors.ndim == 2:
        return moved, names[0], names[1], 1, moved.shape[1]
    inner = int(np.prod(moved.shape[2:]))
    within = " and ".join(names[2:])
    return moved.reshape(len(moved), -1), names[0], f"{names[1]} (within it: {within})", moved.shape[1], inner


def _ticks(axis, size):
    step = max(1, -(-size // 8)) if size > MANY // 3 else 1
    axis.set_ticks(range(0, size, step))


def _label_blocks(axes, panel, shape):
    axis, slices = panel.blocks
    across = axis == 1 or panel.errors.ndim == 1
    centres = [(part.start + part.stop - 1) / 2 for part in slices.values()]
    labels = [name.removesuffix(" gate") for name in slices]
    for part in list(slices.values())[1:]:
        (axes.axvline if across else axes.axhline)(part.start - 0.5, color="white", linewidth=2)
    (axes.set_xticks if across else axes.set_yticks)(centres, labels, fontsize=7.5)
    (axes.set_xlabel if across else axes.set_ylabel)("")
    if across and panel.errors.ndim == 1:
        axes.set_yticks([])


METHODS = {
    "forward": (ORANGE, "forward difference"),
    "central": (BLUE, "central difference"),
    "richardson": (PURPLE, "Richardson's extrapolation"),
    "complex": (GREEN, "complex step"),
}


def step_curve(
    curve: Any,
    *,
    title: str = "",
    chosen: float | None = None,
    slopes: Mapping[str, float | None] | None = None,
) -> Figure:
    """Draw the error of four ways to differentiate against the step.

    Parameters
    ----------
    curve : object
        With ``steps``, ``truth`` and, per method, ``forward``, ``central``, ``richardson``, ``complex`` (or None),
        each (S,); what ``scratchnn.probe.error_curve`` gives.
    title : str
    chosen : float, optional
        The step that the judge chose for Richardson's extrapolation; marked.
    slopes : mapping of str to float, optional
        Per method, the power of h with which its error shrinks; written beside the curve.

    Returns
    -------
    matplotlib.figure.Figure
    """
    with style():
        figure = Figure(figsize=(8.4, 5.0), layout="constrained")
        axes = figure.subplots()
        axes.set(xscale="log", yscale="log", xlabel="step h", title=title)
        axes.set_ylabel("error" + (" relative to the derivative" if curve.truth else ", absolute"))
        for method, (colour, label) in METHODS.items():
            errors = getattr(curve, method)
            if errors is not None:
                dashes = (
                    (0, (4, 2)) if method == "complex" else "-"
                )  # central difference and complex step may coincide
                axes.plot(curve.steps, np.maximum(errors, LEAST), color=colour, label=label, linestyle=dashes)
                _slope_word(axes, curve, (slopes or {}).get(method), method, colour)
        axes.set_ylim(LEAST / 2, 1e3)
        axes.set_xlim(curve.steps.min(), curve.steps.max() * 2)
        for place, words in ((0.02, "<- rounding: grows like 1/h"), (0.98, "truncation: shrinks with h ->")):
            axes.text(place, 0.96, words, transform=axes.transAxes, ha="left" if place < 0.5 else "right",
                      va="top", fontsize=9, color="#444444")  # fmt: skip
        if chosen is not None:
            near = int(np.argmin(np.abs(np.log(curve.steps / chosen))))
            axes.axvline(chosen, color="#888888", linewidth=1, linestyle=":")
            axes.plot([chosen], [max(curve.richardson[near], LEAST)], "o", color=PURPLE, markersize=9,
                      markerfacecolor="white", markeredgewidth=2, label=f"the judge's step {chosen:.1e}")  # fmt: skip
        axes.legend(loc="lower left", bbox_to_anchor=(0, 0.16))
    return figure


def _slope_word(axes, curve, slope, method, colour):
    """Write the slope beside the part of the curve where truncation rules."""
    errors = np.where(np.isfinite(getattr(curve, method)), getattr(curve, method), np.inf)
    least = int(np.argmin(errors))
    clear = (errors > 100 * max(errors[least], LEAST)) & (errors < 0.3)
    where = np.flatnonzero((curve.steps > curve.steps[least]) & clear)
    if slope is None or not where.size:
        return
    k = where[int(len(where) * (0.8 if method == "complex" else 0.4))]
    to_left = method in ("forward", "richardson")
    axes.annotate(
        f"h^{slope:.1f}",
        (curve.steps[k], errors[k]),
        xytext=(-8, 8) if to_left else (12, -8),
        textcoords="offset points",
        ha="right" if to_left else "left",
        color=colour,
        fontweight="bold",
    )
