"""Edit a statement so that it writes what it must write, as ``reach`` found it."""

import ast
import time
from collections.abc import Iterator

import numpy as np

from ..pushes.push import Key
from ..pushes.reach import Reach
from ..pushes.reached import Reached
from ..source.leaves import leaves
from ..truth.blame import Suspect
from .edits import changes
from .search import Found, anew, tidy
from .trying import Bench
from .wholes import wholes

SECONDS = 0.7  # for the edits of one statement
MOST_HEADS = 150
SMALL = 3.0  # the cost of an edit that is tried without knowing what it should give
ANEW = 4.0  # the cost of an expression that is built anew
TRIED = 12  # edits that answer, run on everything


def mended(
    bench: Bench, reach: Reach, some: list[Reached], deadline: float, *, whole: bool = True
) -> list[tuple[float, Reached, Found]]:
    """Find an edit for each of some statements.

    Parameters
    ----------
    bench : Bench
    reach : Reach
    some : list of Reached
    deadline : float
        Of ``time.process_time``.
    whole : bool
        The edit alone must make everything right; False: the statement must write what it should.

    Returns
    -------
    list of (cost, Reached, Found)
        The cheapest first.
    """
    found = []
    for one in some:
        cheapest = next(_edits(bench, reach, one, deadline, whole), None)
        if cheapest is not None:
            found.append((cheapest[0], one, cheapest[1]))
    if len(some) > 1:  # what is handed back was made before
        found = [one for one in found if one[0] < ANEW or not isinstance(one[1].site.statement.node, ast.Return)]
    return sorted(found, key=lambda one: (one[0], one[1].order))


def _edits(bench, reach, one, deadline, whole) -> Iterator[tuple[float, Found]]:
    statement = one.site.statement
    suspect = Suspect(statement, 0, None)
    if one.site.kind == "value" and whole:
        for text, words in wholes(statement):
            yield from _run(bench, suspect, text, words, 1.0)
    scopes = reach.scopes(one)
    if not scopes:
        return
    end = min(deadline, time.process_time() + SECONDS)
    tried = 0
    for change in _candidates(one, scopes, end):
        if time.process_time() > end or tried > TRIED:
            return
        if _answers(change.text, one, scopes):
            tried += 1
            text = _put(one, change.text)
            if whole:
                yield from _run(bench, suspect, text, change.words, change.cost)
            else:
                found = Found(
                    suspect, ((statement.node, text),), statement.text, tidy(text), change.words, False, True
                )
                yield change.cost, found


def edited(reach: Reach, key: Key, deadline: float) -> Iterator[np.ndarray]:
    """List what an expression writes when it is edited, all before it being as it is.

    Parameters
    ----------
    reach : Reach
    key : Key
    deadline : float
        Of ``time.process_time``.

    Yields
    ------
    array
        Flat, for all times that it is written.
    """
    site, end = reach.sites[key.number], min(deadline, time.process_time() + SECONDS)
    scopes = reach.scopes_at(site.statement, {})
    if not scopes:
        return
    last = scopes[-1]
    candidates = changes(ast.unparse(site.node), last.atoms, last.functions, last.parts(site.node))
    for change in _cheapest_first(candidates):
        if time.process_time() > end:
            return
        values = _written(change.text, key, scopes)
        if values is not None:
            yield values


def _cheapest_first(candidates):
    return sorted(candidates, key=lambda change: change.cost)


def _candidates(one, scopes, end):
    text = ast.unparse(one.site.node)
    last = scopes[-1]
    yield from _cheapest_first(changes(text, last.atoms, last.functions, last.parts(one.site.node)))
    if len(scopes) == len(one.wanted):
        yield from anew(one.site.node, one.wanted[-1], last, end)


def _answers(text, one, scopes):
    values = _written(text, one.key, scopes)
    return values is not None and one.is_answered(values)


