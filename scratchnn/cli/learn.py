"""``scratchnn learn``: exercises in files of your own, judged when you save."""

import sys

import click

from scratchnn.errors import InputError
from scratchnn.school import exercise
from scratchnn.school.folder import Folder
from scratchnn.school.verdict import LINES
from scratchnn.school.words import listing, verdict_lines

from .common import console

FOLDER = "scratchnn-exercises"
EXAMPLES = """\b
Examples:
  scratchnn learn                          make the folder, watch it, answer on every save
  scratchnn learn --check lstm_step        judge one file once (exit status 0: right, 1: not yet, 2: unreadable)
  scratchnn learn --list
"""


@click.command("learn", epilog=EXAMPLES)
@click.argument("folder", default=FOLDER, metavar="[FOLDER]")
@click.option("--check", "name", metavar="NAME", help="Judge this exercise once, without a terminal.")
@click.option("--hint", type=click.IntRange(1, LINES), help="With --check: how far the hints climb (6: the lines).")
@click.option("--list", "listed", is_flag=True, help="List the exercises and how far you are.")
def command(folder, name, hint, listed):
    """Solve exercises along the chapters: edit a file, save, read the answer.

    FOLDER (default: scratchnn-exercises) is made if it is not there. What you wrote in it is never written over.
    """
    out = console()
    if hint and not name:
        raise click.UsageError("--hint goes with --check")
    course = Folder(folder)
    if name:
        return _check(out, course, name, hint or 1)
    written = course.make()
    if listed:
        _print(out, listing(course))
        return 0
    if sys.stdin.isatty() and sys.stdout.isatty():
        from scratchnn.school.terminal import learn  # opened when there is one

        return learn(course)
    if written:
        out.print(f"{len(written)} exercises in {folder}", soft_wrap=True)
    _print(out, listing(course))
    out.print("there is no terminal here; scratchnn learn --check NAME judges one file", style="dim")
    return 0


def _check(out, course, name, hint):
    one = exercise(name)
    if not course.begun:
        raise InputError(
            f"learn: there are no exercises in {course.path}; make them with: scratchnn learn {course.path}"
        )
    verdict = course.judge(one)
    steps = [step for step in verdict.steps if step <= hint]
    while course.progress.of(one.id).hint < max(steps, default=1):
        course.climb(one, verdict)
    _print(out, [("dim", f"{course.file(one)}"), *verdict_lines(verdict, hint, f"--hint {min(hint + 1, LINES)}")])
    return verdict.exit_status


def _print(out, lines):
    for style, line in lines:
        out.print(line, style=style or None, markup=False, soft_wrap=True)
