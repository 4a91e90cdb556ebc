"""``scratchnn formula``: the equation sheets."""

import re

import click
from rich.text import Text

from scratchnn import ops
from scratchnn.notation import CONVENTIONS, SIZES

from .common import console, table


@click.command("formula", epilog="\b\nExamples:\n  scratchnn formula lstm\n  scratchnn formula attention --latex")
@click.argument("op", type=click.Choice(ops.ROOMS), required=False, metavar="[OP]")
@click.option("--latex", is_flag=True, help="Write the equations in LaTeX.")
def command(op, latex):
    """Print the equations of OP: forward, backward, legend, sources. Without OP: the list of sheets."""
    out = console()
    if op is None:
        listing = table("sheet", "what", ">equations")
        for name in ops.ROOMS:
            sheet = getattr(ops, name).equations
            listing.add_row(name, sheet.TITLE, str(len(sheet.FORWARD) + len(sheet.BACKWARD)))
        out.print(listing)
        return
    sheet = getattr(ops, op).equations
    out.print(Text(sheet.TITLE, style="bold"))
    sources = {}
    for heading, equations in _sections(sheet):
        out.print()
        out.print(Text(heading, style="bold"))
        for equation in equations:
            written = equation.latex if latex else equation.text
            undone = "".join(f"({n})" for n in equation.undoes)
            remarks = [f"undoes {undone}"] if undone else []
            remarks += _scores(sheet, equation.number)
            line = Text(f"{f'({equation.number})':>6}  {written}")
            if remarks:
                line.append(" " * max(2, 67 - len(line)) + "; ".join(remarks), style="dim")
            out.print(line, soft_wrap=True)
            sources.setdefault(equation.source, []).append(equation.number)
    out.print()
    legend = table("legend", "shape", "meaning")
    for symbol in sheet.SYMBOLS:
        legend.add_row(*(Text(part) for part in symbol))
    out.print(legend)
    out.print()
    out.print(_sizes(sheet))
    out.print()
    out.print(Text("sources", style="bold"))
    for source, numbers in sources.items():
        out.print(Text(f"  {_spans(numbers)}  {source}"), soft_wrap=True)


def _sections(sheet):
    yield "forward", sheet.FORWARD
    yield "backward", sheet.BACKWARD
    if hasattr(sheet, "ARTICLE"):
        yield "the article's composition", sheet.ARTICLE


def _sizes(sheet):
    """Explain the letters in the shapes, and the rules by which gradients are named."""
    letters = set(re.findall(r"[A-Z]", " ".join(symbol.shape for symbol in sheet.SYMBOLS)))
    listing = table("sizes and names", "meaning")
    for letter in SIZES:
        if letter in letters:
            listing.add_row(letter, SIZES[letter])
    if sheet.BACKWARD:
        for rule, meaning in CONVENTIONS.items():
            listing.add_row(Text(rule), Text(meaning))
    return listing


def _scores(sheet, number):
    """Name the scores that an equation of attention belongs to, unless it serves all of them."""
    scores = getattr(sheet, "SCORES", {})
    owners = [score for score, phases in scores.items() if number in (*phases["forward"], *phases["backward"])]
    return [", ".join(owners)] if 0 < len(owners) < len(scores) else []


def _spans(numbers):
    """Write 1, 2, 3, 5 as (1)-(3), (5)."""
    spans = []
    for number in numbers:
        if spans and spans[-1][1] == number - 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    return ", ".join(f"({first})" if first == last else f"({first})-({last})" for first, last in spans)
