"""Find the edit of one statement that repairs everything."""

import ast
import itertools
import time
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ..source.scope import Scope
from ..truth.blame import Suspect
from ..truth.pool import Pool
from ..truth.records import is_same
from .edits import changes
from .parts import Change
from .rebuild import rebuilt
from .trying import Bench
from .wholes import wholes

MOST = 500  # edits of one statement that are tried by running both passes
LOCALLY = 0.6  # seconds for comparing the edits of one statement with what is true
GOOD = 20  # edits that give a true value
SHARE = 0.35  # seconds for them


class Found(NamedTuple):
    """A repair.

    Parameters
    ----------
    suspect : Suspect
    texts : tuple of (ast.stmt, str)
        Statements and what shall stand in their place.
    before, after, words : str
    whole : bool
        It repairs everything.
    here : bool
        It repairs all gradients of the first pass; otherwise, and if not whole, only what this statement writes.
    sure : bool
        It is a small edit: what is built anew gives the right numbers in a line that may have been right.
    """

    suspect: Suspect
    texts: tuple[tuple[ast.stmt, str], ...]
    before: str
    after: str
    words: str
    whole: bool
    here: bool
    sure: bool = True


class Search:
    """Tries edits of statements.

    Parameters
    ----------
    bench : Bench
    pool : Pool
    deadline : float
        Of ``time.process_time``.
    """

    def __init__(self, bench: Bench, pool: Pool, deadline: float) -> None:
        self.bench, self.pool, self.deadline = bench, pool, deadline
        self.partial: list[Found] = []

    @property
    def late(self) -> bool:
        """Whether time is up."""
        return time.process_time() > self.deadline

    def repair(self, suspects: list[Suspect]) -> Found | None:
        """Find the first repair of everything.

        Parameters
        ----------
        suspects : list of Suspect
            The most suspicious first.

        Returns
        -------
        Found or None
            What repairs less is kept in ``partial``.
        """
        for suspect in suspects:
            if self.late:
                return None
            for found in self._of(suspect):
                if found.whole:
                    return found
                self.partial.append(found)
        return None

    def _of(self, suspect: Suspect) -> Iterator[Found]:
        statement = suspect.statement
        if statement.value is None:
            return
        scope = self.bench.scope(statement, suspect.run) or self.bench.scope(statement, 0)
        if scope is None:
            return
        if suspect.written is not None and suspect.written.record.kind == "argument":
            yield from self._of_argument(suspect, scope)
        text = ast.unparse(statement.value)
        value = scope.value(text) if not isinstance(statement.node, ast.For | ast.If) else None
        for after, words in wholes(statement):
            yield from self._run(suspect, after, words, False)
        parts = scope.parts(statement.value)
        candidates = sorted(changes(text, scope.atoms, scope.functions, parts), key=lambda one: one.cost)
        wanted = _different(self._wanted(suspect, value, scope))
        if wanted:
            yield from self._locally(suspect, scope, candidates, wanted)
        else:
            yield from self._running(suspect, candidates, scope, value)

    def _of_argument(self, suspect, scope):
        """Edits of one argument of a call, which must give what the function should have been given."""
        call, node = _argument(suspect)
        if node is None:
            return
        text, statement = ast.unparse(node), suspect.statement
        whole = ast.unparse(statement.value)
        parts = scope.parts(node)
        for change in sorted(changes(text, scope.atoms, scope.functions, parts), key=lambda one: one.cost):
            value = scope.value(change.text)
            if any(is_same(value, array) for array in suspect.written.accepts):
                start, end = _span(whole, ast.unparse(call), text)
                new = whole[:start] + change.text + whole[end:]
                yield from self._run(suspect, statement.written(new), change.words, True)

    def _run(self, suspect: Suspect, after: str, words: str, local: bool) -> Iterator[Found]:
        """Run both passes with an edit; give it if it repairs something."""
        statement = suspect.statement
        here = self.bench.repairs(statement, after)
        whole = here and self.bench.repairs(statement, after, everywhere=True)
        if here and not whole:
            here = self.bench.keeps(statement, after)
        if here or local:
            yield Found(suspect, ((statement.node, after),), statement.text, tidy(after), words, whole, here)

    def _locally(self, suspect, scope, candidates, wanted):
        """Compare what each edit gives with what is true; run both passes only with those that agree."""
        named = bool(suspect.written.accepts)
        good, end = 0, min(self.deadline, time.process_time() + LOCALLY)
        here = False

        def built():
            if named and (here or not good):  # a true value was found that is no repair: another line is wrong, too
                yield from self._built(suspect, scope, wanted[:3])

        for change in itertools.chain(candidates, built()):
            if time.process_time() > end or good > GOOD:
                break
            value = scope.value(change.text)
            if isinstance(value, np.ndarray | float | np.inexact) and any(is_same(value, one) for one in wanted):
                good += 1
                for found in self._run(suspect, suspect.statement.written(change.text), change.words, True):
                    here = here or found.here
                    yield found
        if not named or not good:
            value = scope.value(ast.unparse(suspect.statement.value))
            yield from self._running(suspect, candidates, scope, value)

    def _built(self, suspect, scope, wanted):
        for array in wanted:
            yield from anew(suspect.statement.value, array, scope, self.deadline)

    def _running(self, suspect, candidates, scope, value):
        """Run both passes with every edit that gives something of the same kind."""
        end = min(self.deadline, time.process_time() + SHARE)
        for change in candidates[:MOST]:
            if time.process_time() > end:
                return
            if value is not None and not _alike(value, scope.value(change.text)):
                continue
            yield from self._run(suspect, suspect.statement.written(change.text), change.words, False)

    def _wanted(self, suspect, value, scope):
        """List what the statement's expression should give."""
        one, node = suspect.written, suspect.statement.node
        if not isinstance(value, np.ndarray | float | np.inexact):
            return []
        t = one.t if one is not None else None
        if one is not None and one.accepts:
            arrays = one.accepts
            if isinstance(node, ast.AugAssign):
                before = scope.value(ast.unparse(node.target).replace("$", ""))
                sign = -1 if isinstance(node.op, ast.Sub) else 1
                if isinstance(before, np.ndarray):
                    arrays = [sign * (array - before) for array in arrays if np.shape(array) == before.shape]
                return arrays
            return [array for array in arrays if np.shape(array) == np.shape(value)] or arrays
        if one is None:
            return []
        return [known.array for known in self.pool.shaped(np.shape(value), t)]


