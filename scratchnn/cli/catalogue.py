"""``scratchnn check --catalogue``: the known mistakes, who is caught by what, and what trains all the same."""

import difflib
import json
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np
from rich.progress import Progress, SpinnerColumn, TextColumn
from rich.text import Text

from scratchnn.check import catalogue
from scratchnn.check.catalogue import regimes, still_trains
from scratchnn.errors import InputError
from scratchnn.misconceptions import MISCONCEPTIONS

from .common import console, percent, table

NAMED = 8  # escaped mistakes in a line of print; --json has them all
PICTURES = (".png", ".svg", ".pdf")
OPTIONS = (
    click.option("--catalogue", is_flag=True, help="Known mistakes, and who is caught by which way of checking."),
    click.option("--op", help="With --catalogue: the mistakes of one op only."),
    click.option("--bug", metavar="ID", help="With --catalogue: one mistake in full."),
    click.option("--train", is_flag=True, help="With --catalogue: train with every wrong gradient of --op (lstm)."),
    click.option("--quick", is_flag=True, help="With --train: 60 steps of training."),
)


def options(command: Callable) -> Callable:
    """Add the catalogue's options to a command.

    Parameters
    ----------
    command : function

    Returns
    -------
    function
    """
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def show(
    op: str | None = None,
    *,
    bug: str | None = None,
    listing: bool = False,
    train: bool = False,
    picture: str | None = None,
    as_json: bool = False,
    quick: bool = False,
    seed: int = 0,
) -> int:
    """Print what `scratchnn check --catalogue` asks for.

    Parameters
    ----------
    op : str, optional
        Only the mistakes of one op.
    bug : str, optional
        One mistake in full, by its id.
    listing : bool
        The catalogue itself.
    train : bool
        The experiment: train with every wrong gradient of ``op`` (default "lstm").
    picture : str, optional
        File for the figure of what is printed.
    as_json : bool
    quick : bool
        60 steps of training.
    seed : int

    Returns
    -------
    int
        0, or 1 if a mistake escapes our own check.
    """
    if picture and Path(picture).suffix.lower() not in PICTURES:
        raise InputError(f"--picture is {picture!r}, expected a file that ends in {', '.join(PICTURES)}")
    if bug is not None:
        _one(catalogue.bug(bug), as_json)
        return 0
    if train:
        _train(op or "lstm", picture, as_json, quick, seed)
        return 0
    bugs = catalogue.bugs(op)
    if not bugs:
        raise InputError(f"catalogue: no mistakes of {op} are listed")
    if listing:
        _list(bugs, as_json)
        return 0
    return _who(bugs, picture, as_json, seed)


def _one(bug, as_json):
    if as_json:
        click.echo(json.dumps(_plain(bug) | {"diff": _diff(bug)}, indent=2))
        return
    out = console()
    out.print(Text(f"{bug.id}: {bug.title}", style="bold"), soft_wrap=True)
    for label, value in (
        ("op", catalogue.room_of(bug)), ("place", bug.place), ("kind", bug.kind),
        ("why", f"{bug.misconception}: {MISCONCEPTIONS[bug.misconception]}"), ("question", bug.question),
    ):  # fmt: skip
        out.print(Text(f"  {label:<10}{value}"), soft_wrap=True)
    out.print()
    for line in _diff(bug):
        out.print(Text(line, style={"-": "red", "+": "green"}.get(line[0], "dim")), soft_wrap=True)


def _diff(bug):
    """Compare the reference's lines with the bug's: right after -, wrong after +."""
    room = catalogue.room_of(bug)
    right, wrong = catalogue.source_of(room).splitlines(), catalogue.source(bug).splitlines()
    names = (f"{room}/reference.py", bug.id)
    return list(difflib.unified_diff(right, wrong, *names, n=2, lineterm=""))


def _list(bugs, as_json):
    if as_json:
        click.echo(json.dumps([_plain(bug) for bug in bugs], indent=2))
        return
    out = console()
    columns = table("id", "what is wrong", "place", "why")
    for bug in bugs:
        columns.add_row(*(Text(part) for part in (bug.id, bug.title, bug.place, bug.misconception)))
    out.print(columns)
    out.print()
    reasons = table("why", "the misconception", ">mistakes")
    for key, sentence in MISCONCEPTIONS.items():
        count = sum(bug.misconception == key for bug in bugs)
        if count:
            reasons.add_row(key, Text(sentence), str(count))
    out.print(reasons)
    out.print(f"\n{len(bugs)} known mistakes; `scratchnn check --catalogue --bug ID` shows one in full")


def _who(bugs, picture, as_json, seed):
    found = regimes.who_is_caught(bugs, seed=seed)
    if picture:
        _save(_drawn(found), picture)
    if as_json:
        rows = [
            {"regime": regime.name, "what": regime.what, "why": regime.why, "bugs": found.column(regime.name)}
            for regime in found.regimes
        ]
        click.echo(json.dumps(rows, indent=2))
    else:
        _counts(found, picture)
    return 1 if found.escaped("ours") else 0


