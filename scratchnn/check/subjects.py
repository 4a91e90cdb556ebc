"""All that ``scratchnn check`` can prove, by name."""

import numpy as np

from scratchnn.errors import InputError

from . import subjects_layers, subjects_models, subjects_ops
from .gradients import check_gradients
from .report import Report
from .subject import Problem, Subject

__all__ = ["Problem", "Subject", "every_subject", "judge", "names", "run", "select"]


def every_subject() -> tuple[Subject, ...]:
    """List every subject: ops, then layers, then models.

    Returns
    -------
    tuple of Subject
    """
    return (*subjects_ops.SUBJECTS, *subjects_layers.SUBJECTS, *subjects_models.SUBJECTS)


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
    chosen = [s for s in every_subject() if name == "all" or f"{s.name}.".startswith(f"{name}.")]
    if not chosen:
        listed = ", ".join(names())
        raise InputError(f"nothing is called {name!r}, expected one of {listed}, or a name from `check --list`")
    return chosen


def run(name: str = "all", seed: int = 0) -> list[Report]:
    """Check everything of a name.

    Parameters
    ----------
    name : str
        As for ``select``.
    seed : int
        Draws the inputs and the upstream gradients.

    Returns
    -------
    list of Report

    Raises
    ------
    InputError
        Nothing is called that.
    """
    return [judge(subject, seed) for subject in select(name)]


def judge(subject: Subject, seed: int = 0) -> Report:
    """Check one subject.

    Parameters
    ----------
    subject : Subject
    seed : int

    Returns
    -------
    Report
    """
    problem = subject.make(np.random.default_rng(seed))
    return check_gradients(*problem, seed=seed, name=subject.name)
