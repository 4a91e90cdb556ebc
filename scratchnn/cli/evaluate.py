"""``scratchnn evaluate``: a run measured again on its test part."""

import json

import click
from rich.text import Text

from scratchnn import runs

from . import language
from .common import any_backend_option, console, percent, quiet_option, table


@click.command(
    "evaluate", epilog="\b\nExamples:\n  scratchnn evaluate runs/first\n  scratchnn evaluate runs/first --json"
)
@click.argument("run", type=click.Path())
@click.option("--data", type=click.Path(), help="Where your own data lies now, if it has moved.")
@any_backend_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@quiet_option
def command(run, data, backend, as_json, quiet):
    """Measure RUN on the test part of its data: accuracy, precision, recall and F1 of every class.

    A language model: nats and bits per character and perplexity on the held-out end of its text.
    """
    if runs.is_language(run):
        language.evaluate(run, data, backend, as_json, quiet)
        return
    measured = runs.evaluate(run, data=data, backend=backend)
    report, dataset = measured.report, measured.prepared.dataset
    if as_json:
        named = {name: row for name, row in zip(dataset.classes, report["classes"], strict=True)}
        click.echo(json.dumps(report | {"classes": named}, indent=2))
        return
    listing = table("class", ">precision", ">recall", ">F1", ">examples")
    for name, row in zip(dataset.classes, report["classes"], strict=True):
        listing.add_row(
            Text(name), *(percent(row[key]) for key in ("precision", "recall", "f1")), str(row["support"])
        )
    macro = report["macro"]
    total = sum(row["support"] for row in report["classes"])
    listing.add_row(
        "[bold]mean of the classes[/]", *(percent(macro[k]) for k in ("precision", "recall", "f1")), str(total)
    )
    if not quiet:
        console().print(listing)
    console().print(f"accuracy [bold]{percent(report['accuracy'])}[/] of {total:,} test examples")
