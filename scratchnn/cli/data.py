"""``scratchnn data``: what comes with the package."""

import click
import numpy as np
from rich.text import Text

from scratchnn import data

from .common import console, percent, table


@click.command("data", epilog="\b\nExamples:\n  scratchnn data\n  scratchnn data surnames")
@click.argument("name", type=click.Choice([*data.CARDS, *data.TEXT_CARDS]), required=False, metavar="[NAME]")
def command(name):
    """List the embedded data sets, or show one: origin, licence, classes, split, baselines, examples."""
    out = console()
    if name is None:
        listing = table("name", "what", ">examples", ">classes", "licence", ">best baseline")
        for card in data.CARDS.values():
            best = max(card.baselines, key=lambda baseline: baseline.accuracy)
            listing.add_row(
                card.name, card.title, f"{card.examples:,}", str(card.classes), card.licence, percent(best.accuracy),
            )  # fmt: skip
        out.print(listing)
        out.print("\nAccuracy on each set's fixed test part; `scratchnn data NAME` says how it was measured.\n")
        listing = table("name", "what", ">characters", ">symbols", "licence", ">best baseline")
        for card in data.TEXT_CARDS.values():
            best = min(card.baselines, key=lambda baseline: baseline.nats)
            listing.add_row(
                card.name, card.title, f"{card.characters:,}", str(card.symbols), card.licence, f"{best.nats:.3f}",
            )  # fmt: skip
        out.print(listing)
        out.print("\nNats per character on the held-out end of the text.")
        return
    if name in data.TEXT_CARDS:
        _text(out, data.TEXT_CARDS[name], data.load_text(name))
        return
    card, dataset = data.CARDS[name], data.load(name)
    _origin(out, card)
    listing = table("class", *(f">{part}" for part in dataset.split))
    for c, label in enumerate(dataset.classes):
        counts = [str(int((dataset.targets[index] == c).sum())) for index in dataset.split.values()]
        listing.add_row(Text(label), *counts)
    listing.add_row("[bold]all[/]", *(f"[bold]{len(index)}[/]" for index in dataset.split.values()))
    out.print()
    out.print(listing)
    out.print()
    listing = table("baseline on the test part", ">accuracy", "how it was measured")
    for baseline in card.baselines:
        listing.add_row(baseline.method, percent(baseline.accuracy), baseline.how)
    out.print(listing)
    if dataset.kind == "text":
        out.print("\nexamples of the training part")
        for k in np.random.default_rng(0).choice(dataset.split["train"], 5, replace=False):
            out.print(Text(f"  {dataset.classes[dataset.targets[k]]}: {dataset.inputs[k]}"), soft_wrap=True)


def _origin(out, card):
    out.print(Text(card.title, style="bold"))
    for label, value in (
        ("task", card.task), ("source", card.source), ("version", card.version), ("licence", card.licence),
        ("citation", card.citation),
    ):  # fmt: skip
        out.print(Text(f"  {label:<9} {value}"), soft_wrap=True)


def _text(out, card, text):
    _origin(out, card)
    out.print(f"\n{text.start:,} characters to learn from, the last {len(text.text) - text.start:,} held out\n")
    listing = table("baseline on the held-out end", ">nats/character", "how it was measured")
    for baseline in card.baselines:
        listing.add_row(baseline.method, f"{baseline.nats:.3f}", baseline.how)
    out.print(listing)
    out.print("\nthe beginning")
    out.print(Text(text.text[:300]), soft_wrap=True)
