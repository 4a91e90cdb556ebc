"""What became of a student's file: a status, and words that climb from numbers to the corrected lines."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

RIGHT, WRONG, UNFINISHED, REFUSED, BROKEN = "right", "wrong", "unfinished", "refused", "broken"
NUMBERS, WHERE, QUESTION, FORMULA, PUZZLE, LINES = 1, 2, 3, 4, 5, 6
STEPS = {
    NUMBERS: "the numbers",
    WHERE: "where",
    QUESTION: "a question",
    FORMULA: "the formula",
    PUZZLE: "which line is right?",
    LINES: "the corrected lines (counted as assisted)",
}


class Mistake(NamedTuple):
    """A known mistake that was recognised."""

    id: str  # in the catalogue
    title: str
    misconception: str  # "M1"
    meaning: str
    question: str
    right: tuple[str, ...] = ()  # lines of the answer book
    wrong: tuple[str, ...] = ()  # those of the mistake
    function: str = ""


@dataclass(frozen=True)
class Verdict:
    """The verdict on a student's file.

    Parameters
    ----------
    status : str
        "right", "wrong", "unfinished", "refused" (a rule) or "broken" (could not be judged).
    headline : str
        One sentence.
    hints : dict of int to tuple of str
        Lines for each of ``STEPS``; a step without any is left out.
    mistakes : tuple of Mistake
        Recognised; empty if nothing is wrong or nothing known fits.
    printed : str
        What the file printed.
    """

    status: str
    headline: str
    hints: dict[int, tuple[str, ...]] = field(default_factory=dict)
    mistakes: tuple[Mistake, ...] = ()
    printed: str = ""

    @property
    def passed(self) -> bool:
        """Whether the exercise is solved."""
        return self.status == RIGHT

    @property
    def exit_status(self) -> int:
        """For a command: 0 right, 1 wrong or unfinished, 2 could not be judged."""
        return {RIGHT: 0, WRONG: 1, UNFINISHED: 1}.get(self.status, 2)

    @property
    def steps(self) -> tuple[int, ...]:
        """The steps on which there is something to say."""
        return tuple(step for step in STEPS if self.hints.get(step))

    def up_to(self, step: int) -> list[tuple[str, tuple[str, ...]]]:
        """Give the hints up to a step.

        Parameters
        ----------
        step : int

        Returns
        -------
        list of (str, tuple of str)
            The step's name and its lines.
        """
        return [(STEPS[one], self.hints[one]) for one in self.steps if one <= max(step, NUMBERS)]

    def as_dict(self, step: int = LINES) -> dict[str, Any]:
        """Give everything as plain data.

        Parameters
        ----------
        step : int
            How far the hints go.

        Returns
        -------
        dict
        """
        return {
            "status": self.status,
            "headline": self.headline,
            "hints": {STEPS[one]: list(self.hints[one]) for one in self.steps if one <= step},
            "mistakes": [
                {name: getattr(one, name) for name in ("id", "title", "misconception", "meaning")}
                for one in self.mistakes
            ],
            "printed": self.printed,
        }
