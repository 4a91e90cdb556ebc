"""One student's answer to one exercise: points, feedback, mistakes."""

import hashlib
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scratchnn.check.student import Limits
from scratchnn.errors import InputError

from ..folder import text_of
from ..kinds.base import Exercise
from ..progress import Standing
from ..verdict import QUESTION, Mistake, Verdict

MISSING, UNTOUCHED, GRADED, REFUSED, FAILED = "not handed in", "untouched", "graded", "not accepted", "not graded"


@dataclass(frozen=True)
class Result:
    """What one answer is worth.

    Parameters
    ----------
    exercise : str
        Its id.
    status : str
        "not handed in", "untouched", "graded", "not accepted" (a rule, a hole, no Python) or "not graded" (ours).
    checks : dict of str to str
        For each check what is wrong, empty if it is passed; a check is a point.
    feedback : tuple of str
        For the student.
    mistakes : tuple of Mistake
        Recognised.
    seconds : float
    standing : Standing
        What the student's own folder says; a student can change that.
    """

    exercise: str
    status: str
    checks: dict[str, str]
    feedback: tuple[str, ...] = ()
    mistakes: tuple[Mistake, ...] = ()
    seconds: float = 0.0
    standing: Standing = field(default_factory=Standing)

    @property
    def points(self) -> int:
        """Checks that are passed."""
        return sum(not sentence for sentence in self.checks.values())

    @property
    def of(self) -> int:
        """Checks that there are."""
        return len(self.checks)

    def as_dict(self) -> dict[str, Any]:
        """Give everything as plain data.

        Returns
        -------
        dict
        """
        return {
            "exercise": self.exercise,
            "status": self.status,
            "points": self.points,
            "of": self.of,
            "checks": self.checks,
            "feedback": list(self.feedback),
            "mistakes": [
                {"id": one.id, "title": one.title, "misconception": one.misconception} for one in self.mistakes
            ],
            "assisted": self.standing.assisted,
            "tries": self.standing.tries,
            "seconds": round(self.seconds, 2),
        }


def seed_of(salt: str, student: str, exercise: str) -> int:
    """Derive the seed of the hidden problems: nothing is stored, and a re-grade asks the same again.

    Parameters
    ----------
    salt, student, exercise : str

    Returns
    -------
    int
    """
    return int.from_bytes(hashlib.sha256("\0".join((salt, student, exercise)).encode()).digest()[:6], "big")


def grade_one(
    one: Exercise, path: Path | None, seed: int, limits: Limits, standing: Standing | None = None
) -> Result:
    """Grade an answer; whatever it does, there is a result.

    Parameters
    ----------
    one : Exercise
    path : Path or None
        None: nothing was handed in.
    seed : int
    limits : Limits
        What one child process may take.
    standing : Standing, optional

    Returns
    -------
    Result
    """
    started = time.monotonic()

    def result(status, checks, *feedback, mistakes=()):
        seconds = time.monotonic() - started
        return Result(one.id, status, checks, feedback, mistakes, seconds, standing or Standing())

    def nothing(status, sentence):
        return result(status, dict.fromkeys(one.checks(), sentence), sentence)

    if path is None:
        return nothing(MISSING, MISSING)
    try:
        text = text_of(path)
        if text == one.stub():
            return nothing(UNTOUCHED, "the file is as it was handed out")
        if unready := one.refused(text) or one.unfinished(text):
            return nothing(REFUSED, unready.headline)
        checks = one.graded(text, seed, limits)
        if not any(checks.values()):
            return result(GRADED, checks, "every check is passed")
        verdict = _examined(one, text, checks)
        return result(GRADED, checks, *_feedback(verdict, checks), mistakes=verdict.mistakes)
    except InputError as error:
        return nothing(REFUSED, str(error))
    except Exception as error:  # one answer must not end the grading of a class
        return nothing(FAILED, f"grading failed: {type(error).__name__}: {error}")


def _examined(one, text, checks):
    """Ask the doctor what is wrong; not where the code was stopped: it would only be stopped again."""
    sentences = set(checks.values())
    if len(sentences) == 1 and any(
        word in next(iter(sentences)) for word in ("stopped", "process", "memory", "exit")
    ):
        return Verdict("wrong", next(iter(sentences)))
    return one.examined(text, 0)


def _feedback(verdict, checks):
    passed = sum(not sentence for sentence in checks.values())
    lines = [f"{passed} of {len(checks)} checks are passed", verdict.headline]
    if verdict.passed:
        lines[1] = (
            "right on the problem that you see, wrong on those that you do not: does it lean on sizes or values?"
        )
    for _, hints in verdict.up_to(QUESTION):
        lines += hints
    return tuple(dict.fromkeys(lines))
