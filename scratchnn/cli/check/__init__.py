"""``scratchnn check``: every hand-written gradient against two oracles."""

import json
import time
from pathlib import Path

import click
from rich.progress import Progress, SpinnerColumn, TextColumn
from rich.text import Text

from scratchnn import check
from scratchnn.errors import InputError

from .. import catalogue as known
from ..common import any_backend_option, console, quiet_option, table
from . import curve as curves
from . import students, tables

EXAMPLES = """\b
Examples:
  scratchnn check lstm             every array of the LSTM, plain and with padding
  scratchnn check attention.additive
  scratchnn check model            whole classifiers, embedding to loss
  scratchnn check all              everything, one line per op
  scratchnn check lstm --picture maps.png     the error of every entry as a map
  scratchnn check lstm --curve curve.png      error against step, four ways to differentiate
  scratchnn check gru.plain --curve --array "W_h[0,3]"
  scratchnn check --catalogue      known mistakes, and which check catches which
  scratchnn check --catalogue --bug lstm-dc-next-dropped
  scratchnn check --catalogue --train --picture train.png
  scratchnn check my_lstm.py       your own forward and backward: what is wrong, and where
  scratchnn check my_lstm.py --hint 5     everything, the corrected line included
  scratchnn check my_lstm.py --write-adapter how.py     where its arguments are not understood
"""
AT_MOST = 4  # subjects in one picture


@click.command("check", epilog=EXAMPLES)
@click.argument("name", default="all")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Draws inputs and upstream.")
@click.option("--list", "listing", is_flag=True, help="Say what can be checked.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--picture", type=click.Path(dir_okay=False), help="Draw what is printed into this file.")
@click.option("--curve", metavar="[FILE]", is_flag=False, flag_value="-", help="Error against step; drawn into FILE.")
@click.option("--array", metavar="NAME", help="With --curve: the array, or an entry of it, W_h or W_h[0,3].")
@students.options
@known.options
@any_backend_option
@quiet_option
def command(
    name,
    seed,
    listing,
    as_json,
    picture,
    curve,
    array,
    hint,
    seconds,
    adapter,
    html,
    write_adapter,
    no_catalogue,
    catalogue,
    op,
    bug,
    train,
    quick,
    backend,
    quiet,
):
    """Prove the gradients of NAME (an op, a layer, `model`, `all`, or a FILE.py of your own).

    Each array's gradient is held against central differences (Richardson-extrapolated, with their error estimate)
    and against the complex step, with random upstream gradients on every output. Errors are relative to the array's
    largest entry; a pass means 1e-10 against the complex step. What fails is shown with the place and with what the
    error looks like. The exit code is 0 if all is right, 1 if a gradient is wrong, 2 if the question was.
    """
    if not catalogue and students.is_file(name):
        others = {"--list": listing, "--picture": picture, "--curve": curve, "--array": array, "--backend": backend}
        others |= {"--bug": bug, "--train": train, "--quick": quick}
        if write_adapter:
            return students.write_adapter(name, op, write_adapter)
        asked = {"hint": hint, "seed": seed, "seconds": seconds, "adapter": adapter, "catalogue": not no_catalogue}
        return students.show(name, op, others, **asked, html=html, as_json=as_json, quiet=quiet)
    own = {"--hint": hint, "--seconds": seconds, "--adapter": adapter, "--html": html}
    own |= {"--write-adapter": write_adapter, "--no-catalogue": no_catalogue}
    for option in (option for option, value in own.items() if value):
        raise click.UsageError(f"{option} goes with a file of your own")
    if catalogue:
        op = op or (name if name != "all" else None)
        return known.show(
            op, bug=bug, listing=listing, train=train, picture=picture, as_json=as_json, quick=quick, seed=seed
        )
    given = {"--op": op, "--bug": bug, "--train": train, "--quick": quick}
    for option in (option for option, value in given.items() if value):
        raise click.UsageError(f"{option} goes with --catalogue")
    if array and not curve:
        raise click.UsageError("--array goes with --curve")
    if listing:
        _list()
        return 0
    chosen = check.select(name)
    _accept(picture, curve, chosen)
    if curve:
        return curves.show(chosen[0], array, seed, backend or "reference", file=curve, as_json=as_json)
    started = time.perf_counter()
    reports = _judge_all(chosen, seed, backend or "reference")
    seconds = time.perf_counter() - started
    passed = all(report.passed for report in reports)
    if picture:
        _draw(reports, picture)
    if as_json:
        click.echo(json.dumps([report.as_dict() for report in reports], indent=2))
    else:
        tables.show(console(), chosen, reports, seconds, every=name == "all", quiet=quiet)
        if picture:
            console().print(f"picture: {picture}", soft_wrap=True)
    return 0 if passed else 1


def _accept(picture, curve, chosen):
    """Refuse before anything is computed what cannot be drawn."""
    for option, file in (("--picture", picture), ("--curve", curve if curve != "-" else None)):
        if file and Path(file).suffix.lower() not in known.PICTURES:
            raise InputError(f"{option} is {file!r}, expected a file that ends in {', '.join(known.PICTURES)}")
        if file and not Path(file).resolve().parent.is_dir():
            raise InputError(f"{option} is {file!r}, but there is no folder {Path(file).parent}")
    if picture and curve:
        raise InputError("--picture and --curve are two figures, expected one of them")
    if picture and len(chosen) > AT_MOST:
        raise InputError(
            f"--picture draws at most {AT_MOST} subjects, expected a name of fewer than these {len(chosen)}"
        )


def _list():
    groups = table("name", "subjects")
    for group, members in check.names().items():
        groups.add_row(group, Text(", ".join(members) if group != "all" else "everything above"))
    console().print(groups)


def _judge_all(chosen, seed, backend):
    columns = (SpinnerColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console(error=True), transient=True) as bar:
        task = bar.add_task("")
        return check.judge_all(chosen, seed, backend, told=lambda name: bar.update(task, description=name))


def _draw(reports, file):
    from scratchnn import draw  # matplotlib is imported only when something is drawn
    from scratchnn.check.picture import picture

    draw.save(picture(*reports), file)
