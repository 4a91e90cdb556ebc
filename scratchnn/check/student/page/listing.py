"""The student's source with numbers, colours and marked lines."""

import html

from pygments import lex
from pygments.lexers import PythonLexer
from pygments.token import Comment, Keyword, Name, Number, String

COLOURS = ((Comment, "c"), (Keyword, "k"), (String, "s"), (Number, "n"), (Name.Function, "f"), (Name.Builtin, "b"))
MARK = " class='marked'"


def listing(source: str, marked: set[int] = frozenset()) -> str:
    """Write the source as HTML.

    Parameters
    ----------
    source : str
    marked : set of int
        Lines to mark, counted from 1.

    Returns
    -------
    str
        An ordered list; everything in it is escaped.
    """
    lines = [""]
    for kind, text in lex(source, PythonLexer(stripnl=False)):
        style = next((name for token, name in COLOURS if kind in token), "")
        for k, part in enumerate(text.split("\n")):
            if k:
                lines.append("")
            shown = html.escape(part)
            lines[-1] += f'<i class="{style}">{shown}</i>' if style and part else shown
    rows = [
        f"<li{MARK if number in marked else ''}><code>{line or '&#8203;'}</code></li>"
        for number, line in enumerate(lines[: source.count("\n") + (not source.endswith("\n"))], 1)
    ]
    return f"<ol>{''.join(rows)}</ol>"
