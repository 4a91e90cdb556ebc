"""``scratchnn grade``: the exercises of a class, points, feedback and what is misunderstood."""

import click
from rich.text import Text

from scratchnn.school import exercise, exercises
from scratchnn.school.grading import grade
from scratchnn.school.grading.course import LIMITS
from scratchnn.school.grading.report import write

from .common import console, quiet_option, table

EXAMPLES = """\b
Examples:
  scratchnn grade class                      class/amina/50_lstm_step.py, ... -> grades/
  scratchnn grade class --only lstm_step --salt spring-2026
"""


@click.command("grade", epilog=EXAMPLES)
@click.argument("folder")
@click.option("--out", default="grades", show_default=True, metavar="FOLDER", help="For grades.csv, .json and .html.")
@click.option("--only", multiple=True, metavar="NAME", help="Grade this exercise only; may be given several times.")
@click.option(
    "--salt", metavar="TEXT", help="Your course's secret: hidden problems are drawn from it; random if left out."
)
@click.option("--jobs", type=click.IntRange(1, 64), help="Answers graded at a time; all cores by default.")
@click.option("--seconds", type=click.FloatRange(1, 600), default=LIMITS.seconds, show_default=True,
              help="That one check may take.")  # fmt: skip
@quiet_option
def command(folder, out, only, salt, jobs, seconds, quiet):
    """Grade a class: FOLDER holds a folder per student, or files such as NAME_50_lstm_step.py.

    Every answer runs in child processes with limits on time and memory, on inputs that nobody has seen. Code that
    hangs, crashes, exits or patches something loses that check's points and nothing else. Files that import the
    library's own answers or an autograd package are refused: a rule against accidents, no lock. To grade strangers,
    run it in a container.
    """
    chosen = tuple({found.id: found for found in map(exercise, only)}.values()) or exercises()
    passing = console(error=True)
    with passing.status("grading ...") as status:

        def told(done, total):
            status.update(f"grading: {done} of {total} answers")

        course = grade(folder, chosen, salt=salt, jobs=jobs, limits=LIMITS._replace(seconds=seconds), told=told)
    written = write(course, out)
    screen = console()
    if not quiet:
        _show(screen, course)
    screen.print(f"{', '.join(map(str, written))} (salt {course.salt})", soft_wrap=True, markup=False)
    return 0


def _show(screen, course):
    listing = table("student", ">points", *(f">{one.number}" for one in course.exercises))
    for name, results in course.results.items():
        cells = [f"{result.points}/{result.of}" for result in results]
        listing.add_row(Text(name), f"{course.points(name)} of {course.of}", *cells)
    screen.print(listing)
    for name, meaning, who in course.misconceptions():
        count = "1 student" if len(who) == 1 else f"{len(who)} students"
        screen.print(f"{name}  {count}: {meaning}", markup=False)