def anew(node: ast.expr, wanted: np.ndarray, scope: Scope, deadline: float) -> Iterator[Change]:
    """Build an expression anew, or the term that it lacks.

    Parameters
    ----------
    node : ast.expr
    wanted : array
        What it shall give.
    scope : Scope
    deadline : float
        Of ``time.process_time``.

    Yields
    ------
    Change
    """
    yield from rebuilt(wanted, scope.atoms, scope.scalars(), deadline)
    terms = _terms(node)
    for k in range(len(terms), -1, -1):  # beside all of them, then in place of each
        rest = " + ".join(ast.unparse(one) for j, one in enumerate(terms) if j != k)
        value = scope.value(rest) if rest else None
        if isinstance(value, np.ndarray | np.inexact) and np.shape(value) == np.shape(wanted):
            for change in rebuilt(wanted - value, scope.atoms, scope.scalars(), deadline):
                yield Change(f"{rest} + {change.text}", f"the term {change.text}", 4)


def tidy(text: str) -> str:
    """Leave out brackets that are not needed.

    Parameters
    ----------
    text : str

    Returns
    -------
    str
    """
    try:
        return ast.unparse(ast.parse(text)) if text else text
    except SyntaxError:  # the head of a loop
        return text


def _different(arrays):
    """Leave out what is there twice."""
    found: list[np.ndarray] = []
    for array in arrays:
        if not any(is_same(np.asarray(array), one) for one in found):
            found.append(np.asarray(array))
    return found


def _terms(node):
    """The terms of a + b + c; one if it is no sum."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return [*_terms(node.left), node.right]
    return [node]


def _argument(suspect):
    """Find in the statement the call whose argument is suspicious, and the argument."""
    name = suspect.written.function.rpartition(".")[2]
    place = suspect.written.record.key[2]
    for node in ast.walk(suspect.statement.value):
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called == name and not any(isinstance(one, ast.Starred) for one in node.args):
                place -= isinstance(node.func, ast.Attribute)  # self
                given = {one.arg: one.value for one in node.keywords}
                if suspect.written.name in given:
                    return node, given[suspect.written.name]
                return node, node.args[place] if 0 <= place < len(node.args) else None
    return None, None


def _span(whole, call, text):
    """Where an argument stands in the statement's text."""
    start = whole.index(call)
    start = whole.index(text, start)
    return start, start + len(text)


def _alike(value, other):
    """Whether an edit gives something of the same kind."""
    if isinstance(value, np.ndarray | np.inexact | float):
        return isinstance(other, np.ndarray | np.inexact | float) and np.shape(other) == np.shape(value)
    if isinstance(value, tuple | list):
        return (
            type(other) is type(value)
            and len(other) == len(value)
            and all(_alike(one, two) for one, two in zip(value, other, strict=True))
        )
    return other is not None
