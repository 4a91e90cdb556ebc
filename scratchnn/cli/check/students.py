"""``scratchnn check FILE.py``: a student's own forward and backward."""

import json
from pathlib import Path

import click

from scratchnn import check

HINT = 3
SECONDS = 60.0


def is_file(name):
    """Say whether an argument is a student's file, not the name of an op.

    Parameters
    ----------
    name : str

    Returns
    -------
    bool
    """
    return name.endswith(".py") or Path(name).is_file()


def show(file, op, others, *, hint, seed, seconds, as_json, quiet):
    """Examine a file and print what was found.

    Parameters
    ----------
    file : str
    op : str or None
    others : dict of str to object
        Options that do not go with a file, each with what was given.
    hint : int or None
    seed : int
    seconds : float or None
        That the examination may take.
    as_json : bool
    quiet : bool
        Print the verdict only.

    Returns
    -------
    int
        0 right, 1 wrong, 2 the file could not be judged.
    """
    for option in (option for option, value in others.items() if value):
        raise click.UsageError(f"{option} does not go with a file of your own")
    limits = check.Limits(seconds=seconds or SECONDS)
    found = check.examine(file, op, hint=hint or HINT, seed=seed, limits=limits)
    if as_json:
        click.echo(json.dumps(found.as_dict(), indent=2))
    else:
        click.echo(str(found).partition("\n")[0] if quiet else str(found))
    return found.status
