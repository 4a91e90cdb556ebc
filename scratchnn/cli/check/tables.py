"""What a check prints: one table per subject, one line per op, and what is wrong in words."""

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from scratchnn.check import Report, Row, Subject

from ..common import percent, table

COUNTS = (">arrays", ">entries", ">differences", ">complex step", "verdict")


def show(
    out: Console, chosen: list[Subject], reports: list[Report], seconds: float, *, every: bool, quiet: bool
) -> None:
    """Print what was found.

    Parameters
    ----------
    out : rich.console.Console
    chosen : list of Subject
    reports : list of Report
        One per subject.
    seconds : float
        That the check took.
    every : bool
        Everything was checked: one line per op, and in full only what failed.
    quiet : bool
        One line per subject (per op if everything was checked), and one per wrong array.
    """
    for subject, report in zip(chosen, reports, strict=True):
        if not quiet and not (every and report.passed):
            _details(out, subject, report)
    if every:
        _by_group(out, chosen, reports)
    elif quiet:
        _by_subject(out, reports)
    if quiet:
        _briefly(out, reports)
    arrays = sum(len(report.rows) for report in reports)
    entries = sum(row.size for report in reports for row in report.rows)
    failed = sum(not report.passed for report in reports)
    verdict = f"[bold red]{failed} FAILED[/]" if failed else "[bold]all gradients are right[/]"
    worst = max((error for error in map(_worst, reports) if error is not None), default=None)
    count = "1 subject" if len(reports) == 1 else f"{len(reports)} subjects"
    out.print(f"{count}, {arrays} arrays, {entries:,} entries in {seconds:.1f} s: {verdict}")
    out.print(f"worst error against the complex step, relative to the largest entry: {_number(worst)}")


def _by_group(out, chosen, reports):
    groups = {}
    for subject, report in zip(chosen, reports, strict=True):
        groups.setdefault(subject.group, []).append(report)
    listing = table("gradients of", ">forms", *COUNTS)
    for group, members in groups.items():
        listing.add_row(group, str(len(members)), *_counts(members))
    out.print(listing)


def _by_subject(out, reports):
    listing = table("gradients of", *COUNTS)
    for report in reports:
        listing.add_row(Text(report.name), *_counts([report]))
    out.print(listing)


def _briefly(out, reports):
    for report in reports:
        for row in report.rows:
            if not row.passed:
                where = f" ({row.place})" if row.place else ""
                _say(out, f"{report.name}, {row.name}: {row.remark}{where}", style="red")
        for sentence in report.failures:
            _say(out, f"{report.name}: {sentence}", style="red")


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
    listing = table("gradient of", "shape", ">differences", ">may be", ">complex", ">may be", "verdict")
    for row in report.rows:
        listing.add_row(
            Text(row.name), Text(str(row.shape)), _number(row.error_difference), _number(row.bound_difference),
            _number(row.error_complex), _number(row.bound_complex), _verdict(row.passed),
        )  # fmt: skip
    out.print(listing)
    for row in report.rows:
        for sentence in (row.remark,) if row.passed and row.remark else ():
            _say(out, f"{row.name}: {sentence}")
        if not row.passed:
            _explain(out, row)
    for sentence in report.failures:
        _say(out, f"! {sentence}", style="red")
    for sentence in (*report.judged(), *report.notes):
        _say(out, sentence, style="dim")
    out.print()


def _explain(out: Console, row: Row) -> None:
    """Say of a wrong array how much of it is wrong, where, and what the error looks like."""
    share = f"{row.bad:,} of {row.size:,} entries wrong ({percent(row.bad / row.size)})" if row.size else "no entries"
    _say(out, f"{row.name}: {share if row.worst is not None else row.remark}", style="bold red")
    if row.worst is not None:
        index = f"{row.name}[{', '.join(map(str, row.worst))}]" if row.worst else row.name
        if row.given is not None and row.expected is not None:
            _say(out, f"worst: {index} is {row.given:.9g}, expected {row.expected:.9g}", by=4)
        else:
            _say(out, row.remark, by=4)
    if row.place:
        _say(out, f"where: {row.place}", by=4)
    for hint in row.hints:
        _say(out, f"hint:  {hint}", by=4)


def _say(out, sentence, by=2, style=""):
    out.print(Padding(Text(sentence, style=style), (0, 0, 0, by), expand=False))


def _worst(report):
    errors = [row.error_complex for row in report.rows if row.error_complex is not None]
    return max(errors, default=None)


def _number(value):
    return "-" if value is None else f"{value:.0e}"


def _verdict(passed):
    return "[green]pass[/]" if passed else "[bold red]FAIL[/]"
