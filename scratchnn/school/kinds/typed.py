"""Exercises whose answers are typed, not run: the file is read, never executed."""

import ast
from abc import abstractmethod
from dataclasses import dataclass

from scratchnn.check.catalogue import bug
from scratchnn.check.student import Limits
from scratchnn.misconceptions import MISCONCEPTIONS

from ..cutting import HOLE
from ..verdict import BROKEN, FORMULA, LINES, NUMBERS, PUZZLE, QUESTION, RIGHT, WHERE, WRONG, Mistake, Verdict
from .base import Exercise


@dataclass(frozen=True, kw_only=True)
class Typed(Exercise):
    """Answers to be typed, each under a name."""

    @abstractmethod
    def names(self) -> tuple[str, ...]:
        """Name the answers."""

    @abstractmethod
    def wrong_with(self, name: str, given: ast.expr, seed: int) -> tuple[str, str] | None:
        """Judge one answer.

        Parameters
        ----------
        name : str
        given : ast.expr
            What stands in the file.
        seed : int

        Returns
        -------
        tuple of str, or None
            What is wrong with it in numbers, and the id of the mistake that has these numbers, if one is known; None
            if the answer is right.
        """

    @abstractmethod
    def help_with(self, name: str, own: str, mistake: str) -> dict[int, tuple[str, ...]]:
        """Give hints for one answer.

        Parameters
        ----------
        name : str
        own : str
            What the student wrote, empty for nothing.
        mistake : str
            Id of the mistake, empty if none is known.

        Returns
        -------
        dict of int to tuple of str
        """

    def unfinished(self, text: str) -> Verdict | None:
        """Say whether an answer is missing."""
        missing = [name for name in self.names() if name not in _answers(text)]
        if missing:
            return Verdict(BROKEN, f"the file has no line {missing[0]} = {HOLE} any more; x puts it back as it was")
        return super().unfinished(text)

    def hints_for_holes(self, left: list[tuple[int, str]]) -> dict[int, tuple[str, ...]]:
        """Give hints for the first answer that is missing."""
        return self.help_with(left[0][1], "", "") if left[0][1] in self.names() else {}

    def examined(self, text: str, seed: int) -> Verdict:
        """Judge every answer; the hints are for the first that is wrong."""
        answers, lines = _answers(text), _lines(text)
        found = {name: self.wrong_with(name, answers[name], seed) for name in self.names()}
        wrong = {name: told for name, told in found.items() if told}
        if not wrong:
            return Verdict(RIGHT, "right: every answer")
        first, (_, mistake) = next(iter(wrong.items()))
        hints = self.help_with(first, ast.unparse(answers[first]), mistake)
        hints |= {
            NUMBERS: tuple(f"{name}: {numbers}" for name, (numbers, _) in wrong.items()),
            WHERE: tuple(f"line {lines[name]}: {name} = {ast.unparse(answers[name])}" for name in wrong),
        }
        mistakes = tuple(
            _named(mistake) for mistake in dict.fromkeys(mistake for _, mistake in wrong.values()) if mistake
        )
        if mistake:
            known = _named(mistake)
            hints[QUESTION] = (known.question, f"({known.misconception}: {known.meaning})")
        return Verdict(WRONG, f"{len(wrong)} of {len(found)} answers are wrong", hints, mistakes)

    def checks(self) -> tuple[str, ...]:
        """Name a check for each answer."""
        return self.names()

    def graded(self, text: str, seed: int, limits: Limits) -> dict[str, str]:
        """Judge every answer at places that nobody has seen."""
        answers = _answers(text)
        told = {name: self.wrong_with(name, answers[name], seed) for name in self.names()}
        return {name: one[0] if one else "" for name, one in told.items()}


STEPS_OF_HELP = (QUESTION, FORMULA, PUZZLE, LINES)


def _answers(text):
    return {
        node.targets[0].id: node.value
        for node in ast.parse(text).body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }


def _lines(text):
    return {
        node.targets[0].id: node.lineno
        for node in ast.parse(text).body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }


def _named(name):
    known = bug(name)
    return Mistake(known.id, known.title, known.misconception, MISCONCEPTIONS[known.misconception], known.question)
