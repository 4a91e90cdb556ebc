"""``scratchnn bench doctor``: how often the doctor is right."""

import contextlib
import json
import sys
import time
from pathlib import Path

import click

from scratchnn import files
from scratchnn.bench.doctor import cases, run, trial, writing
from scratchnn.errors import InputError

from .common import console, table

SEEDS, TIMED = 200, 40
EVERY = 30.0  # seconds between lines where there is no terminal
QUICK = {"limit": 12, "pairs": 10, "seeds": 5, "timed": 5}
EXAMPLES = """\b
Examples:
  scratchnn bench doctor --quick
  scratchnn bench doctor --jobs 2 --report doctor.md
  scratchnn bench doctor --styles gates,objects --ops lstm --limit 20 --pairs 0
"""


@click.command("doctor", epilog=EXAMPLES)
@click.option("--styles", default=",".join(cases.STYLES), show_default=True, help="In which the code is written.")
@click.option("--ops", default=",".join(cases.OPS), show_default=True, help="Which are tried.")
@click.option("--limit", type=click.IntRange(min=1), help="Mistakes of each style, drawn by chance.  [default: all]")
@click.option("--pairs", type=click.IntRange(min=0), help=f"Of two mistakes at once.  [default: {cases.PAIRS}]")
@click.option("--seeds", type=click.IntRange(min=1), help=f"For right code.  [default: {SEEDS}]")
@click.option("--timed", type=click.IntRange(min=0), help=f"Examinations timed from outside.  [default: {TIMED}]")
@click.option("--quick", is_flag=True, help="A sample, in a minute or two.")
@click.option(
    "--oracles", is_flag=True, help="Judge wrong code by the oracles too, which changes no name and no line."
)
@click.option("--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="Processes.")
@click.option("--seed", type=click.IntRange(min=0), default=0, help="Draws the sample and the pairs.")
@click.option("--json", "json_path", type=click.Path(dir_okay=False), help="Write everything here.")
@click.option("--report", type=click.Path(dir_okay=False), help="Write the table and all failures here, as Markdown.")
def command(styles, ops, limit, pairs, seeds, timed, quick, oracles, jobs, seed, json_path, report):
    """Plant known mistakes in code of five styles and count how often the doctor names them and finds the line."""
    styles = _some("--styles", styles, cases.STYLES)
    ops = _some("--ops", ops, cases.OPS)
    for option, path in (("--json", json_path), ("--report", report)):
        if path and not Path(path).resolve().parent.is_dir():
            raise InputError(f"bench doctor: {option} {path}: there is no folder {Path(path).resolve().parent}")
    usual = {"limit": None, "pairs": cases.PAIRS, "seeds": SEEDS, "timed": TIMED} | (QUICK if quick else {})
    limit, pairs, seeds, timed = (
        usual[name] if value is None else value
        for name, value in {"limit": limit, "pairs": pairs, "seeds": seeds, "timed": timed}.items()
    )
    one = run.sampled(cases.singles(styles, ops), limit, seed)
    two = cases.pairs(styles, ops, pairs, seed) if pairs else []
    right = cases.right(styles, ops)
    with _progress() as told:
        singles = run.run(trial.tried, one, jobs, told("one mistake", one), oracles)
        both = run.run(trial.tried, two, jobs, told("two mistakes", two), oracles)
        full = run.run(trial.tried, right, jobs, told("right code", right))
        found = run.run(trial.alarms, right, jobs, told("seeds", right), seeds)
        share = run.sampled(one, max(1, timed // len(styles)), seed) if timed else []
        walls = run.run(trial.timed, share, 1, told("timed", share))
    alarms = [sentence for sentences in found for sentence in sentences]
    alarms += [case.name for case, told in zip(right, full, strict=True) if not told["passed"]]
    options = "".join(f" {part}" for part in sys.argv[sys.argv.index("doctor") + 1 :]) if "doctor" in sys.argv else ""
    asked = {"singles": len(one), "pairs": len(two), "seeds": seeds, "timed": len(share), "options": options}
    record = run.summary(singles, both, alarms, walls, asked)
    _print(record)
    for path, text in ((json_path, json.dumps(record, indent=1) + "\n"), (report, writing.markdown(record))):
        if path:
            files.write_bytes(Path(path), text.encode())
            console().print(f"wrote {path}", soft_wrap=True)
    return int(any(row[-1] == "missed" for row in writing.goals(record)))


@contextlib.contextmanager
def _progress():
    """Say how far it is: in one changing line, or where nobody looks, in a line now and then."""
    screen, last = console(error=True), [time.monotonic()]

    def told(what, cases):
        def tell(k):
            text = f"{what}: {k} of {len(cases)}"
            if screen.is_terminal:
                status.update(text)
            elif k == len(cases) or time.monotonic() > last[0] + EVERY:
                last[0] = time.monotonic()
                screen.print(text)

        return tell

    with screen.status("") if screen.is_terminal else contextlib.nullcontext() as status:
        yield told


def _some(option, text, known):
    found = tuple(part.strip() for part in text.split(",") if part.strip())
    for part in found:
        if part not in known:
            raise InputError(f"bench doctor: {option} {part!r}, expected some of {', '.join(known)}")
    return found


def _print(record):
    listing = table("style", *(f">{head}" for head in writing.COLUMNS.values()))
    for style, shares in record["styles"].items():
        counts = (shares[key] for key in writing.COLUMNS)
        listing.add_row(style, *(f"{right}/{count}" if count else "-" for right, count in counts))
    console().print(listing)
    goals = table("what", "style", ">goal", ">measured", "")
    for row in writing.goals(record):
        goals.add_row(*row)
    console().print(goals)
