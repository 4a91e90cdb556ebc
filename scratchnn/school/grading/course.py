"""A class: every student's answers, graded side by side, and what the class misunderstands."""

import os
import secrets
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import scratchnn
from scratchnn.check.student import Limits
from scratchnn.misconceptions import MISCONCEPTIONS

from .. import progress
from ..kinds.base import Exercise
from .handed_in import students
from .one import Result, grade_one, seed_of

LIMITS = Limits(seconds=20.0, megabytes=3000, output=200_000)


@dataclass(frozen=True)
class Course:
    """The grades of a class.

    Parameters
    ----------
    salt : str
        From which, with student and exercise, the hidden problems were drawn.
    exercises : tuple of Exercise
    results : dict of str to tuple of Result
        By student, in the order of the exercises.
    """

    salt: str
    exercises: tuple[Exercise, ...]
    results: dict[str, tuple[Result, ...]]

    def points(self, student: str) -> int:
        """Add up a student's points.

        Parameters
        ----------
        student : str

        Returns
        -------
        int
        """
        return sum(result.points for result in self.results[student])

    @property
    def of(self) -> int:
        """The points that there are."""
        return sum(len(one.checks()) for one in self.exercises)

    def misconceptions(self) -> list[tuple[str, str, list[str]]]:
        """Count who misunderstands what.

        Returns
        -------
        list of (str, str, list of str)
            Number of the misconception, what it is, and the students in whose answers it was recognised; the most
            common one first.
        """
        found: dict[str, list[str]] = {}
        for student, results in self.results.items():
            for name in {mistake.misconception for result in results for mistake in result.mistakes}:
                found.setdefault(name, []).append(student)
        listed = [(name, MISCONCEPTIONS[name], who) for name, who in found.items()]
        return sorted(listed, key=lambda one: (-len(one[2]), int(one[0][1:])))

    def mistakes(self) -> list[tuple[str, str, list[str]]]:
        """Count who made which mistake.

        Returns
        -------
        list of (str, str, list of str)
            Id, title, students; the most common one first.
        """
        found: dict[tuple[str, str], list[str]] = {}
        for student, results in self.results.items():
            for mistake in dict.fromkeys((one.id, one.title) for result in results for one in result.mistakes):
                found.setdefault(mistake, []).append(student)
        return sorted(((*mistake, who) for mistake, who in found.items()), key=lambda one: (-len(one[2]), one[0]))

    def as_dict(self) -> dict[str, Any]:
        """Give everything as plain data.

        Returns
        -------
        dict
        """
        return {
            "scratchnn": scratchnn.__version__,
            "salt": self.salt,
            "of": self.of,
            "exercises": [
                {"id": one.id, "title": one.title, "kind": one.kind, "checks": list(one.checks())}
                for one in self.exercises
            ],
            "students": [
                {"name": name, "points": self.points(name), "results": [result.as_dict() for result in results]}
                for name, results in self.results.items()
            ],
            "misconceptions": [
                {"id": name, "meaning": meaning, "students": who} for name, meaning, who in self.misconceptions()
            ],
            "mistakes": [{"id": name, "title": title, "students": who} for name, title, who in self.mistakes()],
        }


def grade(
    folder: str | Path,
    exercises: Sequence[Exercise],
    *,
    salt: str | None = None,
    jobs: int | None = None,
    limits: Limits = LIMITS,
    told: Callable[[int, int], object] = lambda done, total: None,
) -> Course:
    """Grade a class.

    Parameters
    ----------
    folder : str or Path
        See ``handed_in.students``.
    exercises : sequence of Exercise
    salt : str, optional
        Drawn anew by default; the same salt asks the same hidden problems again.
    jobs : int, optional
        How many answers are graded at a time; all cores by default.
    limits : Limits
        What one child process may take.
    told : function
        Is told how many answers are graded, and how many there are.

    Returns
    -------
    Course

    Raises
    ------
    InputError
        Nobody handed anything in.
    """
    everybody = students(folder)
    salt = salt or secrets.token_hex(8)
    work = [(student, one) for student in everybody for one in exercises]
    standings = {student.name: progress.read(student.folder) for student in everybody if student.folder}

    def graded(task):
        student, one = task
        kept = standings.get(student.name, progress.Progress())
        seed = seed_of(salt, student.name, one.id)
        return grade_one(one, student.files.get(one.id), seed, limits, kept.of(one.id))

    found: dict[str, list[Result]] = {student.name: [] for student in everybody}
    pool = ThreadPoolExecutor(jobs or _cores())
    try:
        for done, ((student, _), result) in enumerate(zip(work, pool.map(graded, work), strict=True), 1):
            found[student.name].append(result)
            told(done, len(work))
    finally:
        pool.shutdown(cancel_futures=True)
    return Course(salt, tuple(exercises), {name: tuple(results) for name, results in found.items()})


def _cores():
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
