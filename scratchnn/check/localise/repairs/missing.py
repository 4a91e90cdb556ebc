"""A statement is missing: a sum is begun and never added to. It is shown by the line after which it belongs."""

import ast
import time

import numpy as np

from ..pushes.reach import Reach
from ..pushes.reached import Reached
from ..source.statements import Statement
from ..truth.blame import Suspect
from ..truth.records import is_same
from .rebuild import products
from .search import Found
from .trying import Bench

SECONDS = 0.8


def added(bench: Bench, reach: Reach, places: list[Reached], deadline: float) -> Found | None:
    """Find what should be added to a sum in each round of a loop.

    Parameters
    ----------
    bench : Bench
    reach : Reach
    places : list of Reached
        That alone can make everything right.
    deadline : float
        Of ``time.process_time``.

    Returns
    -------
    Found or None
    """
    end = min(deadline, time.process_time() + SECONDS)
    for place in places:
        name = _sum(place)
        inside = _loop(bench, place.site.statement) if name else []
        if not inside:
            continue
        where = _neighbour(inside, place)
        for text in _texts(reach, place, inside[-1], end):
            for statement in dict.fromkeys((where, inside[-1])):
                both = f"{ast.unparse(statement.node)}; {name} += {text}"
                if bench.repairs(statement, both) and bench.repairs(statement, both, everywhere=True):
                    words = f"after line {statement.line} a statement is missing"
                    suspect = Suspect(statement, 0, None)
                    return Found(suspect, ((statement.node, both),), "", f"{name} += {text}", words, True, True)
    return None


def _sum(place):
    """The name of what is zero at first, "" if it is no such thing."""
    node = place.site.statement.node
    if place.site.statement.loops or any(np.any(one) for one in place.values):
        return ""
    if isinstance(node, ast.Return):
        return _handed_back(place)
    if not isinstance(node, ast.Assign):
        return ""
    target, way = node.targets[0], place.key.way or ()
    if isinstance(target, ast.Tuple) and way and isinstance(way[0], int):
        target, way = target.elts[way[0]], way[1:]
    if any(not isinstance(step, str) or step == "*" for step in way):
        return ""
    return ast.unparse(target) + "".join(f"[{step!r}]" for step in way)


def _handed_back(place):
    """The name under which a return hands something back."""
    node, way = place.site.statement.node.value, place.key.way or ()
    if not way:
        found = node
    elif isinstance(node, ast.Tuple) and isinstance(way[0], int):
        found = node.elts[way[0]]
    elif isinstance(node, ast.Call):
        found = next((one.value for one in node.keywords if one.arg == way[0]), None)
    else:
        found = None
    return ast.unparse(found) if isinstance(found, ast.Name | ast.Attribute) and len(way) < 2 else ""


def _loop(bench, statement):
    """The simple statements of the next loop, or of the last one before a return."""
    here = [one for one in bench.statements if one.function is statement.function]
    loops = [one for one in here if isinstance(one.node, ast.For) and not one.loops]
    if isinstance(statement.node, ast.Return):
        loops = [one for one in loops if one.line < statement.line][-1:]
    else:
        loops = [one for one in loops if one.line > statement.line][:1]
    kinds = ast.Assign | ast.AugAssign
    return [one for one in here if loops and one.loops[:1] == (loops[0].node,) and isinstance(one.node, kinds)]


def _neighbour(inside: list[Statement], place: Reached) -> Statement:
    """The statement after which it belongs: the last sum that is begun before this one, else the last statement."""
    order = [ast.unparse(one) for one in ast.walk(place.site.statement.node) if isinstance(one, ast.Name)]
    sums = [one for one in inside if isinstance(one.node, ast.AugAssign) and len(one.loops) == 1]
    begun = [one for one in sums if ast.unparse(one.node.target) in order[: _index(order, place)]]  # type: ignore[union-attr]
    return (begun or sums or inside)[-1]


def _index(order, place):
    way = place.key.way or ()
    return way[0] if way and isinstance(way[0], int) else len(order)


def _texts(reach, place, last, end):
    """What, added up over all rounds, gives what is wanted."""
    scopes = reach.scopes_at(last, place.offsets)
    wanted = place.wanted[0]
    if not scopes:
        return
    for text, value in products(wanted, scopes[-1].atoms):
        if time.process_time() > end:
            return
        if np.shape(value) == wanted.shape:
            each = [scope.value(text) for scope in scopes]
            fit = all(isinstance(one, np.ndarray) and one.shape == wanted.shape for one in each)
            if fit and is_same(np.sum(each, axis=0), wanted):
                yield text
