"""``scratchnn predict``: the answer, and where the model looked."""

import json

import click
import numpy as np
from rich.text import Text

from scratchnn import runs

from .common import backend_option, console, percent

BARS = " ▁▂▃▄▅▆▇█"
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
@click.option("--top", type=click.IntRange(min=1), default=3, show_default=True, help="How many classes to show.")
@backend_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(run, texts, example, top, backend, as_json):
    """Classify TEXTS with RUN: probabilities, and the attention drawn over the characters or words."""
    answers = runs.predict(run, texts, example=example, backend=backend)
    if as_json:
        click.echo(json.dumps([_as_dict(answer) for answer in answers], indent=2, ensure_ascii=False))
        return
    out = console()
    for number, answer in enumerate(answers):
        if number:
            out.print()
        _show(out, answer, top)


def _show(out, answer, top):
    if answer.alpha is not None:
        out.print(_attention(answer), soft_wrap=False)
    else:
        out.print(Text(_joined(answer.tokens)))
    if answer.unknown:
        listed = " ".join(sorted(set(answer.unknown)))
        out.print(Text(f"  never seen in training: {listed}", style="yellow"))
    widest = max(len(name) for name in answer.classes)
    for c in np.argsort(-answer.probabilities)[:top]:
        share = float(answer.probabilities[c])
        bar = "█" * round(24 * share)
        out.print(Text(f"  {answer.classes[c]:<{widest}}  {percent(share):>7}  {bar}"))
    if answer.truth is not None:
        out.print(Text(f"  truth: {answer.truth}"))


def _attention(answer):
    """Draw the tokens with a bar of their weight below; the bars survive without colour."""
    alpha = answer.alpha / max(float(answer.alpha.max()), 1e-12)
    upper, lower = Text(), Text()
    wide = any(len(token) > 1 for token in answer.tokens)
    for token, weight, share in zip(answer.tokens, alpha, answer.alpha, strict=True):
        bar = BARS[max(1, round(float(weight) * 8))]
        shade = "bold reverse" if weight > 0.6 else ""
        cell = max(len(token), 3) if wide else 1
        upper.append(f"{token:^{cell}}", style=shade)
        lower.append((f"{100 * share:.0f}" if wide else bar).center(cell))
        if wide:
            upper.append(" ")
            lower.append(" ")
    if wide:
        return Text("\n").join([upper, lower])
    peak = int(answer.alpha.argmax())
    note = f"   looked most at {answer.tokens[peak]!r} ({percent(float(answer.alpha[peak]))})"
    return Text("\n").join([upper, lower + Text(note, style="dim")])


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