def _written(text, key, scopes):
    """What an expression gives in some scopes, flat; None where it gives something else."""
    code = scopes[0].compiled(text)
    if code is None:
        return None
    parts = []
    for scope in scopes:
        got = [np.ravel(array) for way, array in leaves(scope.run(code)) if key.way in (way, None)]
        if not got:
            return None
        parts += got
    return np.concatenate(parts)


def _put(one, text):
    return _put_at(one.site, text)


def _put_at(site, text):
    """The statement with another expression in the site's place."""
    node, statement = site.node, site.statement
    if node is statement.value:
        return statement.written(text)
    whole = ast.unparse(statement.node)
    old = ast.unparse(node)
    return whole.replace(old, text, 1) if whole.count(old) == 1 else _put_in_tree(statement.node, node, text)


def _put_in_tree(statement, node, text):
    new = ast.parse(text, mode="eval").body

    # fields are exchanged and put back: a copy would have other nodes
    for parent in ast.walk(statement):
        for field, value in ast.iter_fields(parent):
            if value is node:
                setattr(parent, field, new)
                made = ast.unparse(statement)
                setattr(parent, field, node)
                return made
            if isinstance(value, list) and any(inner is node for inner in value):
                k = next(k for k, inner in enumerate(value) if inner is node)
                value[k] = new
                made = ast.unparse(statement)
                value[k] = node
                return made
    return ast.unparse(statement)


def _run(bench, suspect, text, words, cost):
    statement = suspect.statement
    if bench.repairs(statement, text) and bench.repairs(statement, text, everywhere=True):
        yield (
            cost,
            Found(suspect, ((statement.node, text),), statement.text, tidy(text), words, True, True, cost < ANEW),
        )


def heads(bench: Bench, reach: Reach, deadline: float) -> Found | None:
    """Find an edit of the head of a loop, or of a condition, of the backward.

    Parameters
    ----------
    bench : Bench
    reach : Reach
    deadline : float
        Of ``time.process_time``.

    Returns
    -------
    Found or None
    """
    paths = {reach.sites[key.number].statement.path for key in reach.order}
    for statement in bench.statements:
        if isinstance(statement.node, ast.For | ast.If) and statement.path in paths:
            scope = bench.scope(statement, 0)
            if scope is None:
                continue
            text = ast.unparse(statement.value)
            candidates = changes(text, scope.atoms, scope.functions, scope.parts(statement.value))
            end = min(deadline, time.process_time() + SECONDS)
            seen = {_course(scope.value(text))}
            for change in _cheapest_first(candidates)[:MOST_HEADS]:
                if time.process_time() > end:
                    break
                course = _course(scope.value(change.text))
                if course in seen:
                    continue
                seen.add(course)
                found = _run(bench, Suspect(statement, 0, None), statement.written(change.text), change.words, 0)
                for _, one in found:
                    return one
    return None


def shaped(bench: Bench, reach: Reach, deadline: float) -> Found | None:
    """Find a small edit that gives a value another shape: summed along the wrong axis, or not at all.

    Parameters
    ----------
    bench : Bench
    reach : Reach
    deadline : float
        Of ``time.process_time``.

    Returns
    -------
    Found or None
    """
    end = min(deadline, time.process_time() + SECONDS)
    for key in reach.order:
        site = reach.sites[key.number]
        scope = bench.scope(site.statement, 0) if site.kind == "value" and key.way == () else None
        if scope is None:
            continue
        text = ast.unparse(site.node)
        candidates = changes(text, {}, [], scope.parts(site.node))
        for change in _cheapest_first(one for one in candidates if one.cost <= SMALL):
            if time.process_time() > end:
                return None
            value = scope.value(change.text)
            if isinstance(value, np.ndarray) and value.shape != reach.written[key][0].shape:
                text, suspect = _put_at(site, change.text), Suspect(site.statement, 0, None)
                for _, one in _run(bench, suspect, text, change.words, change.cost):
                    return one
    return None


def _course(value):
    """What a loop goes through, or a condition says, in a few letters."""
    if value is None or isinstance(value, np.ndarray | float):
        return "nothing"
    try:
        return repr(list(value))
    except TypeError:
        return repr(value)
