"""Put one page together: template, style, scripts, the tables and the numbers, all in one file."""

import html
import json
from collections.abc import Sequence
from importlib.resources import files as package_files
from pathlib import Path

from scratchnn import files
from scratchnn.errors import InputError

from ..model import Trace
from .packing import packed
from .table import tables

SCRIPTS = (
    "numbers.js", "run.js", "state.js", "drawings.js", "microscope.js", "words.js", "timeline.js", "panels.js",
    "compare.js", "charts.js", "attention.js", "controls.js", "main.js",
)  # fmt: skip


def document(trace: Trace, wrong: Sequence[Trace] = ()) -> str:
    """Give the page of a trace as one HTML document.

    Parameters
    ----------
    trace : Trace
        The right run.
    wrong : sequence of Trace, optional
        The same run with a planted bug each; the page shows right and wrong side by side.

    Returns
    -------
    str

    Raises
    ------
    InputError
        A wrong trace is of another op or of other sizes.
    """
    for other in wrong:
        if (other.op, other.sizes) != (trace.op, trace.sizes):
            raise InputError(
                f"trace.page: the wrong trace is of {other.op} {other.sizes}, expected {trace.op} {trace.sizes}"
            )
    data = packed(trace, wrong)
    parts = {
        "TITLE": html.escape(trace.title),
        "STYLE": _part("page.css"),
        "TABLES": tables(trace),
        "DATA": json.dumps(data, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c"),  # ends no script
        "SCRIPT": "\n".join(_part(name) for name in SCRIPTS),
    }
    pieces = _part("template.html").split("@@")  # text, name, text, name, ..., text
    return "".join(parts[piece] if k % 2 else piece for k, piece in enumerate(pieces))


def write(trace: Trace, path: str | Path, wrong: Sequence[Trace] = ()) -> Path:
    """Write the page of a trace, whole or not at all.

    Parameters
    ----------
    trace : Trace
    path : str or Path
    wrong : sequence of Trace, optional
        See ``document``.

    Returns
    -------
    Path

    Raises
    ------
    InputError
        The file cannot be written, or a wrong trace does not belong to this one.
    """
    path = Path(path)
    content = document(trace, wrong).encode()
    try:
        files.write_bytes(path, content)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}") from None
    return path


def _part(name):
    return package_files(__package__).joinpath(name).read_text(encoding="utf-8")
