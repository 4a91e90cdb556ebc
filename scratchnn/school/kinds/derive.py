"""Derive: a formula is typed and judged by its numbers, against the complex step of the forward function."""

import ast
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from scratchnn import ops
from scratchnn.check.catalogue import bug, bugs

from ..arithmetic import NotUnderstood, value
from ..cutting import HOLE
from ..puzzle import puzzle
from ..verdict import FORMULA, LINES, PUZZLE, QUESTION
from .typed import Typed

EQUAL = 1e-9
OVER = re.compile(r"sum over \w+ of ([^()]+)")  # as equations write it: a sum over an axis


class Formula(NamedTuple):
    """One formula to derive.

    ``problem(rng) -> (names, right)``: values for the names that may stand in it, and what it must give. ``equation``
    is its number in the op's equations, ``function`` where its known mistakes are made.
    """

    name: str
    what: str
    problem: Callable[[np.random.Generator], tuple[dict[str, Any], Any]]
    equation: int
    function: str
    goal: str


@dataclass(frozen=True, kw_only=True)
class Derive(Typed):
    """Derive formulas.

    Parameters
    ----------
    formulas : tuple of Formula
    """

    formulas: tuple[Formula, ...]
    kind: ClassVar[str] = "derive"
    how: ClassVar[str] = (
        "Write each formula between the quotes, with the names that its comment lists and + - * / ** exp log tanh "
        "sum, and save. It is judged by its numbers, so any form that is equal will do."
    )

    def body(self) -> str:
        """Write the names, each with what is asked."""
        return "\n\n".join(f'# {one.what}\n{one.name} = "{HOLE}"' for one in self.formulas) + "\n"

    def names(self) -> tuple[str, ...]:
        """Name the formulas."""
        return tuple(one.name for one in self.formulas)

    def wrong_with(self, name: str, given: ast.expr, seed: int) -> tuple[str, str] | None:
        """Compare at random places."""
        one = self._one(name)
        if not (isinstance(given, ast.Constant) and isinstance(given.value, str)):
            return f'it is {ast.unparse(given)}, expected a formula between quotes, such as "x + 1"', ""
        rng = np.random.default_rng([seed, len(name)])
        for _ in range(3):
            names, right = one.problem(rng)
            try:
                got = value(given.value, names)
            except (NotUnderstood, TypeError, ValueError) as error:
                return str(error), ""
            if not _equal(got, right):
                return _told(names, got, right), self._mistake(one, names, got, right)
        return None

    def help_with(self, name: str, own: str, mistake: str) -> dict[int, tuple[str, ...]]:
        """Give the goal, the equation, and the equation among wrong ones."""
        one = self._one(name)
        equations = getattr(ops, self.op).equations
        text = next(e.text for e in (*equations.FORWARD, *equations.BACKWARD) if e.number == one.equation)
        right = OVER.sub(r"sum(\1)", text.partition(" = ")[2])
        wrong = [ast.literal_eval(own)] if own.startswith(("'", '"')) else []
        if not wrong:
            wrong = [_expression(edit) for known in self._known(one)[:2] for edit in known.edits]
        return {
            QUESTION: (one.goal,),
            FORMULA: (f"({one.equation}) {text}",),
            PUZZLE: tuple(puzzle([right], wrong)),
            LINES: (f'{name} = "{right}"',),
        }

    def _one(self, name):
        return next(one for one in self.formulas if one.name == name)

    def _known(self, one):
        return [
            known
            for known in bugs(self.op)
            if known.kind == "gradient" and len(known.edits) == 1 and known.edits[0].function == one.function
        ]

    def _mistake(self, one, names, got, right):
        """Name the known mistake that gives the same numbers."""
        for known in self._known(one):
            try:
                theirs = value(_expression(known.edits[0]), names)
            except (NotUnderstood, TypeError, ValueError):
                continue
            if _equal(theirs, got) and not _equal(theirs, right):
                return known.id
        return ""

    def common_mistake(self) -> Any:
        """Name the first known mistake of the first formula."""
        return bug(self._known(self.formulas[0])[0].id)


def _expression(edit):
    """Take the formula out of a line like "dz = p * dp" or "return 1 - y"."""
    line = edit.new.splitlines()[-1].strip()
    return line.removeprefix("return ") if line.startswith("return ") else line.partition(" = ")[2]


def _equal(one, other):
    one, other = np.asarray(one), np.asarray(other)
    if one.dtype.kind != "f" or one.shape not in (other.shape, ()):
        return False
    scale = max(float(np.max(np.abs(other), initial=0.0)), 1e-300)
    return bool(np.allclose(one, other, rtol=0, atol=EQUAL * scale))


def _told(names, got, right):
    at = ", ".join(f"{name} = {_short(one)}" for name, one in names.items())
    return f"at {at} your formula gives {_short(got)}, expected {_short(right)}"


def _short(one):
    one = np.asarray(one)
    return f"{one:.4g}" if one.ndim == 0 else "[" + " ".join(f"{entry:.4g}" for entry in one.ravel()) + "]"
