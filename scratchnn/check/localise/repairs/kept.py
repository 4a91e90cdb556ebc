"""What the forward keeps is wrong: find the statement of the forward that keeps it, and its edit.

The backward gets the right numbers only if they are kept as they were: a buffer that is used again, a value under
another's name. ``reach`` says what should have been kept.
"""

import ast
import time

import numpy as np

from ..pushes.reach import Reach
from ..pushes.reached import Reached
from ..source.leaves import leaves
from ..source.statements import Statement
from ..truth.blame import Suspect
from ..truth.names import bare, base
from ..truth.records import is_same
from .edits import changes
from .search import Found, tidy
from .trying import Bench
from .wholes import wholes

SECONDS = 1.0
MOST = 400  # edits of one statement


def mended_forward(
    bench: Bench, reach: Reach, places: list[Reached], deadline: float
) -> list[tuple[float, Reached, Found]]:
    """Find an edit of the forward after which what it keeps is right.

    Parameters
    ----------
    bench : Bench
    reach : Reach
    places : list of Reached
        Of what the backward gets.
    deadline : float
        Of ``time.process_time``.

    Returns
    -------
    list of (cost, Reached, Found)
        One, or none.
    """
    end = min(deadline, time.process_time() + SECONDS)
    for place in places:
        for statement in _keepers(bench, reach, place):
            for text, words, cost in _texts(bench, place, statement, end):
                if time.process_time() > end:
                    return []
                if bench.repairs(statement, text) and bench.repairs(statement, text, everywhere=True):
                    edits = ((statement.node, text),)
                    suspect = Suspect(statement, 0, None)
                    return [(cost, place, Found(suspect, edits, statement.text, tidy(text), words, True, True))]
    return []


def _texts(bench, place, statement, end):
    """What may stand there instead: stored elsewhere, or giving what should be kept."""
    for text, words in wholes(statement):
        if text:
            yield text, words, 1.0
    scope = bench.scope(statement, 0)
    if scope is None:
        return
    wanted = _rows(place)
    candidates = changes(ast.unparse(statement.value), scope.atoms, scope.functions, scope.parts(statement.value))
    for change in sorted(candidates, key=lambda one: one.cost)[:MOST]:
        if time.process_time() > end:
            return
        if _keeps(scope.value(change.text), wanted):
            yield statement.written(change.text), change.words, change.cost


def keeper(bench: Bench, reach: Reach, place: Reached) -> Statement | None:
    """Give the statement of the forward that keeps what is wrong.

    Parameters
    ----------
    bench : Bench
    reach : Reach
    place : Reached

    Returns
    -------
    Statement or None
    """
    return next(iter(_keepers(bench, reach, place)), None)


def _keepers(bench, reach, place):
    """Statements of the forward that write a name under which something is kept; then all others."""
    back = {reach.sites[number].statement.path for number in reach.course}
    kinds = ast.Assign | ast.Expr
    forward = [one for one in bench.statements if one.path not in back and isinstance(one.node, kinds)]
    name = next((part for part in reversed(place.key.way or ()) if isinstance(part, str) and part != "*"), "")
    named = [one for one in forward if name and base(name) in _written(one)]
    return [*reversed(named), *(one for one in forward if one not in named and one.loops)]


def _written(statement):
    targets = statement.node.targets if isinstance(statement.node, ast.Assign) else [statement.node]
    parts = [part for target in targets for part in ast.walk(target)]
    return {base(bare(ast.unparse(part))) for part in parts if isinstance(part, ast.Name | ast.Subscript)}


def _rows(place):
    """What should have been kept, and its rows."""
    found = []
    for array in place.wanted:
        found += [array, *(array if np.ndim(array) > 1 else ())]
    return [one for one in found if np.any(one)]


def _keeps(value, wanted):
    return any(is_same(array, one) for _, array in leaves(value) for one in wanted)
