"""What several commands share: options, the console, small tables."""

import shutil
import sys

import click
from rich.console import Console
from rich.table import Table

seed_option = click.option(
    "--seed", type=click.IntRange(min=0), default=None, help="Seed of weights, order and dropout (splits are fixed)."
)
backend_option = click.option(
    "--backend", type=click.Choice(["reference"]), default=None, help="Which code computes: NumPy's reference so far."
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
