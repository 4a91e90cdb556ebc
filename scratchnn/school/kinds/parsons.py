"""Parsons: the lines are given, shuffled, with wrong ones among them; the student gives the order."""

import ast
import re
from dataclasses import dataclass
from typing import ClassVar

from scratchnn.check.catalogue import bug
from scratchnn.check.student import Limits

from ..cutting import HOLE, written
from ..puzzle import letters, mixed
from ..verdict import BROKEN, PUZZLE, QUESTION, Verdict
from .coded import Coded


@dataclass(frozen=True, kw_only=True)
class Parsons(Coded):
    """Put lines in order.

    Parameters
    ----------
    distractors : tuple of str
        Ids of known mistakes whose lines are mixed in.
    """

    distractors: tuple[str, ...]
    kind: ClassVar[str] = "put in order"
    how: ClassVar[str] = (
        "Write the letters of the lines that belong, from top to bottom, between the quotes of `order` and save. "
        "Some lines are wrong and belong nowhere. The indentation is part of a line."
    )

    def lines(self) -> dict[str, str]:
        """Give the lines by letter, right and wrong ones, in the order in which they are shown.

        Returns
        -------
        dict of str to str
        """
        right = self._body()
        wrong = []
        for name in self.distractors:
            for edit in bug(name).edits:
                old = next(line for line in right if edit.old in line)
                wrong.append(old.replace(edit.old, edit.new))
        shown = mixed([*right, *dict.fromkeys(wrong)], self.id)
        return dict(zip(letters(len(shown)), shown, strict=True))

    def solution(self) -> str:
        """Look up the order of the answer book.

        Returns
        -------
        str
        """
        by_line = {line: letter for letter, line in self.lines().items()}
        return " ".join(by_line[line] for line in self._body())

    def body(self) -> str:
        """Write the head of the function, the lines, and the place for the order."""
        shown = "\n".join(f"# {letter}  {line}" for letter, line in self.lines().items())
        head = "\n".join(f"#    {line}".rstrip() for line in self._head().splitlines())
        example = " ".join(sorted(self.lines())[:3])
        return (
            f"# The function begins so:\n#\n{head}\n#\n# and these are the lines to choose from:\n#\n{shown}\n\n"
            f'order = "{HOLE}"  # for instance "{example}"\n'
        )

    def code(self, text: str) -> str:
        """Assemble the function in the order that was given."""
        lines = self.lines()
        return self.imports() + self._head() + "\n" + "\n".join(lines[one] for one in _order(text)) + "\n"

    def refused(self, text: str) -> Verdict | None:
        """Refuse an order that names a line that is not there."""
        if found := super().refused(text):
            return found
        if "order" not in text or _order(text) is None:
            return Verdict(BROKEN, f'the file has no line order = "{HOLE}" any more; x puts the file back as it was')
        strangers = [one for one in _order(text) if one not in self.lines()] if HOLE not in _given(text) else []
        if strangers:
            return Verdict(BROKEN, f"order names {strangers[0]!r}, expected letters from {' '.join(self.lines())}")
        if not _given(text).strip():
            return Verdict(BROKEN, "order is empty, expected letters")
        try:
            ast.parse(self.code(text) if not strangers and HOLE not in _given(text) else "")
        except SyntaxError as error:
            return Verdict(BROKEN, f"in this order it is no Python: {error.msg}, at: {(error.text or '').strip()}")
        return None

    def hints_for_holes(self, left: list[tuple[int, str]]) -> dict[int, tuple[str, ...]]:
        """Give the sub-goals; the puzzle itself is there already."""
        hints = super().hints_for_holes([(left[0][0], "")])
        hints.pop(PUZZLE, None)
        return {step: lines for step, lines in hints.items() if step != PUZZLE} | {
            QUESTION: tuple(self.pieces[0].goals.values())
        }

    def checks(self) -> tuple[str, ...]:
        """Name one check for all gradients, and one for padding: lines that were given are no merit."""
        return ("gradients", *(["padding"] if self.padded else []))

    def graded(self, text: str, seed: int, limits: Limits) -> dict[str, str]:
        """Ask one hidden problem, and one with padding."""
        found = super().graded(text, seed, limits)
        padding = {"padding": found["padding"]} if self.padded else {}
        return {"gradients": next(filter(None, (found[f"d{name}"] for name in self.arrays)), "")} | padding

    def _body(self):
        return [line for line in _lines(self, False)[len(_lines(self, True)) - 1 :] if line.strip()]

    def _head(self):
        return "\n".join(_lines(self, True)[:-1])


def _lines(exercise, holes):
    """Give the function's lines; with holes, the last one is the hole."""
    piece = exercise.pieces[0]
    text = written(exercise.op, piece, holes)
    goals = len(piece.goals) if holes else 0
    lines = [re.sub(r" *# \(\d+\)$", "", line) for line in text.splitlines()]
    if not holes:
        return lines
    return [*lines[: len(lines) - 1 - goals], lines[-1]]


def _given(text):
    found = [
        node.value.value
        for node in ast.parse(text).body
        if isinstance(node, ast.Assign)
        and ast.unparse(node.targets[0]) == "order"
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    ]
    return found[-1] if found else None


def _order(text):
    given = _given(text)
    return None if given is None else [one.upper() for one in re.findall(r"[^\s,]", given)]
