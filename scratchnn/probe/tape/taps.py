"""Taps: every array that a source loads, computes, binds or stores can be looked at, and moved, where it stands.

    c = f * c_prev + i * g       becomes       c = _taps(9, _taps(4, _taps(2, f) * _taps(3, c_prev)) + _taps(8, ...))

Where a nudge moves what statements bind, taps reach inside expressions: each single use of a value has a derivative
of its own. A value keeps its identity unless it is moved.
"""

import ast
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from types import CodeType
from typing import Any, NamedTuple

import numpy as np

TAPS = "_taps"  # under which a tapped source finds its taps
MUTATORS = {"append", "extend", "insert", "fill", "sort", "copyto", "at", "put"}  # what they change must stay itself


class Place(NamedTuple):
    """One expression of a tapped source.

    Parameters
    ----------
    function : str
        Qualified name, "" at module level.
    line : int
    kind : {"read", "made", "bound", "argument"}
        A load; the result of an operation or a call; what a name or place gets; an argument on entry.
    text : str
        As written; of what is bound, the target.
    operator : {"", "@", "+", "T"}
        Of what was made by a product, a sum or a transpose.
    operands : tuple of int
        Of these: the places of its operands, -1 for one without a place.
    """

    function: str
    line: int
    kind: str
    text: str
    operator: str = ""
    operands: tuple[int, ...] = ()


@dataclass(frozen=True)
class Tapped:
    """A tapped source.

    Parameters
    ----------
    code : code
        To be run where ``_taps`` is a ``Taps.voice``.
    places : tuple of Place
    """

    code: CodeType
    places: tuple[Place, ...]


class Seen(NamedTuple):
    """One value that passed a tap.

    Parameters
    ----------
    key : tuple of int
        (place, how often it was passed before).
    place : Place
    value : array
        A copy.
    rounds : tuple of (int, int, int)
        Of each running loop, the outermost first: (place of the loop, round from 0, its whole number or the round).
    """

    key: tuple[int, int]
    place: Place
    value: np.ndarray
    rounds: tuple[tuple[int, int, int], ...]


class Taps:
    """What tapped sources tell while they run.

    Parameters
    ----------
    moves : dict, optional
        From a key to a function of the value, which returns the moved one.
    keep : bool
        Keep what passes in ``seen``.
    """

    def __init__(self, moves: dict[Any, Callable[[Any], Any]] | None = None, *, keep: bool = False) -> None:
        self.moves, self.keep = moves or {}, keep
        self.seen: list[Seen] = []
        self.met: set[Any] = set()
        self.places: list[Place] = []
        self._runs: dict[int, int] = {}
        self._rounds: list[tuple[int, int, int]] = []

    def voice(self, source: Tapped) -> Any:
        """Give what a tapped source calls ``_taps``: its places follow those of earlier sources.

        Parameters
        ----------
        source : Tapped

        Returns
        -------
        object
        """
        start = len(self.places)
        for one in source.places:
            self.places.append(one._replace(operands=tuple(k + start if k >= 0 else k for k in one.operands)))
        return _Voice(self, start)

    def forget(self) -> None:
        """Begin a new run: of the same sources, with the same keys."""
        self.seen, self.met, self._runs, self._rounds = [], set(), {}, []


class _Voice:
    def __init__(self, taps, start):
        self.taps, self.start = taps, start

    def __call__(self, place, value):
        if not isinstance(value, np.ndarray | np.inexact):
            return value
        taps, place = self.taps, self.start + place
        run = taps._runs.get(place, 0)
        taps._runs[place] = run + 1
        if taps.keep and value.dtype.kind in "fc":
            taps.seen.append(Seen((place, run), taps.places[place], np.array(value), tuple(taps._rounds)))
        move = taps.moves.get((place, run))
        if move is None:
            return value
        taps.met.add((place, run))
        return move(value)

    def rounds(self, place: int, items: Iterable[Any]) -> Iterator[Any]:
        """Count the rounds of a loop."""
        rounds, depth = self.taps._rounds, len(self.taps._rounds)
        try:
            for k, item in enumerate(items):
                number = next((one for one in _flat(item) if isinstance(one, int | np.integer)), k)
                del rounds[depth:]
                rounds.append((self.start + place, k, int(number)))
                yield item
        finally:
            del rounds[depth:]


def _flat(item):
    return item if isinstance(item, tuple) else (item,)


def tapped(source: str, file: str = "<source>") -> Tapped:
    """Put taps into a source; line numbers stay those of the source.

    Parameters
    ----------
    source : str
    file : str
        Name for tracebacks.

    Returns
    -------
    Tapped
    """
    tree = ast.parse(source, filename=file)
    writer = _Writer()
    tree = ast.fix_missing_locations(writer.visit(tree))
    return Tapped(compile(tree, file, "exec", dont_inherit=True), tuple(writer.places))


