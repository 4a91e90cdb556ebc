"""Which of several places that could make everything right is the wrong one: not those whose numbers are true.

A repair can often be written a line later, or a line earlier. What a place writes, while everything before it is
right, is held against the true derivatives: under its own name if it has one, else against all of them.
"""

import ast

import numpy as np

from ..truth.known import EDGE, TAKEN, TOTAL, VALUE
from ..truth.names import bare, base, is_edge, of_gradient
from ..truth.pool import Pool
from ..truth.records import Written, is_same
from .reach import Reach
from .reached import Reached

WRONG, UNKNOWN, KNOWN, RIGHT, EMPTY = range(5)  # the most suspicious first


class Weigher:
    """Says how suspicious a place is.

    Parameters
    ----------
    pool : Pool
    written : list of Written
        For the time steps at which statements run.
    reach : Reach
        For the order in which they run.
    """

    def __init__(self, pool: Pool, written: list[Written], reach: Reach) -> None:
        self.pool = pool
        known: dict[int, dict[int, int | None]] = {}
        for one in written:
            if one.record.kind != "argument":
                known.setdefault(one.line, {})[one.record.number] = one.t
        own = {line: list(times.values()) for line, times in known.items()}
        lines = [reach.sites[number].statement.line for number in reach.course]
        count = {number: reach.course.count(number) for number in set(reach.course)}
        self.steps: dict[int, list[int | None]] = {number: [] for number in count}
        following = None
        for number, line in zip(reversed(reach.course), reversed(lines), strict=True):
            k = count[number] - len(self.steps[number]) - 1
            t = own[line][k] if len(own.get(line, ())) == count[number] else None
            following = following if t is None else t
            called = t is None and count[number] == pool.steps  # in a function that is called from inside of the loop
            self.steps[number].insert(0, following if called else t)

    def verdict(self, one: Reached, bent: bool) -> int:
        """Hold what a place writes against what is true.

        Parameters
        ----------
        one : Reached
        bent : bool
            It is no gradient, but a value or a slope.

        Returns
        -------
        int
            WRONG, UNKNOWN, KNOWN, RIGHT or EMPTY.
        """
        if not any(np.any(value) for value in one.values):
            return EMPTY if _constant(one.site.node) and not one.site.statement.loops else UNKNOWN
        name = _target(one)
        times = self.steps_of(one.key.number, len(one.values))
        found = [
            self._one(value, name, t, bent)
            for value, wanted, t in zip(one.values, one.wanted, times, strict=True)
            if np.any(value) or np.any(value != wanted)
        ]
        verdict = min(found, default=UNKNOWN)
        if bent and verdict == KNOWN and not one.key.way and one.site.kind == "value":
            return UNKNOWN  # a slope may have been meant where the value stands
        return verdict

    def steps_of(self, number: int, count: int) -> list[int | None]:
        """Say at which time steps a place is written.

        Parameters
        ----------
        number : int
            Of the site.
        count : int
            How often it is.

        Returns
        -------
        list of int or None
        """
        times = self.steps.get(number, [])
        return times if len(times) == count else [None] * count

    def values(self, shape: tuple[int, ...], t: int | None) -> dict[str, np.ndarray]:
        """List the forward's values of a shape in a step, by name and number.

        Parameters
        ----------
        shape : tuple of int
        t : int or None

        Returns
        -------
        dict of (str, int) to array
        """
        found: dict[tuple[str, int], np.ndarray] = {}
        count: dict[str, int] = {}
        for one in self.pool.values.get(t, ()):
            if one.name and np.shape(one.array) == shape:
                count[one.name] = count.get(one.name, -1) + 1
                found[one.name, count[one.name]] = one.array
        return found

    def _one(self, value, name, t, bent):
        steps = [t] if t is not None else [None, *range(self.pool.steps or 0)]
        meant = base(name) if bent else base(of_gradient(name)) if of_gradient(name) else ""
        kinds = {VALUE} if bent else {EDGE, TAKEN} if is_edge(name) else {TOTAL}
        if meant and t is not None:
            named = [one for one in self.pool.named(meant, t, values=bent) if one.kind in kinds]
            named = [one for one in named if np.shape(one.array) == np.shape(value) and np.any(one.array)]
            same = [one for one in named if is_same(value, one.array)]
            if named:
                there = [one for one in named if same and one.function == same[0].function]
                twice = not bent and any(not is_same(value, one.array) for one in there)
                return KNOWN if twice else RIGHT if same else WRONG  # bound twice, a name does not say which is meant
        kinds = {VALUE} if bent else {TOTAL, EDGE, TAKEN}
        matches = [one for step in steps for one in self.pool.match(value, step, values=bent)]
        return KNOWN if any(one.kind in kinds for one in matches) else UNKNOWN


def _constant(node):
    """Whether an expression makes zeros."""
    made = {
        call.func.attr
        for call in ast.walk(node)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)
    }
    return bool(made & {"zeros", "zeros_like", "empty", "full"}) or all(
        not isinstance(part, ast.Name) for part in ast.walk(node)
    )


def _target(one):
    """The name of what is written."""
    node, way = one.site.statement.node, one.key.way
    if one.site.kind == "argument":
        return bare(ast.unparse(one.site.node)) if isinstance(one.site.node, ast.Name | ast.Attribute) else ""
    target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
    if isinstance(node, ast.Return):
        target = node.value
    if way and isinstance(target, ast.Tuple | ast.List) and isinstance(way[0], int) and way[0] < len(target.elts):
        target, way = target.elts[way[0]], way[1:]
    if way and isinstance(way[-1], str) and way[-1] != "*":
        return way[-1]
    return "" if target is None or way else bare(ast.unparse(target))
