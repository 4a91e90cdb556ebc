"""Percent format: a Python file whose ``# %%`` lines cut it into cells.

VS Code, Jupyter (by jupytext), Spyder and PyCharm read it; Python itself sees comments and code.
"""

import re
from typing import NamedTuple

MARK = re.compile(r"# %%(?P<kind> \[markdown\])?\s*$")


class Cell(NamedTuple):
    """A piece of a chapter."""

    kind: str  # "markdown" or "code"
    text: str  # Markdown without the comment signs, or Python
    line: int  # of the file on which the text begins, counted from 1

    @property
    def headings(self) -> tuple[tuple[int, str], ...]:
        """The headings of a Markdown cell: (level, words)."""
        if self.kind != "markdown":
            return ()
        found = re.finditer(r"^(#+) +(.+)$", self.text, re.MULTILINE)
        return tuple((len(match[1]), match[2].strip()) for match in found)


def cells_of(text: str) -> tuple[Cell, ...]:
    """Cut the text of a chapter into cells; cells without text are left out.

    Parameters
    ----------
    text : str
        Of a file in percent format. What stands before the first mark is a code cell.

    Returns
    -------
    tuple of Cell
    """
    found, kind, lines, first = [], "code", [], 1
    for number, line in enumerate([*text.splitlines(), "# %%"], 1):
        mark = MARK.match(line)
        if not mark:
            lines.append(line)
            continue
        if any(line.strip() for line in lines):
            found.append(_cell(kind, lines, first))
        kind, lines, first = "markdown" if mark["kind"] else "code", [], number + 1
    return tuple(found)


def _cell(kind, lines, first):
    while not lines[0].strip():
        lines, first = lines[1:], first + 1
    if kind == "markdown":
        lines = [re.sub(r"^# ?", "", line) for line in lines]
    return Cell(kind, "\n".join(lines).rstrip(), first)
