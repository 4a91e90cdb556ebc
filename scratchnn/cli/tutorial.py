"""``scratchnn tutorial``: the chapters, one cell at a time."""

import sys
import traceback

import click
from rich.markdown import Markdown
from rich.rule import Rule
from rich.syntax import Syntax
from rich.text import Text

from scratchnn.lessons import chapter, chapters
from scratchnn.lessons.mathematics import plain, replace_math
from scratchnn.lessons.notebook import write_notebook
from scratchnn.lessons.page import write_page
from scratchnn.lessons.progress import progress, remember
from scratchnn.lessons.running import Session

from .common import console, table

NEXT, LEAVE = ("\r", "\n", " "), ("q", "Q", "\x04", "")


@click.command(
    "tutorial",
    epilog="\b\nExamples:\n  scratchnn tutorial\n  scratchnn tutorial 50\n  scratchnn tutorial 50 --html lstm.html",
)
@click.argument("which", metavar="[CHAPTER]", required=False)
@click.option("--notebook", metavar="OUT.ipynb", help="Run it and write a Jupyter notebook with outputs.")
@click.option("--html", metavar="OUT.html", help="Run it and write a page that needs no network.")
@click.option("--restart", is_flag=True, help="Begin at the first cell again.")
def command(which, notebook, html, restart):
    """Read the chapters: derivations, experiments, bug hunts. Without CHAPTER: the list, and how far you are.

    A chapter runs cell by cell: Enter runs the next one, q leaves, and the next call goes on there. Where there is no
    terminal, it is printed through.
    """
    out = console()
    if which is None:
        if notebook or html or restart:
            raise click.UsageError("name a chapter, for instance: scratchnn tutorial 50")
        _list(out)
        return 0
    chosen = chapter(which)
    if notebook:
        write_notebook(chosen, notebook)
        out.print(f"chapter {chosen.number}, run, as a notebook: {notebook}", soft_wrap=True)
    if html:
        write_page(chosen, html)
        out.print(f"chapter {chosen.number}, run, as a page: {html}", soft_wrap=True)
    if notebook or html:
        return 0
    if sys.stdin.isatty() and sys.stdout.isatty():
        return _read(out, chosen, restart)
    return _through(out, chosen)


def _list(out):
    listing = table("chapter", "title", ">cells", "")
    for one in chapters():
        listing.add_row(one.number, one.title, str(len(one.cells)), progress(one).words)
    out.print(listing)
    out.print("\nscratchnn tutorial NUMBER reads one, cell by cell", style="dim")


def _through(out, chosen):
    session = Session(chosen)
    for cell in chosen.cells:
        _show(out, cell)
        if not _run(session, cell):
            return 1
    return 0


def _read(out, chosen, restart):
    """Go through a chapter with the reader; what was read before is run again, unseen, for its names."""
    session, cells = Session(chosen), chosen.cells
    seen = 0 if restart or progress(chosen).seen >= len(cells) else progress(chosen).seen
    if seen:
        out.print(f"going on at cell {seen + 1} of {len(cells)}; --restart begins again", style="dim")
        for cell in cells[:seen]:
            session.record(cell)
    for number in range(seen, len(cells)):
        cell = cells[number]
        _show(out, cell)
        if cell.kind == "code" and not _asks(out, number, len(cells), "runs it"):
            return _leave(out, chosen, number)
        if not _run(session, cell):
            remember(chosen, number)
            return 1
        remember(chosen, number + 1)
        waits = cell.kind == "markdown" and number + 1 < len(cells)
        if waits and not _asks(out, number, len(cells), "goes on"):
            return _leave(out, chosen, number + 1)
    out.print(Rule(f"chapter {chosen.number} is done", style="dim"))
    return 0


def _asks(out, number, total, what):
    """Wait for a key; False: the reader leaves."""
    out.print(f"[{number + 1}/{total}] Enter {what}, q leaves", style="dim", end=" ", markup=False)
    try:
        while (key := click.getchar()) not in (*NEXT, *LEAVE):
            pass
    except (EOFError, KeyboardInterrupt):
        key = "q"
    out.print()
    return key in NEXT


def _leave(out, chosen, seen):
    remember(chosen, seen)
    out.print(f"scratchnn tutorial {chosen.number} goes on here", style="dim")
    return 0


def _show(out, cell):
    if cell.kind == "code":
        out.print(Syntax(cell.text, "python", theme="ansi_dark", background_color="default", word_wrap=True))
        return
    text = replace_math(
        cell.text, lambda latex: f"`{plain(latex)}`", lambda latex: f"\n```text\n{plain(latex)}\n```\n"
    )
    out.print(Markdown(text, code_theme="ansi_dark"))
    out.print()


def _run(session, cell):
    """Run a cell; a failure is shown with the lines of the chapter."""
    try:
        session.run(cell)
    except BrokenPipeError:  # nobody reads any more: not a fault of the chapter
        raise
    except Exception as error:
        sys.stdout.flush()
        shown = traceback.format_exception(error.with_traceback(error.__traceback__.tb_next.tb_next))
        console(error=True).print(Text("".join(shown).rstrip()), soft_wrap=True)
        return False
    sys.stdout.flush()
    return True
