"""What every exercise has in common: a name, a file to fill in, and a judge."""

import textwrap
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

from scratchnn.check.student import Limits
from scratchnn.errors import InputError

from ..rules import holes, refusal
from ..verdict import BROKEN, REFUSED, UNFINISHED, Verdict

WIDTH = 112
LEARN = Limits(seconds=30.0)


@dataclass(frozen=True, kw_only=True)
class Exercise(ABC):
    """One exercise.

    Parameters
    ----------
    number : str
        Two digits; the first is its chapter's.
    name : str
        Short, unique: "lstm_step".
    title : str
    op : str
        The room of ``scratchnn.ops`` that it is about.
    task : str
        What is to be done, for the top of the file.
    """

    number: str
    name: str
    title: str
    op: str
    task: str
    kind: ClassVar[str] = ""
    how: ClassVar[str] = ""  # to work on it, in one sentence

    @property
    def id(self) -> str:
        """Number and name: "50_lstm_step"; its file is called so."""
        return f"{self.number}_{self.name}"

    @property
    def chapter(self) -> str:
        """The chapter that it belongs to: "50"."""
        return f"{self.number[0]}0"

    @property
    def file(self) -> str:
        """The name of its file."""
        return f"{self.id}.py"

    def stub(self) -> str:
        """Write the file that a student gets.

        Returns
        -------
        str
        """
        head = f"{self.title}\n\nExercise {self.id} ({self.kind}); it belongs to `scratchnn tutorial {self.chapter}`."
        parts = [
            head,
            *(_filled(part) for part in textwrap.dedent(self.task).strip().split("\n\n")),
            _filled(self.how),
        ]
        return '"""' + "\n\n".join(parts) + '\n"""\n\n' + self.body()

    @abstractmethod
    def body(self) -> str:
        """Write what stands below the docstring of the file.

        Returns
        -------
        str
        """

    def judge(self, text: str, seed: int = 0) -> Verdict:
        """Judge a student's file.

        Parameters
        ----------
        text : str
        seed : int
            Draws inputs.

        Returns
        -------
        Verdict
        """
        return self.refused(text) or self.unfinished(text) or self.examined(text, seed)

    def refused(self, text: str) -> Verdict | None:
        """Say whether a file is not even looked at: no Python, or against the rules.

        Parameters
        ----------
        text : str

        Returns
        -------
        Verdict or None
        """
        try:
            sentence = refusal(text, self.stub())
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            line = f" in line {error.lineno}" if getattr(error, "lineno", None) else ""
            return Verdict(BROKEN, f"this is no Python{line}: {getattr(error, 'msg', error)}")
        return Verdict(REFUSED, sentence) if sentence else None

    def unfinished(self, text: str) -> Verdict | None:
        """Say whether something is still to be written.

        Parameters
        ----------
        text : str
            Python.

        Returns
        -------
        Verdict or None
        """
        left = holes(text)
        if not left:
            return None
        names = ", ".join(f"line {line}" + (f" ({target})" if target else "") for line, target in left[:4])
        more = f" and {len(left) - 4} more" if len(left) > 4 else ""
        return Verdict(UNFINISHED, f"yours to write: {names}{more}", self.hints_for_holes(left))

    def hints_for_holes(self, left: list[tuple[int, str]]) -> dict[int, tuple[str, ...]]:
        """Give hints to somebody who does not know how to begin.

        Parameters
        ----------
        left : list of (int, str)
            Lines with a hole, and what is assigned there.

        Returns
        -------
        dict of int to tuple of str
        """
        return {}

    @abstractmethod
    def examined(self, text: str, seed: int) -> Verdict:
        """Judge a file that is complete and within the rules.

        Parameters
        ----------
        text : str
        seed : int

        Returns
        -------
        Verdict
        """

    @abstractmethod
    def checks(self) -> tuple[str, ...]:
        """Name what is graded, one point each.

        Returns
        -------
        tuple of str
        """

    @abstractmethod
    def graded(self, text: str, seed: int, limits: Limits) -> dict[str, str]:
        """Grade a file that is complete and within the rules.

        Parameters
        ----------
        text : str
        seed : int
            Draws what nobody has seen: sizes, inputs, upstream gradients.
        limits : Limits
            What one child process may take.

        Returns
        -------
        dict of str to str
            For each of ``checks`` a sentence that says what is wrong; empty if it is passed.
        """

    def code_to_step(self, text: str) -> str:
        """Give the code that `scratchnn step` can walk through.

        Parameters
        ----------
        text : str
            The student's file.

        Returns
        -------
        str

        Raises
        ------
        InputError
            There is none.
        """
        raise nothing_to_step(self.id, self.chapter)

    def common_mistake(self) -> Any:
        """Name a mistake that people make here, to be shown to whoever made none; None if none is known.

        Returns
        -------
        Bug or None
        """
        return None


def nothing_to_step(name: str, chapter: str) -> InputError:
    """Say that an exercise has no code to step through.

    Parameters
    ----------
    name, chapter : str

    Returns
    -------
    InputError
    """
    return InputError(f"{name} has no code that can be stepped through; look into: scratchnn tutorial {chapter}")


def _filled(paragraph):
    if paragraph.startswith(("  ", "    ")):
        return paragraph
    return textwrap.fill(" ".join(paragraph.split()), WIDTH)
