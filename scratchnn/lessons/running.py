"""Running a chapter cell by cell."""

import contextlib
import io
from collections.abc import Iterator
from typing import Any, NamedTuple

from .cells import Cell
from .figures import listen
from .shelf import Chapter


class Picture(NamedTuple):
    """A figure that a cell showed."""

    png: bytes
    title: str


class Ran(NamedTuple):
    """A cell after it ran; a Markdown cell has no outputs."""

    cell: Cell
    outputs: tuple[str | Picture, ...] = ()  # what it printed and showed, in order


class Session:
    """The names that the cells of one chapter share, as in a notebook.

    Parameters
    ----------
    chapter : Chapter
    """

    def __init__(self, chapter: Chapter) -> None:
        self.chapter = chapter
        self.names: dict[str, Any] = {"__name__": "__main__", "__file__": str(chapter.path)}

    def run(self, cell: Cell) -> None:
        """Run a code cell; what it prints goes to standard output. A Markdown cell does nothing.

        Parameters
        ----------
        cell : Cell
        """
        if cell.kind == "code":
            lines = "\n" * (cell.line - 1) + cell.text  # so that a traceback names the line of the file
            exec(compile(lines, str(self.chapter.path), "exec", dont_inherit=True), self.names)

    def record(self, cell: Cell) -> Ran:
        """Run a cell and keep what it printed and showed.

        Parameters
        ----------
        cell : Cell

        Returns
        -------
        Ran
        """
        outputs: list[str | Picture] = []
        printed = io.StringIO()

        def keep_text():
            if printed.getvalue():
                outputs.append(printed.getvalue())
                printed.seek(0)
                printed.truncate()

        def keep_picture(png, title):
            keep_text()
            outputs.append(Picture(png, title))

        stop = listen(keep_picture)
        try:
            with contextlib.redirect_stdout(printed):
                self.run(cell)
        finally:
            stop()
        keep_text()
        return Ran(cell, tuple(outputs))


def run_all(chapter: Chapter) -> Iterator[Ran]:
    """Run a chapter from its beginning.

    Parameters
    ----------
    chapter : Chapter

    Yields
    ------
    Ran
        Cell by cell.
    """
    session = Session(chapter)
    for cell in chapter.cells:
        yield session.record(cell)
