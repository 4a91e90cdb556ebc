"""The one style of all figures: colours, fonts, and how a figure becomes a file."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from scratchnn import files

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
def style() -> Iterator[None]:
    """Draw in the house's style inside this block."""
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
    with files.replacing(path) as part:
        figure.savefig(part, metadata={"Software": None} if path.suffix == ".png" else None)
    return path
