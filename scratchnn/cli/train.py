"""``scratchnn train``: the main job."""

import math
from pathlib import Path

import click
from rich.text import Text

from scratchnn import runs

from .common import backend_option, console, percent, quiet_option, seed_option, table

LN2 = math.log(2)
ARTICLE_FIXED = ("pooling", "patience", "members", "embedding_size", "unit")
EXAMPLES = """\b
Examples:
  scratchnn train                                  surnames -> language (22 languages)
  scratchnn train --best                           the most accurate configuration recorded
  scratchnn train digits --cell gru --epochs 10
  scratchnn train article                          the article's program: random labels
  scratchnn train --data my.tsv                    your own: one `label TAB text` a line
  scratchnn train --data my.npz --out runs/mine    your own series of numbers
"""


@click.command("train", epilog=EXAMPLES)
@click.argument("task", required=False)
@click.option("--data", "path", type=click.Path(), help="Your own data: label TAB text lines, or a .npz of series.")
@click.option("--best", is_flag=True, help="The most accurate configuration recorded for the task (slower).")
@click.option("--cell", type=click.Choice(["lstm", "gru", "rnn"]), help="Recurrent cell.")
@click.option("--hidden", "hidden_size", type=int, help="Hidden units H.")
@click.option("--layers", "num_layers", type=int, help="Stacked layers.")
@click.option("--embedding", "embedding_size", type=int, help="Width of the embedding.")
@click.option("--bidirectional/--one-way", default=None, help="Read in both directions, or forward only.")
@click.option(
    "--pooling",
    type=click.Choice(["attention", "last", "mean", "self_attention"]),
    help="From states to one vector.",
)
@click.option("--score", type=click.Choice(["additive", "dot", "scaled_dot", "general"]), help="Attention score.")
@click.option("--dropout", type=float, help="Share of states dropped while training.")
@click.option("--epochs", type=int, help="Passes through the training part.")
@click.option("--batch-size", type=int, help="Sequences in a step.")
@click.option("--lr", "learning_rate", type=float, help="Learning rate.")
@click.option("--patience", type=int, help="Stop after so many epochs without improvement (0: never).")
@click.option("--members", type=int, help="Models trained from different starts that answer together.")
@click.option("--unit", type=click.Choice(["auto", "characters", "words"]), help="What a text is cut into.")
@click.option("--threads", type=int, help="Threads of the matrix products (default 1: the products are small).")
@seed_option
@backend_option
@click.option("--out", type=click.Path(), help="Run folder to make (default: runs/TASK-DATE-TIME).")
@quiet_option
def command(task, path, best, out, quiet, **changes):
    """Train TASK: surnames (default), sentiment, vowels, digits, article, or your own data with --data."""
    if path is not None and task not in (None, "own"):
        raise click.UsageError(f"--data is your own data, it does not go with the task {task!r}")
    task = "own" if path is not None else (task or "surnames")
    settings = runs.recipe(task, best=best).changed(data=path and str(Path(path).resolve()), **changes)
    if task == "article":
        _refuse(changes, ARTICLE_FIXED, "the article's program trains both its models, and never stops early")
        return _article(settings, out, quiet)
    prepared = runs.load_dataset(settings)
    if prepared.kind != "text":
        _refuse(changes, ("embedding_size", "unit"), f"{prepared.name} holds series of numbers, not texts")
    if settings.fit_on != "train":
        _refuse(changes, ("patience",), "--best learns from the validation part too, so nothing says when to stop")
    if not quiet:
        parts = ", ".join(f"{len(index):,} {part}" for part, index in prepared.split.items())
        console().print(Text(f"{prepared.name}: {len(prepared.classes)} classes; {parts}"))
        console().print(f"{runs.describe(settings)}; seed {settings.seed}", style="dim")
    result = runs.train(settings, out, dataset=prepared, progress=not quiet)
    _report(result, quiet)
    return 130 if result.results["interrupted"] else 0


def _refuse(changes, names, reason):
    """Raise a usage error for options that were given but would do nothing."""
    for name in names:
        if changes.get(name) is not None:
            raise click.UsageError(f"{name.replace('_', '-')} has no meaning here: {reason}")


def _report(result, quiet):
    out, results = console(), result.results
    if results["interrupted"]:
        kept = (
            "the best weights so far" if results["epochs_run"] else "the weights as they were: no epoch was finished"
        )
        out.print(f"stopped by Ctrl-C: what follows is measured with {kept}")
    listing = table("on the test part", ">accuracy")
    for name, accuracy in results["baselines"]:
        listing.add_row(Text(name), percent(accuracy))
    listing.add_row("[bold]this run[/]", f"[bold]{percent(results['test_accuracy'])}[/]")
    out.print(listing)
    if results["not_measured"]:
        out.print(Text(f"  {results['not_measured']}"), soft_wrap=True)
    if not quiet:
        best = f", best epoch {results['best_epoch']}" if results["best_epoch"] else ""
        epochs = "1 epoch" if results["epochs_run"] == 1 else f"{results['epochs_run']} epochs"
        out.print(
            f"{epochs} in {results['seconds']:.0f} s{best}; "
            f"{results['parameters']:,} parameters; macro F1 {results['macro_f1']:.3f}"
        )
    _name_folder(out, result.folder)


def _name_folder(out, folder):
    files = ", ".join(sorted(p.name for p in folder.path.iterdir() if p.suffix == ".png"))
    out.print(Text(f"run folder: {folder.path}"), soft_wrap=True)
    out.print(Text(f"  pictures: {files}"), soft_wrap=True)


def _article(settings, out, quiet):
    folder, results = runs.train_article(settings, out, progress=not quiet)
    listing = table("the article's program", "", ">loss before", ">loss after", ">accuracy after")
    for model, record in results.items():
        for part in ("train", "test"):
            before, after = record["before"][part], record["after"][part]
            listing.add_row(
                model if part == "train" else "", part,
                f"{before['loss']:.3f}", f"{after['loss']:.3f}", percent(after["accuracy"]),
            )  # fmt: skip
    console().print(listing)
    if not quiet:
        console().print("\n" + _what_it_shows(results))
    _name_folder(console(), folder)
    for name in sorted(path.parent.name for path in folder.path.glob("*/weights.safetensors")):
        console().print(Text(f"  a run to evaluate and to ask: {folder.path / name}"), soft_wrap=True)
    return 130 if any(record["interrupted"] for record in results.values()) else 0


def _what_it_shows(results):
    remembered = all(record["after"]["train"]["loss"] < LN2 for record in results.values())
    rises = all(record["after"]["test"]["loss"] > LN2 for record in results.values())
    told = "The labels are drawn by a coin, so nothing about them can be learnt, only remembered"
    if remembered and rises:
        return (
            f"{told}: with attention or without, the training loss fell below ln 2 = 0.693, the loss of a coin, and "
            "the test loss rose above it. A test accuracy away from 50 % on 10 sequences is luck: change --seed and "
            "it changes."
        )
    return f"{told}. After so few epochs that does not show yet: the article trains for 1000."
