"""The exercises: which there are, and in which order."""

import functools
import importlib
import pkgutil

from scratchnn.errors import InputError

from . import exercises as _folder
from .kinds.base import Exercise


@functools.cache
def exercises() -> tuple[Exercise, ...]:
    """List the exercises by number.

    Returns
    -------
    tuple of Exercise
    """
    found = [
        importlib.import_module(f"{_folder.__name__}.{one.name}") for one in pkgutil.iter_modules(_folder.__path__)
    ]
    return tuple(sorted((module.EXERCISE for module in found), key=lambda one: one.number))


def exercise(which: str) -> Exercise:
    """Find one exercise.

    Parameters
    ----------
    which : str
        Its number ("50"), its name ("lstm_step"), both ("50_lstm_step"), or its file's name.

    Returns
    -------
    Exercise

    Raises
    ------
    InputError
        There is none.
    """
    wanted = which.removesuffix(".py")
    for one in exercises():
        if wanted in (one.id, one.name, one.number):
            return one
    listed = ", ".join(one.id for one in exercises())
    raise InputError(f"school: there is no exercise {which!r}, expected one of {listed}")
