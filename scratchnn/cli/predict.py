"""``scratchnn predict``: the answer, and where the model looked."""

import json
import sys

import click
import numpy as np
from rich.cells import cell_len, set_cell_size
from rich.text import Text

from scratchnn import runs
from scratchnn.data.vocabulary import MARKS

from .common import any_backend_option, console, percent, quiet_option

BARS = " ▁▂▃▄▅▆▇█"
PLAIN_BARS = " .:-=+*%#"  # the same eight steps where the terminal has no Unicode
HIGH = 0.6  # of the largest weight: from here on a token is shown in reverse

EXAMPLES = """\b
Examples:
  scratchnn predict runs/first Kowalski
  scratchnn predict runs/first Kowalski "O'Brien" --top 5
  scratchnn predict runs/digits --example 12
"""


@click.command("predict", epilog=EXAMPLES)
@click.argument("run", type=click.Path())
@click.argument("texts", nargs=-1)
@click.option("--example", type=click.IntRange(min=0), help="An example of the run's test part, from 0.")
@click.option("--data", type=click.Path(), help="Where your own data lies now, for --example, if it has moved.")
@click.option("--top", type=click.IntRange(min=1), default=3, show_default=True, help="How many classes to show.")
@any_backend_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@quiet_option
def command(run, texts, example, data, top, backend, as_json, quiet):
    """Classify TEXTS with RUN: probabilities, and the attention drawn over the characters or words."""
    answers = runs.predict(run, texts, example=example, data=data, backend=backend)
    if as_json:
        click.echo(json.dumps([_as_dict(answer) for answer in answers], indent=2))
        return
    out = console()
    if quiet:
        for answer in answers:
            out.print(Text(answer.classes[int(answer.probabilities.argmax())]))
        return
    for number, answer in enumerate(answers):
        if number:
            out.print()
        _show(out, answer, top)


def _show(out, answer, top):
    if answer.alpha is not None:
        out.print(_attention(answer, out.width), soft_wrap=True)
    else:
        out.print(Text(_joined([_shown(token) for token in answer.tokens])))
    if answer.unknown:
        listed = " ".join(sorted({_quoted(token) for token in answer.unknown}))
        out.print(Text(f"  never seen in training: {listed}", style="yellow"))
    widest = max(cell_len(name) for name in answer.classes)
    for c in np.argsort(-answer.probabilities)[:top]:
        share = float(answer.probabilities[c])
        bar = _bars()[-1] * round(24 * share)
        out.print(Text(f"  {set_cell_size(answer.classes[c], widest)}  {percent(share):>7}  {bar}"))
    if answer.truth is not None:
        out.print(Text(f"  truth: {answer.truth}"))


def _attention(answer, width):
    """Draw the tokens with their weight below, in as many lines as the width needs; readable without colour."""
    bars = _bars()
    tokens = [_shown(token) for token in answer.tokens]
    wide = any(len(token) > 1 for token in answer.tokens)
    relative = answer.alpha / max(float(answer.alpha.max()), 1e-12)
    cells = []
    for token, share, height in zip(tokens, answer.alpha, relative, strict=True):
        below = f"{100 * share:.0f}" if wide else bars[max(1, round(float(height) * 8))]
        size = max(cell_len(token), len(below)) + (1 if wide else 0)
        cells.append((set_cell_size(token, size), below.ljust(size), "bold reverse" if height > HIGH else ""))
    lines, row, used = [], [], 0
    for cell in cells:
        if row and used + len(cell[1]) > width:
            lines += _two_lines(row)
            row, used = [], 0
        row.append(cell)
        used += len(cell[1])
    lines += _two_lines(row)
    peak = int(answer.alpha.argmax())
    note = f"  looked most at {_quoted(answer.tokens[peak])} ({percent(float(answer.alpha[peak]))})"
    return Text("\n").join([*lines, Text(note + (", weights in %" if wide else ""), style="dim")])


def _two_lines(row):
    upper, lower = Text(), Text()
    for token, below, style in row:
        word = token.rstrip() or token
        upper.append(word, style=style)
        upper.append(token[len(word) :])
        lower.append(below)
    return [upper, lower]


def _shown(token):
    """Give a token as it can be shown: no control characters, and marks also where there is no Unicode."""
    if token in MARKS and _bars() is PLAIN_BARS:
        return "<>"[MARKS.index(token)]
    return "".join(character if character.isprintable() else "·" for character in token)


def _quoted(token):
    if token == MARKS[0] or token == MARKS[1]:
        return "the begin mark" if token == MARKS[0] else "the end mark"
    return token if token.startswith("step ") else repr(token)


def _bars():
    try:
        BARS.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return PLAIN_BARS
    return BARS


def _joined(tokens):
    return ("" if all(len(token) == 1 for token in tokens) else " ").join(tokens)


def _as_dict(answer):
    order = np.argsort(-answer.probabilities)
    return {
        "tokens": list(answer.tokens),
        "unknown": list(answer.unknown),
        "probabilities": {answer.classes[c]: float(answer.probabilities[c]) for c in order},
        "attention": None if answer.alpha is None else [float(a) for a in answer.alpha],
        "truth": answer.truth,
    }
