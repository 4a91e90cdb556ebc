"""All that ``scratchnn check`` can prove, by name."""

import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from scratchnn.errors import InputError

from ..gradients import check_gradients
from ..report import Report
from . import ops
from .device import on_device
from .problem import Problem, Subject

FEW = 8  # subjects for which another process pays its start

__all__ = ["Problem", "Subject", "every_subject", "judge", "judge_all", "names", "run", "select"]


def every_subject() -> tuple[Subject, ...]:
    """List every subject: ops, then layers, then models.

    Returns
    -------
    tuple of Subject
    """
    from . import language, layers, models  # a third of the time that an examination's start takes

    return (*ops.SUBJECTS, *layers.SUBJECTS, *models.SUBJECTS, *language.SUBJECTS)


def names() -> dict[str, tuple[str, ...]]:
    """Say what can be checked.

    Returns
    -------
    dict of str to tuple of str
        Group, e.g. "lstm", to the names of its subjects; "all" comes last.
    """
    groups = {}
    for subject in every_subject():
        groups.setdefault(subject.group, []).append(subject.name)
    groups["all"] = [subject.name for subject in every_subject()]
    return {group: tuple(members) for group, members in groups.items()}


def select(name: str = "all") -> list[Subject]:
    """Choose subjects by name.

    Parameters
    ----------
    name : str
        A group ("lstm"), a subject ("lstm.masked"), the beginning of some ("attention.general") or "all".

    Returns
    -------
    list of Subject

    Raises
    ------
    InputError
        Nothing is called that.
    """
    chosen = [s for s in ops.SUBJECTS if f"{s.name}.".startswith(f"{name}.")]
    chosen = chosen or [s for s in every_subject() if name == "all" or f"{s.name}.".startswith(f"{name}.")]
    if not chosen:
        listed = ", ".join(names())
        raise InputError(f"nothing is called {name!r}, expected one of {listed}, or a name from `check --list`")
    return chosen


def run(name: str = "all", seed: int = 0, backend: str | Any = "reference") -> list[Report]:
    """Check everything of a name.

    Parameters
    ----------
    name : str
        As for ``select``.
    seed : int
        Draws the inputs and the upstream gradients.
    backend : str or module
        Who computes.

    Returns
    -------
    list of Report

    Raises
    ------
    InputError
        Nothing is called that.
    """
    return [judge(subject, seed, backend) for subject in select(name)]


def judge_all(
    subjects: Sequence[Subject],
    seed: int = 0,
    backend: str | Any = "reference",
    *,
    told: Callable[[str], None] = lambda name: None,
) -> list[Report]:
    """Check several subjects, in processes of their own if there are many: for programs, not for notebooks.

    Parameters
    ----------
    subjects : sequence of Subject
        Of ``every_subject``.
    seed : int
    backend : str or module
        Who computes; a module is checked in this process.
    told : function
        Is told the name of each subject in turn.

    Returns
    -------
    list of Report
        In the order of the subjects.
    """
    workers = min(_cores(), 4, len(subjects) // FEW)
    if workers < 2 or not isinstance(backend, str):
        reports = []
        for subject in subjects:
            told(subject.name)
            reports.append(judge(subject, seed, backend))
        return reports
    costly = sorted(subjects, key=lambda subject: not subject.name.startswith("model."))  # the long ones first
    fresh = multiprocessing.get_context("spawn")  # a fork would copy the threads' locks
    with ProcessPoolExecutor(workers, mp_context=fresh, initializer=threadpool_limits, initargs=(1,)) as pool:
        coming = {subject.name: pool.submit(_judge_named, subject.name, seed, backend) for subject in costly}
        reports = []
        for subject in subjects:
            told(subject.name)
            reports.append(coming[subject.name].result())
        return reports


def _judge_named(name, seed, backend):
    return judge(next(subject for subject in every_subject() if subject.name == name), seed, backend)


def _cores():
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


def problem_of(subject: Subject, seed: int, backend: str | Any) -> Problem:
    """Make the problem of a subject, as ``backend`` computes it.

    Parameters
    ----------
    subject : Subject
    seed : int
    backend : str or module

    Returns
    -------
    Problem
    """
    if isinstance(backend, str) and backend == "gpu":
        return on_device(subject, seed)
    return subject.make(np.random.default_rng(seed), backend)


def judge(subject: Subject, seed: int = 0, backend: str | Any = "reference") -> Report:
    """Check one subject.

    Parameters
    ----------
    subject : Subject
    seed : int
    backend : str or module
        Who computes: the name of a backend, or any module with the functions of the subject's op.

    Returns
    -------
    Report
    """
    return check_gradients(*problem_of(subject, seed, backend), seed=seed, name=subject.name, layout=subject.layout)
