"""The places of a source that a tape hears of."""

import ast
from dataclasses import dataclass
from types import CodeType

NAME = "_tape"  # under which a rewritten source finds its tape


@dataclass(frozen=True)
class Site:
    """One place of the source that the tape hears of.

    Parameters
    ----------
    function : str
        Qualified name, "" at module level.
    line : int
        First line of the statement.
    text : str
        The statement as it stands in the source, on one line, without its comment.
    comment : str
        What follows ``#`` on its last line.
    kind : {"set", "add", "return", "arguments"}
        ``add`` is any statement like ``+=``.
    targets : tuple of str
        What it binds, as written: "dc_t", "h[t + 1]".
    reads : tuple of str
        What it reads, as written, in the order of the wrapped reads.
    operands : tuple of str
        Of an increment ``a @ b``: its two sides.
    operator : str
        Of ``add``: "+", "-", ...
    terms : tuple of str
        Of a sum ``a + b + ...``: its terms as written.
    """

    function: str
    line: int
    text: str
    comment: str
    kind: str
    targets: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    operands: tuple[str, ...] = ()
    operator: str = ""
    terms: tuple[str, ...] = ()


@dataclass(frozen=True)
class Instrumented:
    """A rewritten source.

    Parameters
    ----------
    file : str
        Name for tracebacks.
    code : code
        To be run where the name ``_tape`` is a ``Tape``.
    tree : ast.Module
        The same before it was compiled.
    sites : tuple of Site
        The rewritten source names them by their index.
    """

    file: str
    code: CodeType
    tree: ast.Module
    sites: tuple[Site, ...]
