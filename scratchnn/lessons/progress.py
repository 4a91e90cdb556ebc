"""How far somebody has read: one small file in the user's folder."""

import contextlib
import json
import os
import sys
from pathlib import Path
from typing import NamedTuple

from scratchnn.files import write_bytes

from .shelf import Chapter

FILE = "tutorial.json"


class Progress(NamedTuple):
    """How far one chapter was read."""

    seen: int = 0  # cells
    cells: int = 0  # that it had then
    done: bool = False

    @property
    def words(self) -> str:
        """In words: "", "read up to cell 12 of 31" or "done"."""
        if self.done:
            return "done"
        return f"read up to cell {self.seen} of {self.cells}" if self.seen else ""


def place() -> Path:
    """Say where the file is: ``SCRATCHNN_STATE_DIR``, or the place that the system has for such things.

    Returns
    -------
    Path
    """
    given = os.environ.get("SCRATCHNN_STATE_DIR")
    return (Path(given) if given else _user_state() / "scratchnn") / FILE


def progress(chapter: Chapter) -> Progress:
    """Look up how far a chapter was read.

    Parameters
    ----------
    chapter : Chapter

    Returns
    -------
    Progress
        Nothing, if there is no file or it cannot be read.
    """
    kept = _load().get(chapter.name)
    total = len(chapter.cells)
    try:
        seen, done = int(kept["seen"]), bool(kept["done"])
    except (TypeError, KeyError, ValueError):
        return Progress(cells=total)
    return Progress(min(max(seen, 0), total), total, done)


def remember(chapter: Chapter, seen: int) -> None:
    """Remember that the first cells of a chapter were read; a chapter once read to its end stays done.

    Parameters
    ----------
    chapter : Chapter
    seen : int

    Raises
    ------
    OSError
        The folder cannot be written.
    """
    kept, total = _load(), len(chapter.cells)
    done = progress(chapter).done or seen >= total
    kept[chapter.name] = {"seen": seen, "done": done}
    place().parent.mkdir(parents=True, exist_ok=True)
    write_bytes(place(), (json.dumps(kept, indent=1, sort_keys=True) + "\n").encode())


def _load():
    with contextlib.suppress(OSError, ValueError):
        kept = json.loads(place().read_text(encoding="utf-8"))
        if isinstance(kept, dict):
            return kept
    return {}


def _user_state():
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home())
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support"
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
