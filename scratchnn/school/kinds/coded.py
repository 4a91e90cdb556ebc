"""Exercises whose answer is code of an op: the doctor judges it, hidden problems grade it."""

from dataclasses import dataclass

from scratchnn.check.catalogue import bugs
from scratchnn.check.student import Limits
from scratchnn.misconceptions import Bug

from ..cutting import Line, Piece, cut_lines
from ..doctor import of_holes, verdict
from ..hidden import ask
from ..verdict import Verdict
from .base import LEARN, WIDTH, Exercise, nothing_to_step

PADDED = ".masked"
OPS_TO_STEP = ("lstm", "gru", "rnn", "attention")


@dataclass(frozen=True, kw_only=True)
class Coded(Exercise):
    """An exercise whose answer is code.

    Parameters
    ----------
    pieces : tuple of Piece
        Functions of the reference.
    form : str
        In which it is graded, a name of ``check.catalogue.forms``.
    arrays : tuple of str
        Whose gradients the missing lines make.
    padded : str
        A form with a mask that is graded as well.
    also : tuple of (str, str)
        Modules of ``scratchnn.school.given`` and the names that the file imports from each.
    common : str
        Id of a mistake that people make here.
    walked : bool
        `scratchnn step` has a run in which these functions are called.
    """

    pieces: tuple[Piece, ...]
    form: str
    arrays: tuple[str, ...]
    padded: str = ""
    also: tuple[tuple[str, str], ...] = ()
    common: str = ""
    walked: bool = True

    def answers(self) -> tuple[Line, ...]:
        """Look up how the answer book writes what was cut.

        Returns
        -------
        tuple of Line
        """
        return tuple(line for piece in self.pieces for line in cut_lines(self.op, piece))

    def planted(self) -> tuple[Bug, ...]:
        """List the known mistakes that can be made in the missing lines, and nowhere else.

        Returns
        -------
        tuple of Bug
        """
        answers = {(line.function, _bare(line.text)) for line in self.answers()}
        functions = {function for function, _ in answers}

        def here(edit):
            olds = [_bare(old) for old in edit.old.splitlines() if old.strip()]
            texts = [text for function, text in answers if function == edit.function]
            return edit.function in functions and all(any(old in text for text in texts) for old in olds)

        return tuple(bug for bug in bugs(self.op) if all(map(here, bug.edits)))

    def code(self, text: str) -> str:
        """Give the code that a student's file stands for.

        Parameters
        ----------
        text : str

        Returns
        -------
        str
        """
        return text

    def examined(self, text: str, seed: int) -> Verdict:
        """Ask the doctor."""
        return verdict(self.code(text), self.op, self.answers(), seed, LEARN)

    def hints_for_holes(self, left: list[tuple[int, str]]) -> dict[int, tuple[str, ...]]:
        """Give hints for the first hole: its sub-goals, its formula, its line among wrong ones."""
        answers, target = self.answers(), left[0][1]
        first = [line for line in answers if target and line.target == target][:1] or list(answers)
        piece = next(piece for piece in self.pieces if piece.function == first[0].function)
        goals = [goal for number, goal in piece.goals.items() if piece.cut_from or number <= first[0].number]
        wrong = [
            tuple(line for edit in bug.edits for line in edit.new.splitlines())
            for bug in self.planted()
            if len(bug.edits) == 1 and bug.edits[0].old == first[0].text and "\n" not in bug.edits[0].new
        ]
        return of_holes(self.op, first, wrong, goals if piece.cut_from else goals[-1:])

    def checks(self) -> tuple[str, ...]:
        """Name a check for each gradient, and one for padding."""
        return (*(f"d{name}" for name in self.arrays), *(["padding"] if self.padded else []))

    def graded(self, text: str, seed: int, limits: Limits) -> dict[str, str]:
        """Ask one hidden problem, and one with padding."""
        code = self.code(text)
        wrong, _ = ask(code, self.op, self.form, seed, limits)
        found = {f"d{name}": wrong[name] for name in self.arrays}
        if self.padded:
            wrong, stopped = ask(code, self.op, self.padded, seed, limits)
            found["padding"] = stopped or next(filter(None, (wrong[name] for name in self.arrays)), "")
        return found

    def code_to_step(self, text: str) -> str:
        """Give the code, if it is of an op that can be walked through."""
        if self.op not in OPS_TO_STEP or not self.walked:
            raise nothing_to_step(self.id, self.chapter)
        return self.code(text)

    def common_mistake(self) -> Bug | None:
        """Name the mistake that people make here."""
        return next((bug for bug in bugs(self.op) if bug.id == self.common), None)

    def imports(self) -> str:
        """Write the imports of the file.

        Returns
        -------
        str
        """
        given = [_imported(module, names) for module, names in self.also]
        return "\n\n".join(["import numpy as np", *(["\n".join(given)] if given else [])]) + "\n\n\n"


def _imported(module, names):
    line = f"from scratchnn.school.given.{module} import {names}"
    if len(line) <= WIDTH:
        return line
    return f"from scratchnn.school.given.{module} import (\n    " + ",\n    ".join(names.split(", ")) + ",\n)"


def _bare(text):
    return "".join(text.split())
