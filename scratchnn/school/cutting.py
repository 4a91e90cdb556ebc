"""From the answer book to a student's file: functions of a reference with chosen lines cut out.

The answer book is the library's own ``reference.py``. Nothing here knows an answer: lines are named by the numbers of
their equations, and what is cut is looked up when a hint or a test asks for it.
"""

import ast
import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from scratchnn.check.catalogue import planting

HOLE = "..."
NUMBER = re.compile(r"# \((\d+)\)\s*$")
NOISE = re.compile(r" *# type: ignore(\[[^]]*\])?")


class Line(NamedTuple):
    """One line that was cut: what it assigns, and how the answer book writes it."""

    function: str
    target: str  # "dc_t"; empty for a line that assigns nothing
    text: str  # without its equation's number
    number: int  # of its equation, 0 if it has none


@dataclass(frozen=True)
class Piece:
    """One function of a reference, as it stands in a student's file.

    Parameters
    ----------
    function : str
    cut : tuple of int
        Numbers of the equations whose lines are cut.
    cut_from : str
        How the statement begins from which everything to the end of the function is cut.
    goals : dict of int to str
        Sub-goals, written as comments above the line with that number; all of them where the rest is cut.
    simpler : tuple of (str, str)
        Lines of the reference that check arguments, and what takes their place.
    """

    function: str
    cut: tuple[int, ...] = ()
    cut_from: str = ""
    goals: Mapping[int, str] = field(default_factory=dict)
    simpler: tuple[tuple[str, str], ...] = ()


def written(op: str, piece: Piece, holes: bool = True, source: str | None = None) -> str:
    """Write a function for a student's file.

    Parameters
    ----------
    op : str
    piece : Piece
    holes : bool
        False: nothing is cut.
    source : str, optional
        Of the whole module, the reference's by default; a wrong one for a bug hunt.

    Returns
    -------
    str
    """
    lines = _simplified(op, piece.function, piece.simpler, source)
    node = _function(lines, piece.function)
    first = node.body[1] if ast.get_docstring(node) is not None else node.body[0]
    changes = dict(_cuts(lines, node, piece)) if holes else {}
    made, number = [_signature(node), *_docstring(node)], first.lineno
    while number <= node.end_lineno:
        if number in changes:
            last, new = changes[number]
            made += new
            number = last + 1
        else:
            made += [*([] if holes else _goal(lines, number, piece)), lines[number - 1]]
            number += 1
    return "\n".join(made).rstrip() + "\n"


def cut_lines(op: str, piece: Piece) -> tuple[Line, ...]:
    """List what is cut, in order.

    Parameters
    ----------
    op : str
    piece : Piece

    Returns
    -------
    tuple of Line
    """
    lines = _simplified(op, piece.function, piece.simpler, None)
    node = _function(lines, piece.function)
    found = []
    for start, (end, _) in _cuts(lines, node, piece):
        for statement in sorted(_statements(node), key=lambda one: one.lineno):
            if start <= statement.lineno <= end:
                found.append(_line(lines, statement, piece.function))
    return tuple(found)


def _line(lines, statement, function):
    last = statement.lineno if isinstance(statement, ast.For | ast.If) else statement.end_lineno
    block = lines[statement.lineno - 1 : last]
    number = next((int(found[1]) for found in map(NUMBER.search, block) if found), 0)
    text = " ".join(re.sub(r" *# \(\d+\)\s*$", "", line).strip() for line in block)
    return Line(function, target_of(statement), text, number)


def target_of(statement: ast.stmt) -> str:
    """Say what a statement assigns.

    Parameters
    ----------
    statement : ast.stmt

    Returns
    -------
    str
        Empty if it assigns nothing.
    """
    if isinstance(statement, ast.Assign):
        return ast.unparse(statement.targets[0])
    if isinstance(statement, ast.AugAssign | ast.AnnAssign):
        return ast.unparse(statement.target)
    return ""


@functools.cache
def _simplified(op, function, simpler, source):
    text = source or planting.source_of(op)
    for old, new in simpler:
        if text.count(old) != 1:
            raise ValueError(
                f"cutting: {old!r} stands {text.count(old)} times in the reference of {op}, expected once"
            )
        text = text.replace(old, new)
    lines = [NOISE.sub("", line) for line in text.splitlines()]
    node = _function(lines, function)
    for statement in node.body:  # what checks shapes only
        if isinstance(statement, ast.Expr) and ast.unparse(statement).startswith("shapes."):
            lines[statement.lineno - 1 : statement.end_lineno] = [None] * (
                statement.end_lineno - statement.lineno + 1
            )
    return tuple(line for line in lines if line is not None)


def _function(lines, name):
    body = ast.parse("\n".join(lines)).body
    return next(node for node in body if isinstance(node, ast.FunctionDef) and node.name == name)


def _statements(node):
    for child in ast.walk(node):
        if isinstance(child, ast.stmt) and child is not node and child.lineno > node.lineno:
            yield child


def _cuts(lines, node, piece):
    """Give (first line, (last line, what takes its place)) of everything that is cut."""
    for statement in sorted(_statements(node), key=lambda one: one.lineno):
        line = lines[statement.lineno - 1]
        indent = line[: len(line) - len(line.lstrip())]
        if piece.cut_from and line.strip().startswith(piece.cut_from):
            goals = [f"{indent}# {goal}" for goal in piece.goals.values()]
            yield statement.lineno, (node.end_lineno, [*goals, f"{indent}{HOLE}"])
            return
        numbered = NUMBER.search(lines[statement.end_lineno - 1])
        if not numbered or int(numbered[1]) not in piece.cut or not target_of(statement):
            continue
        sign = " += " if isinstance(statement, ast.AugAssign) else " = "
        goal = _goal(lines, statement.lineno, piece)
        yield statement.lineno, (
            statement.end_lineno, [*goal, f"{indent}{target_of(statement)}{sign}{HOLE}  # ({numbered[1]})"]
        )  # fmt: skip


def _goal(lines, number, piece):
    line = lines[number - 1]
    found = NUMBER.search(line)
    if not found or int(found[1]) not in piece.goals or piece.cut_from:
        return []
    return [f"{line[: len(line) - len(line.lstrip())]}# {piece.goals[int(found[1])]}"]


def _signature(node):
    """Write the first line without annotations: a student's file needs no types."""
    for argument in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs):
        argument.annotation = None
    return f"def {node.name}({ast.unparse(node.args)}):"


def _docstring(node):
    """Keep what it says about arguments and the forward pass; what follows from that is the student's to find."""
    text = ast.get_docstring(node)
    if text is None:
        return []
    kept, skipping = [], False
    lines = text.splitlines()
    for number, line in enumerate(lines):
        header = number + 1 < len(lines) and set(lines[number + 1]) == {"-"}
        if header:
            skipping = line == "Raises"
        if skipping or line.startswith("Source:"):
            continue
        line = re.sub(r",? *equations? \([^:]*\)\.", ".", line)
        kept.append(re.sub(r"^so now( +).*", r"so now\1(yours to find)", line))
    while kept and (not kept[-1].strip() or set(kept[-1]) == {"-"} or kept[-1] == "Notes"):
        kept.pop()
    made = f'"""{kept[0]}' if len(kept) == 1 else "\n".join(['"""' + kept[0], *kept[1:]])
    made += '"""' if len(kept) == 1 else '\n"""'
    return [f"    {line}".rstrip() for line in made.splitlines()]
