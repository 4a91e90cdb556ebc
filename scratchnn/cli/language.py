"""What ``train`` and ``evaluate`` print about a language model."""

import json
import math

import click
from rich.text import Text

from scratchnn import runs

from .common import console, stop_status, table

FIXED = {
    "bidirectional": "a language model reads forward only: read backwards, the answer would be the input",
    "pooling": "a language model answers at every step",
    "score": "a language model has no attention",
    "unit": "a language model of chars reads characters",
    "patience": "the held-out part measures the result, so it may not say when to stop",
    "members": "one language model is trained",
    "class_weights": "nats per character count every character alike",
}


def refuse(changes):
    """Raise a usage error for an option that was given but has no meaning for a language model.

    Parameters
    ----------
    changes : dict
        Options of ``scratchnn train``, None where not given.
    """
    for name, reason in FIXED.items():
        if changes.get(name) not in (None, False):
            raise click.UsageError(f"{name.replace('_', '-')} has no meaning here: {reason}")


def train(settings, out, quiet, **saving):
    """Train a language model and print what it reached.

    Parameters
    ----------
    settings : runs.Settings
    out : str or None
    quiet : bool
    **saving
        Keywords of ``runs.train_language``.

    Returns
    -------
    int
        Exit code.
    """
    text = runs.load_running_text(settings)
    if not quiet:
        held_out = len(text.text) - text.start
        console().print(Text(f"{text.name}: {text.start:,} characters to learn from, the last {held_out:,} held out"))
        console().print(f"{runs.describe_language(settings)}; seed {settings.seed}", style="dim")
    return report(runs.train_language(settings, out, text=text, progress=not quiet, **saving), quiet)


def report(result, quiet):
    """Print what a training reached.

    Parameters
    ----------
    result : runs.LanguageResult
    quiet : bool

    Returns
    -------
    int
        Exit code.
    """
    out, results = console(), result.results
    if results["interrupted"]:
        by = "Ctrl-C" if results["interrupted_by"] != "SIGTERM" else "SIGTERM"
        out.print(f"stopped by {by}: what follows is measured with the weights as they were then")
        if any(result.folder.path.glob("checkpoints/*/*.safetensors")):
            out.print(Text(runs.go_on(result.folder.path)), soft_wrap=True)
    _compare(out, results["baselines"], results["nats_per_character"])
    if not quiet:
        epochs = "1 epoch" if results["epochs_run"] == 1 else f"{results['epochs_run']} epochs"
        out.print(
            f"{epochs} in {results['seconds']:.0f} s, {results['characters_per_second']:,} characters/s; "
            f"{results['parameters']:,} parameters; {results['held_out_characters']:,} characters predicted"
        )
        out.print("it writes, at temperature 0.8:", style="dim")
        out.print(Text(printable(results["sample"])), soft_wrap=True)
    pictures = ", ".join(sorted(path.name for path in result.folder.path.glob("*.png")))
    out.print(Text(f"run folder: {result.folder.path}"), soft_wrap=True)
    out.print(Text(f"  pictures: {pictures}"), soft_wrap=True)
    return stop_status(results)


def evaluate(run, data, backend, as_json, quiet):
    """Measure a run of a language model and print it.

    Parameters
    ----------
    run : str
    data : str or None
    backend : str or None
    as_json, quiet : bool
    """
    found = runs.evaluate_language(run, data=data, backend=backend)
    measured = found.measured
    if as_json:
        record = {
            "nats_per_character": measured.nats,
            "bits_per_character": measured.bits,
            "perplexity": measured.perplexity,
            "characters": measured.characters,
            "baselines": dict(found.baselines),
        }
        click.echo(json.dumps(record, indent=2))
        return
    out = console()
    if not quiet:
        _compare(out, found.baselines, measured.nats)
    out.print(
        f"[bold]{measured.nats:.3f}[/] nats per character ({measured.bits:.3f} bits, perplexity "
        f"{measured.perplexity:.2f}) on {measured.characters:,} held-out characters",
        soft_wrap=True,
    )


def printable(text):
    """Give a text without control characters other than line ends and tabs.

    Parameters
    ----------
    text : str

    Returns
    -------
    str
    """
    return "".join(c if c.isprintable() or c in "\n\t" else "·" for c in text)


def _compare(out, baselines, nats):
    listing = table("on the held-out end of the text", ">nats/character", ">bits", ">perplexity")
    for name, value in baselines:
        listing.add_row(Text(f"{name}, counted"), *_numbers(value))
    listing.add_row("[bold]this run[/]", *(f"[bold]{number}[/]" for number in _numbers(nats)))
    out.print(listing)


def _numbers(nats):
    return f"{nats:.3f}", f"{nats / math.log(2):.3f}", f"{math.exp(nats):.2f}"
