"""A verdict and a list of exercises, as lines for a person: (style, text)."""

from rich.console import Console
from rich.text import Text

from .folder import Folder
from .kinds.base import Exercise
from .shelf import exercises
from .verdict import BROKEN, REFUSED, RIGHT, STEPS, UNFINISHED, WRONG, Verdict

SIGNS = {RIGHT: "✓", WRONG: "✗", UNFINISHED: "…", REFUSED: "✗", BROKEN: "✗"}
STYLES = {RIGHT: "bold green", WRONG: "bold red", UNFINISHED: "bold yellow", REFUSED: "bold red", BROKEN: "bold red"}
PRINTED = 5  # lines of what the file printed
SHORTEST = 3  # 1: the task in short, 2: few numbers, 3: the last hints only
FEW = 2
Styled = list[tuple[str, str]]


def verdict_lines(verdict: Verdict, step: int, more: str, shorter: int = 0) -> Styled:
    """Write a verdict with its hints up to a step.

    Parameters
    ----------
    verdict : Verdict
    step : int
    more : str
        How to get the next hint: "h" or "--hint".
    shorter : int
        How much is left out, up to ``SHORTEST``.

    Returns
    -------
    list of (str, str)
        Style and text of each line.
    """
    lines = [(STYLES[verdict.status], f"{SIGNS[verdict.status]} {verdict.headline}")]
    shown = verdict.up_to(step)
    for name, hints in shown[-FEW:] if shorter >= SHORTEST else shown:
        if name != STEPS[1]:
            lines.append(("cyan", f"  {name}"))
        hints = [line for line in hints if line != verdict.headline]
        if name == STEPS[1] and shorter >= 2 and len(hints) > FEW + 1:
            hints = [*hints[:FEW], f"and {len(hints) - FEW} more"]
        lines += [("", f"    {line}") for line in hints]
    further = [one for one in verdict.steps if one > step]
    if further and not verdict.passed:
        lines.append(("dim", f"  {more} tells more: {STEPS[further[0]]}"))
    if verdict.printed.strip():
        printed = verdict.printed.strip().splitlines()
        lines += [("cyan", "  your file printed"), *(("", f"    {line}") for line in printed[:PRINTED])]
        if len(printed) > PRINTED:
            lines.append(("dim", f"    and {len(printed) - PRINTED} more lines"))
    return lines


def listing(folder: Folder) -> Styled:
    """List the exercises with how far each is.

    Parameters
    ----------
    folder : Folder

    Returns
    -------
    list of (str, str)
    """
    here, every = folder.current(), exercises()
    lines = []
    for one in every:
        words = folder.progress.of(one.id).words
        sign = ">" if one is here else " "
        style = "bold" if one is here else ("green" if words.startswith("done") else "")
        lines.append((style, f"{sign} {one.id:<13} {words:<15} {one.title}"))
    done = sum(folder.progress.of(one.id).done for one in every)
    lines.append(("dim", f"  {done} of {len(every)} done"))
    return lines


def heading(folder: Folder, one: Exercise, shorter: int = 0) -> Styled:
    """Say which exercise is open, what is to be done, and where.

    Parameters
    ----------
    folder : Folder
    one : Exercise
    shorter : int
        From 1 on: without how it is done.

    Returns
    -------
    list of (str, str)
    """
    every = exercises()
    number = every.index(one) + 1
    words = folder.progress.of(one.id).words
    return [
        ("bold", f"{number} of {len(every)}  {one.title}" + (f"  ({words})" if words else "")),
        *([] if shorter else [("", f"{one.kind}, to chapter {one.chapter}: {one.how}")]),
        ("bold cyan", f"open {folder.file(one)} in your editor; the task stands at its top"),
    ]


def rows_of(text: str, width: int) -> int:
    """Count the rows that a line takes where it is wrapped at words, behind its indent.

    Parameters
    ----------
    text : str
    width : int
        Of the terminal.

    Returns
    -------
    int
    """
    words = text.lstrip()
    room = max(width - len(text) + len(words), 1)
    return max(1, len(Text(words).wrap(Console(width=room), room)))
