"""Push what statements write: every value of a source can be added to, where it is written, while a pass runs.

    dc_t = dc_next + ds * slope          becomes          dc_t = _push(7, dc_next + ds * slope)

A backward pass is linear in the gradients that it makes, so a few pushes tell what a statement must have written for
everything after it to be right (``reach``), whatever its names are.
"""

import ast
import copy
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..source.leaves import Way, leaves, replaced
from ..source.statements import Statement

PUSH, LOOK = "_push", "_look"


class Key(NamedTuple):
    """An array that a statement writes.

    Parameters
    ----------
    number : int
        Of the site.
    way : tuple or None
        To it, if the statement writes several at once; None: all of them together.
    """

    number: int
    way: Way | None


@dataclass(frozen=True, eq=False)
class Site:
    """An expression whose value can be pushed: what a statement writes, or hands to a function.

    Parameters
    ----------
    number : int
    statement : Statement
    node : ast.expr or ast.arg
        Of the unchanged tree.
    kind : {"value", "argument", "kept"}
        "kept": what the backward gets, on entry.
    """

    number: int
    statement: Statement
    node: ast.expr | ast.arg
    kind: str


def sites(statements: list[Statement], entry: tuple[str, ...] = ()) -> list[Site]:
    """List the places of a source at which something can be pushed.

    Parameters
    ----------
    statements : list of Statement
    entry : tuple of str
        Path of the function whose arguments are pushed on entry.

    Returns
    -------
    list of Site
        In the order of the source.
    """
    own = {one.path[-1] for one in statements}
    found: list[Site] = []
    first = next((one for one in statements if one.path == entry), None)
    for node in first.function.args.args if first is not None else ():
        found.append(Site(len(found), first, node, "kept"))
    for statement in statements:
        for node in _pushed(statement):
            found.append(Site(len(found), statement, node, "value"))
        if not isinstance(statement.node, ast.For | ast.If) and statement.value is not None:
            for call in ast.walk(statement.value):
                if isinstance(call, ast.Call) and _called(call) in own:
                    for node in [*call.args, *(one.value for one in call.keywords)]:
                        if not isinstance(node, ast.Starred | ast.Constant):
                            found.append(Site(len(found), statement, node, "argument"))
    return found


def _pushed(statement):
    node = statement.node
    if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign | ast.Return) and node.value is not None:
        yield node.value
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        call = node.value
        if isinstance(call.func, ast.Attribute) and call.func.attr in ("append", "insert", "add_at", "at"):
            yield from call.args[-1:]


def _called(node):
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def pushable(tree: ast.Module, some: list[Site], watched: Statement | None = None) -> ast.Module:
    """Give a source whose sites can be pushed.

    Parameters
    ----------
    tree : ast.Module
        Stays as it is.
    some : list of Site
        Of this tree.
    watched : Statement, optional
        Right before it ``_look`` gets the local names.

    Returns
    -------
    ast.Module
    """
    numbers = {}
    for one in some:
        numbers.setdefault(id(one.node), one.number)
    for one in some:
        if one.kind == "kept":
            numbers[id(one.statement.function)] = -1
    return ast.fix_missing_locations(_Pushing(numbers, watched).visit(_Copied().of(tree, numbers, watched)))


class _Copied:
    """Copies a tree and marks the copies of the sites' nodes."""

    def of(self, tree, numbers, watched):
        memo: dict[int, Any] = {}
        made = copy.deepcopy(tree, memo)
        for old, number in list(numbers.items()):
            if old in memo:
                memo[old]._push_number = number
        if watched is not None and id(watched.node) in memo:
            memo[id(watched.node)]._push_watched = True
        return made


class _Pushing(ast.NodeTransformer):
    def __init__(self, numbers, watched):
        self.watched = watched is not None

    def visit(self, node):
        number = getattr(node, "_push_number", None)
        watched = getattr(node, "_push_watched", False)
        node = self.generic_visit(node)
        if isinstance(node, ast.arg):
            return node
        if isinstance(node, ast.FunctionDef):
            if number is not None:
                self._push_arguments(node)
            return node
        if number is not None:
            call = ast.Call(ast.Name(PUSH, ast.Load()), [ast.Constant(number), node], [])
            return ast.copy_location(call, node)
        if watched:
            look = ast.parse(f"{LOOK}(locals())").body[0]
            return [ast.copy_location(look, node), node]
        return node

    def _push_arguments(self, function):
        """What comes in is pushed before the first statement."""
        made = [
            ast.parse(f"{one.arg} = {PUSH}({one._push_number}, {one.arg})").body[0]
            for one in function.args.args
            if hasattr(one, "_push_number")
        ]
        start = int(ast.get_docstring(function) is not None)
        function.body[start:start] = [ast.copy_location(one, function.body[start]) for one in made]


class Pushes:
    """Adds to what is written, while it is on.

    Parameters
    ----------
    None
    """

    def __init__(self) -> None:
        self.on = False
        self.seen: dict[Key, list[np.ndarray]] | None = None  # what was written, if wanted
        self.course: list[int] = []  # the sites in the order in which they are met
        self.offsets: dict[Key, np.ndarray] = {}  # of each time it is written, one after the other
        self._numbers: set[int] = set()
        self._at: dict[Key, int] = {}

    def start(self, offsets: dict[Key, np.ndarray] | None = None, *, keep: bool = False) -> None:
        """Be on from now.

        Parameters
        ----------
        offsets : dict of Key to array
            What is added, flat, for all times that it is written.
        keep : bool
            Remember what is written.
        """
        self.on, self.offsets = True, offsets or {}
        self.seen = {} if keep else None
        self.course = [] if keep else self.course
        self._numbers = {key.number for key in self.offsets}
        self._at = dict.fromkeys(self.offsets, 0)

    def __call__(self, number: int, value: Any) -> Any:
        """Stand around an expression.

        Parameters
        ----------
        number : int
        value : object

        Returns
        -------
        object
            The value itself, or with something added.
        """
        if not self.on:
            return value
        if self.seen is not None:
            self.course.append(number)
            for way, array in leaves(value):
                self.seen.setdefault(Key(number, way), []).append(np.array(array, dtype=float))
                if way and way != ("*",):
                    self.seen.setdefault(Key(number, None), []).append(np.array(array, dtype=float))
        if number in self._numbers:
            return replaced(value, lambda way, array: self._moved(Key(number, way), array))
        return value

    def _moved(self, key, array):
        offset = self.offsets.get(key)
        if offset is None:
            key = Key(key.number, None)
            offset = self.offsets.get(key)
        if offset is None:
            return array
        size, start = np.size(array), self._at[key]
        self._at[key] = start + size
        part = offset[start : start + size]
        if part.size != size:
            raise ValueError("another course than before")
        return array + part.reshape(np.shape(array)) if np.ndim(array) else array + part[0]