class _Writer(ast.NodeTransformer):
    """Only code inside functions is tapped."""

    def __init__(self):
        self.places, self.path, self.depth = [], [], 0

    def visit_ClassDef(self, node):
        return self._inside(node)

    def visit_AsyncFunctionDef(self, node):
        return node

    def visit_Lambda(self, node):
        return node

    def visit_FunctionDef(self, node):
        self.depth += 1
        names = [one.arg for one in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
        node = self._inside(node)
        self.path.append(node.name)
        head = [node.body.pop(0)] if ast.get_docstring(node) is not None else []
        node.body = [*head, *(self._again(name, "argument", node) for name in names), *node.body]
        self.path.pop()
        self.depth -= 1
        return node

    def _inside(self, node):
        self.path.append(node.name)
        body = []
        for line in node.body:
            found = self.visit(line)
            body += found if isinstance(found, list) else [found]
        node.body = body
        self.path.pop()
        return node

    def visit_Assign(self, node):
        if not self.depth:
            return node
        node.targets = [self._target(one) for one in node.targets]
        node.value = self.visit(node.value)
        if len(node.targets) == 1 and not isinstance(node.targets[0], ast.Tuple | ast.List):
            node.value = self._tap(node.value, "bound", ast.unparse(node.targets[0]), node)
            return node
        return [node, *self._bound_names(node.targets, node)]

    def visit_AnnAssign(self, node):
        if self.depth and node.value is not None:
            node.value = self._tap(self.visit(node.value), "bound", ast.unparse(node.target), node)
        return node

    def visit_AugAssign(self, node):
        if not self.depth:
            return node
        node.target, node.value = self._target(node.target), self.visit(node.value)
        return [node, *self._bound_names([node.target], node)]

    def visit_For(self, node):
        if not self.depth:
            return node
        node = self.generic_visit(node)
        node.iter = self._rounds(node.iter, node)
        node.body = [*self._bound_names([node.target], node), *node.body]
        return node

    def visit_comprehension(self, node):
        node = self.generic_visit(node)
        node.iter = self._rounds(node.iter, node.iter)
        return node

    def visit_With(self, node):
        node.body = [line for one in node.body for line in _lines(self.visit(one))]
        return node

    def visit_Call(self, node):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        node.args = [self._argument(one, keep=name in MUTATORS and k == 0) for k, one in enumerate(node.args)]
        for one in node.keywords:
            one.value = one.value if one.arg == "out" else self.visit(one.value)
        if isinstance(node.func, ast.Attribute) and name not in MUTATORS:
            node.func.value = self.visit(node.func.value)
        if name == "append" and node.args and self.depth:
            node.args[0] = self._tap(node.args[0], "bound", ast.unparse(node.func.value), node)
        return self._made(node)

    def _argument(self, node, keep):
        return node if keep and not isinstance(node, ast.BinOp | ast.Call) else self.visit(node)

    def visit_BinOp(self, node):
        node = self.generic_visit(node)
        operator = {ast.MatMult: "@", ast.Add: "+"}.get(type(node.op), "")
        return self._made(node, operator, (_place(node.left), _place(node.right)) if operator else ())

    def visit_UnaryOp(self, node):
        return self._made(self.generic_visit(node))

    def visit_Name(self, node):
        return self._read(node)

    def visit_Attribute(self, node):
        return self._read(node)

    def visit_Subscript(self, node):
        if isinstance(node.ctx, ast.Load) and _rooted(node.value):
            node.slice = self._plain(node.slice)
            return self._read(node)
        return self._read(self.generic_visit(node))

    def _plain(self, node):
        return node  # an index holds no array that has a derivative

    def _read(self, node):
        if not isinstance(node.ctx, ast.Load) or not self.depth:
            return node
        if isinstance(node, ast.Attribute) and not _rooted(node):
            node.value = self.visit(node.value)
            return self._made(node, *(("T", (_place(node.value),)) if node.attr in ("T", "mT") else ()))
        return self._tap(node, "read", _text(node), node)

    def _made(self, node, operator="", operands=()):
        return self._tap(node, "made", "", node, operator, operands) if self.depth else node

    def _target(self, node):
        return node

    def _bound_names(self, targets, node):
        names = [one.id for target in targets for one in ast.walk(target) if _stored(one)]
        return [self._again(name, "bound", node) for name in names]

    def _again(self, name, kind, node):
        value = self._tap(ast.Name(name, ast.Load()), kind, name, node)
        return ast.copy_location(ast.Assign([ast.Name(name, ast.Store())], value), node)

    def _tap(self, node, kind, text, where, operator="", operands=()):
        made = _place(node)
        if kind == "bound" and made >= 0 and self.places[made].kind == "made":
            self.places[made] = self.places[made]._replace(kind="bound", text=text)  # one value, one tap
            return node
        self.places.append(Place(".".join(self.path), where.lineno, kind, text, operator, operands))
        call = ast.Call(ast.Name(TAPS, ast.Load()), [ast.Constant(len(self.places) - 1), node], [])
        return ast.copy_location(call, where)

    def _rounds(self, node, where):
        self.places.append(Place(".".join(self.path), where.lineno, "loop", ""))
        asked = ast.Attribute(ast.Name(TAPS, ast.Load()), "rounds", ast.Load())
        return ast.copy_location(ast.Call(asked, [ast.Constant(len(self.places) - 1), node], []), node)


def _rooted(node):
    """Whether it is a name with attributes and indices: ``cache.f[t]`` is one read."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        if isinstance(node, ast.Attribute) and node.attr in ("T", "mT", "real", "imag", "flat"):
            return False
        node = node.value
    return isinstance(node, ast.Name)


def _place(node):
    """Give the place of a tapped expression."""
    tapped = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == TAPS
    return node.args[0].value if tapped else -1


def _stored(node):
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)


def _text(node):
    return ast.unparse(node) if _rooted(node) else ""


def _lines(found):
    return found if isinstance(found, list) else [found]
