"""``scratchnn check``: every hand-written gradient against two oracles."""

import json
import time

import click
from rich.progress import Progress, SpinnerColumn, TextColumn
from rich.text import Text

from scratchnn import check

from .common import backend_option, console, quiet_option, table

EXAMPLES = """\b
Examples:
  scratchnn check lstm             every array of the LSTM, plain and with padding
  scratchnn check attention.additive
  scratchnn check model            whole classifiers, embedding to loss
  scratchnn check all --quiet      everything, one line per op
"""


COUNTS = (">arrays", ">entries", ">differences", ">complex step", "verdict")


@click.command("check", epilog=EXAMPLES)
@click.argument("name", default="all")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Draws inputs and upstream.")
@click.option("--list", "listing", is_flag=True, help="Say what can be checked.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@backend_option
@quiet_option
def command(name, seed, listing, as_json, backend, quiet):
    """Prove the gradients of NAME (an op, a layer, `model`, or `all`).

    Each array's gradient is held against central differences (Richardson-extrapolated, with their error estimate)
    and against the complex step, with random upstream gradients on every output. Errors are relative to the array's
    largest entry; a pass means 1e-10 against the complex step. The exit code is 1 if anything fails.
    """
    del backend  # the one choice there is so far
    if listing:
        groups = table("name", "subjects")
        for group, members in check.names().items():
            groups.add_row(group, Text(", ".join(members) if group != "all" else "everything above"))
        console().print(groups)
        return 0
    chosen = check.select(name)
    started = time.perf_counter()
    reports = _judge_all(chosen, seed)
    seconds = time.perf_counter() - started
    passed = all(report.passed for report in reports)
    if as_json:
        click.echo(json.dumps([report.as_dict() for report in reports], indent=2))
        return 0 if passed else 1
    out = console()
    if not quiet:
        for subject, report in zip(chosen, reports, strict=True):
            _details(out, subject, report)
    if name == "all":
        _by_group(out, chosen, reports)
    elif quiet:
        _summary(out, reports)
    arrays = sum(len(report.rows) for report in reports)
    entries = sum(row.size for report in reports for row in report.rows)
    verdict = "all gradients are right" if passed else f"{sum(not r.passed for r in reports)} FAILED"
    worst = max((error for error in map(_worst, reports) if error is not None), default=None)
    out.print(
        f"{len(reports)} subjects, {arrays} arrays, {entries:,} entries in {seconds:.1f} s: [bold]{verdict}[/]\n"
        f"worst error against the complex step, relative to the largest entry: {_number(worst)}"
    )
    return 0 if passed else 1


def _judge_all(chosen, seed):
    reports = []
    columns = (SpinnerColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console(error=True), transient=True) as bar:
        task = bar.add_task("")
        for subject in chosen:
            bar.update(task, description=subject.name)
            reports.append(check.judge(subject, seed))
    return reports


def _by_group(out, chosen, reports):
    groups = {}
    for subject, report in zip(chosen, reports, strict=True):
        groups.setdefault(subject.group, []).append(report)
    listing = table("gradients of", ">forms", *COUNTS)
    for group, members in groups.items():
        listing.add_row(group, str(len(members)), *_counts(members))
    out.print(listing)
    for report in reports:
        _sentences(out, report)


def _summary(out, reports):
    listing = table("gradients of", *COUNTS)
    for report in reports:
        listing.add_row(Text(report.name), *_counts([report]))
    out.print(listing)
    for report in reports:
        _sentences(out, report)


def _counts(reports):
    """Sum up reports: arrays, entries, worst error against each oracle, verdict."""
    rows = [row for report in reports for row in report.rows]
    differences = [row.error_difference for row in rows if row.error_difference is not None]
    exact = [error for error in map(_worst, reports) if error is not None]
    return (
        str(len(rows)), f"{sum(row.size for row in rows):,}", _number(max(differences, default=None)),
        _number(max(exact, default=None)), _verdict(all(report.passed for report in reports)),
    )  # fmt: skip


def _details(out, subject, report):
    out.print(Text(f"{subject.name}: {subject.title}", style="bold"))
    listing = table("gradient of", "shape", ">differences", ">may be", ">complex step", ">may be", "verdict")
    for row in report.rows:
        listing.add_row(
            Text(row.name), Text(str(row.shape)), _number(row.error_difference), _number(row.bound_difference),
            _number(row.error_complex), _number(row.bound_complex), _verdict(row.passed),
        )  # fmt: skip
    out.print(listing)
    _sentences(out, report)
    out.print()


def _sentences(out, report):
    for row in report.rows:
        if row.remark:
            out.print(Text(f"  {report.name}, {row.name}: {row.remark}"), soft_wrap=True)
    for sentence in report.failures:
        out.print(Text(f"  {report.name}: {sentence}", style="red"), soft_wrap=True)


def _worst(report):
    errors = [row.error_complex for row in report.rows if row.error_complex is not None]
    return max(errors, default=None)


def _number(value):
    return "-" if value is None else f"{value:.0e}"


def _verdict(passed):
    return "[green]pass[/]" if passed else "[bold red]FAIL[/]"
