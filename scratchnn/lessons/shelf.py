"""The chapters: where they are, and what they are called."""

import functools
from pathlib import Path
from typing import NamedTuple

from scratchnn.errors import InputError

from .cells import Cell, cells_of

INSTALLED = Path(__file__).parent / "chapters"  # in the wheel
CHECKOUT = Path(__file__).parents[2] / "tutorials"  # beside the package


class Chapter(NamedTuple):
    """One file of ``tutorials/``, e.g. ``50_lstm.py``."""

    number: str  # "50": two digits, with gaps for chapters to come
    name: str  # "50_lstm"
    path: Path

    @property
    def cells(self) -> tuple[Cell, ...]:
        """Its cells in order."""
        return _read(self.path)

    @property
    def title(self) -> str:
        """Its headline without the number: "The LSTM, gate by gate, forward and backward"."""
        return self.cells[0].text.splitlines()[0].lstrip("# ").partition("· ")[2]

    @property
    def text(self) -> str:
        """The file as it is."""
        return self.path.read_text(encoding="utf-8")


def folder() -> Path:
    """Find the chapters: in the installed package, or in the checkout that it runs from.

    Returns
    -------
    Path

    Raises
    ------
    InputError
        They are in neither place.
    """
    for place in (INSTALLED, CHECKOUT):
        if any(place.glob("[0-9][0-9]_*.py")):
            return place
    raise InputError(f"tutorial: there are no chapters in {INSTALLED} or {CHECKOUT}; install scratchnn again")


def chapters() -> tuple[Chapter, ...]:
    """List the chapters by number.

    Returns
    -------
    tuple of Chapter

    Raises
    ------
    InputError
        See ``folder``.
    """
    paths = sorted(folder().glob("[0-9][0-9]_*.py"))
    return tuple(Chapter(path.stem[:2], path.stem, path) for path in paths)


def chapter(which: str) -> Chapter:
    """Find one chapter.

    Parameters
    ----------
    which : str
        Its number ("50"), its name ("50_lstm"), or its name without the number ("lstm").

    Returns
    -------
    Chapter

    Raises
    ------
    InputError
        There is none.
    """
    known = chapters()
    for one in known:
        if which in (one.number, one.name, one.name[3:]) or (which.isdecimal() and which.zfill(2) == one.number):
            return one
    listed = ", ".join(one.number for one in known)
    raise InputError(f"tutorial: there is no chapter {which!r}, expected one of {listed}")


@functools.cache
def _read(path):
    return cells_of(path.read_text(encoding="utf-8"))
