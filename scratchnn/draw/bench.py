"""Pictures of times: how many times quicker than each peer, and the ladder from plain Python up."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from .style import BLACK, BLUE, GREEN, ORANGE, VERMILION, style

PEERS = {"torch": (VERMILION, "o"), "torch-compile": (ORANGE, "s"), "jax": (GREEN, "D")}
OTHERS = (("#777777", "^"), (BLACK, "v"), (BLUE, "P"))
GREY = "#777777"
LINE = 0.2  # inches that one peer in one cell, or one rung, takes
FRAME = 1.05  # inches for the title and the axis of a panel


def race(record: dict[str, Any]) -> Figure:
    """Draw what ``scratchnn bench`` measured: one row of panels per topic, one column per number of threads.

    Parameters
    ----------
    record : dict
        As ``--json`` writes it.

    Returns
    -------
    matplotlib.figure.Figure
    """
    topics = list(dict.fromkeys(row["topic"] for row in record["rows"]))
    threads = sorted({row["threads"] for row in record["rows"]})
    of: dict[tuple, list] = {(topic, n): [] for topic in topics for n in threads}
    for row in record["rows"]:
        of[row["topic"], row["threads"]].append(row)
    heights = [FRAME + LINE * max(_lines(of[topic, n]) for n in threads) for topic in topics]
    with style():
        figure = Figure(figsize=(2.2 + 4.4 * len(threads), sum(heights) + 0.7), layout="constrained")
        figure.suptitle("Forward and backward on the CPU, float32", fontweight="bold")
        grid = figure.subplots(len(topics), len(threads), squeeze=False, height_ratios=heights, sharey="row")
        for topic, line in zip(topics, grid, strict=True):
            for n, axes in zip(threads, line, strict=True):
                if topic == "ladder":
                    _ladder(axes, of[topic, n])
                else:
                    _ratios(axes, of[topic, n], record["ours"])
                axes.set_title(f"{topic}, {n} thread{'s' * (n > 1)}")
        _legend(figure, record, grid[0][0])
    return figure


def device_race(record: dict[str, Any]) -> Figure:
    """Draw what ``scratchnn bench --backend gpu`` measured: a panel per topic, a bar per contender and cell.

    Parameters
    ----------
    record : dict
        As ``--json`` writes it.

    Returns
    -------
    matplotlib.figure.Figure
    """
    topics: dict[str, list] = {}
    for row in record["rows"]:
        topics.setdefault(row["topic"], []).append(row)
    heights = [FRAME + LINE * sum(1.6 + len(row["contenders"]) for row in rows) for rows in topics.values()]
    with style():
        figure = Figure(figsize=(7.4, sum(heights) + 0.7), layout="constrained")
        rounds = any(one.get("tf32") for row in record["rows"] for one in row["contenders"].values())
        tf32 = "TF32 only where named" if rounds else "TF32 off"
        figure.suptitle(f"Forward and backward, float32, {tf32}\n{record['device']}", fontweight="bold")
        grid = figure.subplots(len(topics), 1, squeeze=False, height_ratios=heights)[:, 0]
        for (topic, rows), axes in zip(topics.items(), grid, strict=True):
            _ladder(axes, rows)
            axes.set_title(topic)
    return figure


def _lines(rows):
    return sum(1.6 + max(1, len(row["contenders"]) - (row["topic"] != "ladder")) for row in rows)


def _look(name, record_peers):
    if name in PEERS:
        return PEERS[name]
    others = [peer for peer in record_peers if peer not in PEERS]
    return OTHERS[others.index(name) % len(OTHERS)] if name in others else OTHERS[0]


def _ratios(axes: Axes, rows: list[dict[str, Any]], ours: str) -> None:
    """Draw one point per cell and peer at peer's time / ours; right of 1 ours is quicker."""
    places, labels, at, there = [], [], 0.0, [1.0]
    for row in rows:
        peers = {name: one for name, one in row["contenders"].items() if name != ours}
        places.append(at + (max(1, len(peers)) - 1) / 2)
        labels.append(row["cell"])
        for name, one in peers.items():
            ratio = one.get("ratio")
            if ratio:
                colour, marker = _look(name, list(peers))
                low, high = one["ratio_spread"] or (ratio, ratio)
                axes.plot([1, ratio], [at, at], color=colour, linewidth=1, alpha=0.45)
                axes.plot([low, high], [at, at], color=colour, linewidth=3.5, alpha=0.35, solid_capstyle="butt")
                axes.plot([ratio], [at], marker, color=colour, markersize=5)
                _say(axes, f"{_short(ratio)}x", max(high, ratio), at)
                there += [low, high]
            else:
                word = "wrong result" if one["failed"] else "not there"
                _say(axes, f"{name}: {word}", 1, at)
            at += 1
        if not peers:
            at += 1
        at += 1.6
    axes.axvline(1, color=BLACK, linewidth=1)
    axes.set_xscale("log")
    axes.set_xlim(min(there) / 1.25, max(max(there) * 1.9, 2.5))
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}x"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_yticks(places, labels)
    axes.set_ylim(at - 1.6, -1)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("peer's time / ours: right of 1 ours is quicker; band: from turn to turn")
    axes.set_ylabel(rows[0]["letters"] if rows else "")


def _ladder(axes: Axes, rows: list[dict[str, Any]]) -> None:
    """Draw one bar per rung and cell, on a logarithmic axis of milliseconds."""
    at, places, labels = 0.0, [], []
    longest = [1e3 * one["median"] for row in rows for one in row["contenders"].values() if one["median"]]
    longest += [1e3 * row["floor"] for row in rows if row.get("floor")]
    for row in rows:
        axes.annotate(row["cell"], (0, at - 0.9), xycoords=("axes fraction", "data"), fontweight="bold", fontsize=8)
        for name, one in row["contenders"].items():
            if one["median"]:
                peer = name.partition(",")[0]
                axes.barh(at, 1e3 * one["median"], height=0.72, color=PEERS[peer][0] if peer in PEERS else BLUE)
                _say(axes, f"{_short(1e3 * one['median'])} ms", 1e3 * one["median"], at)
            else:
                reason = one["failed"] or one["without"] or "not timed"
                axes.text(0.02, at, reason, transform=axes.get_yaxis_transform(), va="center", fontsize=7, color=GREY)
            places.append(at)
            labels.append(name)
            at += 1
        if row.get("floor"):
            ends = (at - len(row["contenders"]) - 0.45, at - 0.55)
            axes.plot(2 * [1e3 * row["floor"]], ends, color=BLACK, linewidth=1.2, linestyle=(0, (2, 1.5)))
            axes.annotate(
                f"floor: {row['floor_by']}", (1e3 * row["floor"], ends[1]), xytext=(0, -1), fontsize=6.5, va="top",
                textcoords="offset points", ha="center",
            )  # fmt: skip
        at += 1.6
    axes.set_xscale("log")
    if longest:
        axes.set_xlim(min(longest) / 3, max(longest) * 6)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_yticks(places, labels)
    axes.set_ylim(at - 1.4, -1.6)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("milliseconds, forward and backward")


def _say(axes, text, x, y):
    axes.annotate(text, (x, y), xytext=(5, 0), textcoords="offset points", va="center", fontsize=8)


def _short(value):
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _legend(figure, record, axes):
    names = [name for name in record["peers"] if any(name in row["contenders"] for row in record["rows"])]
    if not names:
        return
    for name in names:
        colour, marker = _look(name, names)
        axes.plot([], [], marker, color=colour, label=record["versions"].get(name, name))
    figure.legend(loc="outside lower center", ncols=min(3, len(names)))
