"""What several commands share: options, the console, small tables."""

import shutil
import sys

import click
from rich.console import Console
from rich.table import Table

from scratchnn import device

seed_option = click.option(
    "--seed", type=click.IntRange(min=0), default=None, help="Seed of weights, order and dropout (splits are fixed)."
)
backend_option = click.option(
    "--backend",
    type=click.Choice(["cpu", "reference"]),
    default=None,
    help="Which code computes: compiled kernels or NumPy's readable reference.",
)


def _can_compute(context, option, backend):
    """Say at once what is missing, before anything is loaded or written."""
    if backend == "gpu":
        device.require()
    return backend


any_backend_option = click.option(
    "--backend",
    type=click.Choice(["cpu", "reference", "gpu"]),
    default=None,
    callback=_can_compute,
    help="Which code computes: compiled kernels, NumPy's readable reference, or kernels on a GPU.",
)
quiet_option = click.option("--quiet", "-q", is_flag=True, help="Print only the result.")


def console(error=False):
    """Give a console for standard output; no colours when it is not a terminal.

    Parameters
    ----------
    error : bool
        Standard error instead, for what passes by.

    Returns
    -------
    rich.console.Console
    """
    stream = sys.stderr if error else sys.stdout
    width = None if stream.isatty() else shutil.get_terminal_size((110, 24)).columns
    return Console(highlight=False, stderr=error, width=width)


def table(*columns, title=None):
    """Make an empty table.

    Parameters
    ----------
    *columns : str
        Headings; a leading ">" sets the column flush right.
    title : str, optional

    Returns
    -------
    rich.table.Table
    """
    made = Table(
        title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, padding=(0, 2, 0, 0)
    )
    for column in columns:
        made.add_column(
            column.lstrip(">"),
            justify="right" if column.startswith(">") else "left",
            header_style="dim",
            overflow="fold",
        )
    return made


def say(sentence):
    """Print a sentence that a person should know, on standard error.

    Parameters
    ----------
    sentence : str
    """
    print(f"scratchnn: {sentence}", file=sys.stderr)


def stop_status(results):
    """Give the exit status of a run, by custom 128 + the number of the signal that stopped it.

    Parameters
    ----------
    results : dict
        With ``interrupted`` and ``interrupted_by``.

    Returns
    -------
    int
        0, 130 (Ctrl-C) or 143 (SIGTERM).
    """
    return {None: 130, "SIGINT": 130, "SIGTERM": 143}[results.get("interrupted_by")] if results["interrupted"] else 0


def percent(share):
    """Write a share as per cent with one decimal.

    Parameters
    ----------
    share : float

    Returns
    -------
    str
    """
    return f"{100 * share:.1f} %"
