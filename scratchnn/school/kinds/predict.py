"""Predict: a number is said before anything runs; the truth is computed by the reference when it is judged."""

import ast
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any, ClassVar, NamedTuple

from scratchnn import ops
from scratchnn.check.catalogue import bug, plant

from ..arithmetic import NotUnderstood, number
from ..cutting import HOLE
from ..verdict import FORMULA, LINES, QUESTION
from .typed import Typed

CLOSE = 0.006  # of the truth, or of 1: three digits are asked for


class Question(NamedTuple):
    """One question.

    ``compute(module) -> number``: the answer that an op's module gives; the reference's is right, those of modules
    with a mistake planted are the wrong answers that are recognised.
    """

    name: str
    op: str
    asks: str  # one or more lines
    compute: Callable[[ModuleType], float]
    mistakes: tuple[str, ...]
    goal: str


@dataclass(frozen=True, kw_only=True)
class Predict(Typed):
    """Predict numbers.

    Parameters
    ----------
    questions : tuple of Question
    """

    questions: tuple[Question, ...]
    kind: ClassVar[str] = "predict"
    how: ClassVar[str] = (
        "Work each one out on paper and write the number in place of `...`, to two or three digits; 1 / 3 and 2 * "
        "0.25 are numbers too. Then save."
    )

    def body(self) -> str:
        """Write the questions."""
        parts = ["\n".join([*(f"# {line}" for line in one.asks.splitlines()), f"{one.name} = {HOLE}"])
                 for one in self.questions]  # fmt: skip
        return "\n\n".join(parts) + "\n"

    def names(self) -> tuple[str, ...]:
        """Name the questions."""
        return tuple(one.name for one in self.questions)

    def right(self, name: str) -> float:
        """Compute an answer.

        Parameters
        ----------
        name : str

        Returns
        -------
        float
        """
        one = self._one(name)
        return one.compute(ops.backend(getattr(ops, one.op), "reference"))

    def wrong_with(self, name: str, given: ast.expr, seed: int) -> tuple[str, str] | None:
        """Compare with the truth; a wrong answer is compared with those of known mistakes."""
        one = self._one(name)
        try:
            said = number(given)
        except NotUnderstood as error:
            return str(error), ""
        if _close(said, self.right(name)):
            return None
        for known in one.mistakes:
            if _close(said, one.compute(plant(bug(known)))):
                return f"it is not {said:g}", known
        return f"it is not {said:g}", ""

    def help_with(self, name: str, own: str, mistake: str) -> dict[int, tuple[str, ...]]:
        """Give the goal, the equations, and at last the number."""
        one = self._one(name)
        equations = getattr(ops, one.op).equations
        texts = tuple(f"({e.number}) {e.text}" for e in equations.BACKWARD)
        return {
            QUESTION: (one.goal,),
            FORMULA: texts,
            LINES: (f"{name} = {self.right(name):.4g}",),
        }

    def common_mistake(self) -> Any:
        """Name the first mistake of the first question."""
        return bug(self.questions[0].mistakes[0])

    def _one(self, name):
        return next(one for one in self.questions if one.name == name)


def _close(one, other):
    return abs(one - other) <= CLOSE * max(1.0, abs(other))
