"""What a student wrote: the statements that assign a name, with their lines."""

import ast

from .cutting import target_of


def assigned(line: str) -> str:
    """Say what one line of a reference assigns.

    Parameters
    ----------
    line : str
        E.g. "dc_t = dc_next + ds" or "for t in range(T):".

    Returns
    -------
    str
        Empty if it assigns nothing.
    """
    try:
        body = ast.parse(line.strip()).body
    except SyntaxError:
        return "for" if line.strip().startswith("for ") else ""
    return target_of(body[0]) if body else ""


def lines_of(text: str, target: str) -> list[tuple[int, str]]:
    """Find the statements that assign a name, or the loops if the target is "for".

    Parameters
    ----------
    text : str
        Python.
    target : str

    Returns
    -------
    list of (int, str)
        Line number, and the statement as one line.
    """
    if not target:
        return []
    found = []
    for node in ast.walk(ast.parse(text)):
        if target == "for" and isinstance(node, ast.For):
            found.append((node.lineno, f"for {ast.unparse(node.target)} in {ast.unparse(node.iter)}:"))
        elif isinstance(node, ast.stmt) and target_of(node) == target:
            lines = text.splitlines()[node.lineno - 1 : node.end_lineno]
            found.append((node.lineno, " ".join(line.partition("  #")[0].strip() for line in lines)))
    return sorted(found)
