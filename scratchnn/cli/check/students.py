"""``scratchnn check FILE.py``: a student's own forward and backward."""

import dataclasses
import json
import sys
from pathlib import Path

import click

from scratchnn import check, files
from scratchnn.errors import InputError

HINT, LAST = 3, 5
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


def options(command):
    """Give a command the options that go with a file of one's own.

    Parameters
    ----------
    command : function

    Returns
    -------
    function
    """
    place = click.Path(dir_okay=False)
    for option in (
        click.option("--no-catalogue", is_flag=True, help="FILE: the wrong line only, without the known mistakes."),
        click.option(
            "--write-adapter", type=place, help="FILE: write what says how its arguments are meant, and stop."
        ),
        click.option(
            "--html", type=place, help="FILE: write the report here too, as one page that needs no network."
        ),
        click.option("--adapter", type=place, metavar="ADAPTER", help="FILE: such a file, filled in."),
        click.option("--seconds", type=click.FloatRange(min=1), help="FILE: what it may take.  [default: 60]"),
        click.option(
            "--hint", type=click.IntRange(1, 5), help="FILE: 1 numbers, 2 where, 3 question, 4 formula, 5 line."
        ),
    ):
        command = option(command)
    return command


def write_adapter(file, op, place):
    """Write an adapter that is to be filled in.

    Parameters
    ----------
    file : str
        The student's.
    op : str or None
    place : str
        Where to write.

    Returns
    -------
    int
        0.
    """
    if Path(place).exists():
        raise InputError(f"--write-adapter is {place}, which is there already")
    files.write_bytes(Path(place), check.adapter_for(file, op).encode())
    click.echo(f"wrote {place}: fill in the lines marked TODO, then scratchnn check {file} --adapter {place}")
    return 0


def show(file, op, others, *, hint, seed, seconds, adapter, catalogue, html, as_json, quiet):
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
    adapter : str or None
        A file that says how its arguments are meant.
    catalogue : bool
        Compare with the known mistakes.
    html : str or None
        Where to write a page.
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
    if html and not Path(html).resolve().parent.is_dir():
        raise InputError(f"--html is {html!r}, but there is no folder {Path(html).parent}")
    asks = _is_asked() and not as_json and not quiet
    asked = {"seed": seed, "limits": limits, "adapter": adapter, "catalogue": catalogue}
    found = check.examine(file, op, hint=hint or (1 if asks else HINT), **asked)
    if as_json:
        click.echo(json.dumps(found.as_dict(), indent=2))
    else:
        click.echo(str(found).partition("\n")[0] if quiet else str(found))
        if found.status == 2 and not quiet and not found.stopped and not adapter:
            stem = Path(file).stem
            click.echo(f"  --write-adapter {stem}_adapter.py writes a file in which you say how it is to be called")
        if asks:
            _step_by_step(found)
    if html:
        from scratchnn.check.student.page import page  # pygments is imported only when something is coloured

        files.write_bytes(Path(html), page(dataclasses.replace(found, hint=hint or LAST)).encode())
        if not as_json:
            click.echo(f"wrote {html}")
    return found.status


def _is_asked():
    """Whether there is a person who can press a key."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def _step_by_step(found):
    """Tell one hint more for every key; q ends it."""
    while not found.passed and found.reports and found.hint < LAST:
        click.echo("any key: the next hint, q: enough ", nl=False)
        key = click.getchar()
        click.echo()
        if key in ("q", "Q", "\x03", "\x04"):
            return
        known = set(str(found).splitlines())
        found = dataclasses.replace(found, hint=found.hint + 1)
        new = [line for line in str(found).splitlines() if line not in known and "--hint" not in line]
        click.echo("\n".join(new or ["  nothing more is known at this step"]))
