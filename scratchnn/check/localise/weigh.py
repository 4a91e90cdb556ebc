"""Which of several places that could make everything right is the wrong one: not those whose numbers are true.

A repair can often be written a line later, or a line earlier. What a place writes, while everything before it is
right, is held against the true derivatives: under its own name if it has one, else against all of them.
"""

import ast

import numpy as np

from .names import bare, base, is_edge, of_gradient
from .pool import EDGE, TAKEN, TOTAL, VALUE, Pool
from .reach import Reached
from .records import Written, is_same

WRONG, UNKNOWN, KNOWN, RIGHT, EMPTY = range(5)  # the most suspicious first


class Weigher:
    """Says how suspicious a place is.

    Parameters
    ----------
    pool : Pool
    written : list of Written
        For the time steps at which statements run.
    """

    def __init__(self, pool: Pool, written: list[Written]) -> None:
        self.pool = pool
        self.steps: dict[int, list[int | None]] = {}
        seen = set()
        for one in written:
            if one.record.kind != "argument" and (one.line, one.record.number) not in seen:
                seen.add((one.line, one.record.number))
                self.steps.setdefault(one.line, []).append(one.t)

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
            return EMPTY if _constant(one.site.node) else UNKNOWN
        name = _target(one)
        times = self.steps.get(one.site.statement.line, [])
        if len(times) != len(one.values):
            times = [None] * len(one.values)
        found = [
            self._one(value, name, t, bent)
            for value, wanted, t in zip(one.values, one.wanted, times, strict=True)
            if np.any(value) or np.any(value != wanted)
        ]
        return min(found, default=UNKNOWN)

    def _one(self, value, name, t, bent):
        steps = [t] if t is not None else [None, *range(self.pool.steps or 0)]
        meant = base(name) if bent else base(of_gradient(name)) if of_gradient(name) else ""
        kinds = {VALUE} if bent else {EDGE, TAKEN} if is_edge(name) else {TOTAL}
        if meant and t is not None:
            named = [one for one in self.pool.named(meant, t, values=bent) if one.kind in kinds]
            named = [one.array for one in named if np.shape(one.array) == np.shape(value) and np.any(one.array)]
            if named:
                return RIGHT if any(is_same(value, array) for array in named) else WRONG
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
        return ""
    target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
    if isinstance(node, ast.Return):
        target = node.value
    if way and isinstance(target, ast.Tuple | ast.List) and isinstance(way[0], int) and way[0] < len(target.elts):
        target, way = target.elts[way[0]], way[1:]
    if way and isinstance(way[-1], str) and way[-1] != "*":
        return way[-1]
    return "" if target is None or way else bare(ast.unparse(target))
