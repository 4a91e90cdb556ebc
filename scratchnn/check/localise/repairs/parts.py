"""An expression as text, and the places of its parts: what is put in place of one is put into the text."""

import ast
import functools
from typing import Any, NamedTuple


class Change(NamedTuple):
    """An expression in place of another.

    Parameters
    ----------
    text : str
    words : str
        What was done.
    cost : float
        Small for what people often get wrong.
    """

    text: str
    words: str
    cost: float


class Text:
    """An expression and the places of its parts.

    Parameters
    ----------
    text : str
    tree : ast.expr
        Parsed from it.
    """

    def __init__(self, text: str, tree: ast.expr) -> None:
        self.text, self.tree = text, tree
        self.nodes = [node for node in ast.walk(tree) if isinstance(node, ast.expr) and not stored(node)]
        self.bound = {
            name.id
            for node in ast.walk(tree)
            if isinstance(node, ast.comprehension)
            for name in ast.walk(node.target)
            if isinstance(name, ast.Name)
        }

    def of(self, node: ast.AST) -> str:
        """Give the text of a part.

        Parameters
        ----------
        node : ast.AST

        Returns
        -------
        str
        """
        return self.text[node.col_offset : node.end_col_offset]

    def put(self, node: ast.AST, new: str) -> str:
        """Replace a part, in brackets where it needs them.

        Parameters
        ----------
        node : ast.AST
        new : str

        Returns
        -------
        str
        """
        whole = node is self.tree
        simple = _simple(new)
        if not whole and not simple and not (new.startswith("(") and new.endswith(")") and _closed(new)):
            new = f"({new})"
        return self.text[: node.col_offset] + new + self.text[node.end_col_offset :]


def side(text: Text, node: ast.AST) -> str:
    """Give a part as it can stand beside an operator.

    Parameters
    ----------
    text : Text
    node : ast.AST

    Returns
    -------
    str
    """
    simple = isinstance(node, ast.Name | ast.Attribute | ast.Subscript | ast.Call | ast.Constant)
    return text.of(node) if simple else f"({text.of(node)})"


def cut(text: Text, node: Any, new: str = ":") -> str:
    """Replace a part as it stands, without brackets.

    Parameters
    ----------
    text : Text
    node : ast.AST
    new : str

    Returns
    -------
    str
    """
    return text.text[: node.col_offset] + new + text.text[node.end_col_offset :]


def swapped(text: Text, one: Any, other: Any) -> str:
    """Exchange two parts.

    Parameters
    ----------
    text : Text
    one, other : ast.AST

    Returns
    -------
    str
    """
    if one.col_offset > other.col_offset:
        one, other = other, one
    return (
        text.text[: one.col_offset]
        + text.of(other)
        + text.text[one.end_col_offset : other.col_offset]
        + text.of(one)
        + text.text[other.end_col_offset :]
    )


def is_name(node: ast.AST) -> bool:
    """Say whether a part is a name, but for those of loops.

    Parameters
    ----------
    node : ast.AST

    Returns
    -------
    bool
    """
    return isinstance(node, ast.Name) and node.id not in ("range", "reversed", "len")


def stored(node: ast.AST) -> bool:
    """Say whether something is written to a part.

    Parameters
    ----------
    node : ast.AST

    Returns
    -------
    bool
    """
    return isinstance(getattr(node, "ctx", None), ast.Store)


@functools.lru_cache(4096)
def _simple(new):
    try:
        tree = ast.parse(new, mode="eval").body
    except SyntaxError:
        return True
    return isinstance(tree, ast.Name | ast.Attribute | ast.Subscript | ast.Call | ast.Constant)


def _closed(new):
    depth = 0
    for k, letter in enumerate(new):
        depth += (letter == "(") - (letter == ")")
        if depth == 0:
            return k == len(new) - 1
    return False