def _counts(found, picture):
    out = console()
    rooms = list(dict.fromkeys(map(catalogue.room_of, found.bugs)))
    counts = table("a check with", *(f">{SHORT.get(room, room)}" for room in rooms), ">all")
    for regime in found.regimes:
        answers = found.column(regime.name)
        cells = []
        for room in (*rooms, None):
            own = [answers[bug.id] for bug in found.bugs if room in (None, catalogue.room_of(bug))]
            cells.append(_share([answer for answer in own if answer is not None]))
        counts.add_row(Text(regime.name, style="bold" if regime.name == "ours" else ""), *cells)
    out.print(Text(f"Of {len(found.bugs)} known mistakes, how many a gradient check catches", style="bold"))
    out.print(counts)
    out.print("\nwhat escapes, and why", style="bold")
    for regime in found.regimes:
        escaped = found.escaped(regime.name)
        line = Text(f"{regime.name}: ", style="bold")
        line.append(f"{regime.what}. ", style="")
        if not escaped:
            line.append("Nothing escapes.", style="")
        else:
            line.append(f"{_capital(regime.why)}. {_escaped(escaped)}", style="")
        out.print(line, soft_wrap=True)
    best = found.escaped("ours")
    out.print(
        Text(f"\nOur check lets {len(best)} of {len(found.bugs)} through: {_listed(best)}", style="bold red")
        if best
        else f"\nOur check catches all {len(found.bugs)}: its sizes differ, its upstream gradients are random, its "
        "states are not zero, every entry is compared to 1e-10, and it is called twice.",
        soft_wrap=True,
    )
    out.print("`--json` names every mistake that escapes, `--bug ID` shows one in full.")
    if picture:
        out.print(f"picture: {picture}", soft_wrap=True)


SHORT = {"activations": "activ.", "cross_entropy": "loss", "embedding": "embed.", "attention": "att."}


def _share(answers):
    if not answers:
        return Text("-", style="dim")
    caught = sum(answers)
    return Text(f"{caught}/{len(answers)}", style="" if caught == len(answers) else "red")


def _escaped(escaped):
    """Count and name who escapes, of a crowd only some."""
    count = f"{len(escaped)} escape{'s' if len(escaped) == 1 else ''}"
    if len(escaped) <= NAMED:
        return f"{count}: {_listed(escaped)}."
    shown = escaped[:: -(-len(escaped) // NAMED)]
    return f"{count}, among them {_listed(shown)}."


def _listed(bugs):
    return ", ".join(bug.id for bug in bugs)


def _capital(sentence):
    return sentence[:1].upper() + sentence[1:]


def _drawn(found):
    from scratchnn.draw import catalogue as figures

    groups = {}
    for bug, row in zip(found.bugs, found.caught, strict=True):
        groups.setdefault(catalogue.room_of(bug).replace("_", "-"), []).append(row)
    numbers = {room: np.array(rows, dtype=float) for room, rows in groups.items()}  # None becomes NaN
    return figures.who_is_caught(numbers, [regime.name for regime in found.regimes])


def _train(op, picture, as_json, quick, seed):
    with Progress(
        SpinnerColumn(), TextColumn("{task.description}"), console=console(error=True), transient=True
    ) as bar:
        line = bar.add_task("")
        found = still_trains.still_trains(
            op, seed, steps=60 if quick else None, told=lambda name: bar.update(line, description=name)
        )
    if picture:
        _save(_curves(op, found), picture)
    if as_json:
        runs = {task.name: [_run(run) for run in runs] for task, runs in found.items()}
        click.echo(json.dumps(runs, indent=2))
        return
    out = console()
    for task, runs in found.items():
        wrong = [run for run in runs if run.differs]
        halved, solved = (sum(getattr(run, what) for run in wrong) for what in ("halved", "solved"))
        unmet = len(runs) - 1 - len(wrong)
        out.print(Text(f"{op.upper()}, {task.title}", style="bold"))
        out.print(
            f"  the right gradient leaves {percent(runs[0].final)} of the loss of guessing; of {len(wrong)} wrong "
            f"ones {halved} halve it and {solved} solve the task (under 5 %); {unmet} are not met by it",
            soft_wrap=True,
        )
    out.print()
    finals = table("loss left, in % of that of guessing", *(f">{task.name}" for task in found), "what is wrong")
    first, *others = zip(*found.values(), strict=True)
    for runs in (first, *sorted(others, key=_harm)):
        bug = runs[0].bug
        name = bug.id if bug else "the right gradient"
        cells = [_left(run) if run.differs or bug is None else "same" for run in runs]
        finals.add_row(Text(name, style="" if bug else "bold"), *cells, Text(bug.title if bug else ""))
    out.print(finals)
    out.print("\nA loss that goes down says that the steps lead downhill, not that the gradient is right.")
    if picture:
        out.print(f"picture: {picture}", soft_wrap=True)


def _harm(runs):
    finals = [run.final if np.isfinite(run.final) else np.inf for run in runs]
    return -max(finals) if any(run.differs for run in runs) else 0, runs[0].bug.id


def _left(run):
    return f"{100 * run.final:.1f}" if np.isfinite(run.final) else "overflow"


def _curves(op, found):
    from scratchnn.draw import catalogue as figures

    curves = {}
    for task, runs in found.items():
        wrong = [run for run in runs if run.differs]
        kinds = {
            "loss at least halved": [run.losses for run in wrong if run.halved],
            "not": [run.losses for run in wrong if not run.halved],
        }
        curves[task.title] = (runs[0].losses, kinds)
    return figures.still_trains(
        curves, float(np.log(still_trains.SYMBOLS)), title=f"{op.upper()}: wrong gradients still train"
    )


def _save(figure, path):
    from scratchnn import draw

    draw.save(figure, path)


def _run(run):
    final = run.final if np.isfinite(run.final) else None
    losses = [float(loss) if np.isfinite(loss) else None for loss in run.losses]
    name = run.bug.id if run.bug else None
    return {"bug": name, "final": final, "halved": run.halved, "solved": run.solved, "differs": run.differs,
            "losses": losses}  # fmt: skip


def _plain(bug):
    return bug._asdict() | {"op": catalogue.room_of(bug), "edits": [edit._asdict() for edit in bug.edits]}
