"""``scratchnn train``: the main job."""

import math
from pathlib import Path

import click
from rich.text import Text

from scratchnn import runs

from . import language
from .common import any_backend_option, console, percent, quiet_option, say, seed_option, stop_status, table

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
  scratchnn train --resume runs/mine               go on with a run that was stopped or killed
  scratchnn train chars                            a language model: Shakespeare, character by character
  scratchnn train chars --data my.txt              a language model of your own text
"""


@click.command("train", epilog=EXAMPLES)
@click.argument("task", required=False)
@click.option(
    "--data",
    "path",
    type=click.Path(),
    help="Your own data: label TAB text lines, a .npz of series, a text for chars.",
)
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
@click.option("--steps", type=int, help="Characters in a chunk of a language model: what one backward pass reaches.")
@click.option("--lr", "learning_rate", type=float, help="Learning rate.")
@click.option(
    "--optimizer",
    type=click.Choice(["adam", "adamw", "sgd", "adagrad", "rmsprop"]),
    help="What turns gradients into steps.",
)
@click.option("--weight-decay", type=float, help="Pull of the weights towards 0.")
@click.option("--decay-biases/--no-decay-biases", default=None, help="Whether biases are pulled too (default: yes).")
@click.option(
    "--schedule",
    type=click.Choice(["constant", "cosine", "step", "linear", "exponential", "plateau"]),
    help="How the learning rate falls.",
)
@click.option("--clip-value", type=float, help="Clamp each entry of the gradient, instead of clipping its norm.")
@click.option("--accumulate", type=int, help="Batches whose gradients make one step together.")
@click.option("--class-weights", type=click.Choice(["none", "balanced"]), help="Let rare classes count more.")
@click.option("--patience", type=int, help="Stop after so many epochs without improvement (0: never).")
@click.option("--members", type=int, help="Models trained from different starts that answer together.")
@click.option("--unit", type=click.Choice(["auto", "characters", "words"]), help="What a text is cut into.")
@click.option("--threads", type=int, help="Threads of kernels and matrix products (default 1: they are small).")
@seed_option
@any_backend_option
@click.option("--out", type=click.Path(), help="Run folder to make (default: runs/TASK-DATE-TIME).")
@click.option("--resume", "stopped", metavar="RUN", type=click.Path(), help="Go on with a stopped or killed run.")
@click.option(
    "--checkpoint-every",
    default="60s",
    show_default=True,
    metavar="WHEN",
    help="Save after so many seconds (60s) or steps (500); and after every epoch that lasts long enough.",
)
@click.option("--keep-checkpoints", is_flag=True, help="Leave them in the folder of a finished run.")
@quiet_option
def command(task, path, best, out, stopped, checkpoint_every, keep_checkpoints, quiet, **changes):
    """Train TASK: surnames (default), sentiment, vowels, digits, chars, article, or your own data with --data."""
    saving = runs.Saving(checkpoint_every, keep_checkpoints, say=say)
    if stopped is not None:
        _refuse_with_resume({"TASK": task, "--best": best or None, "--out": out}, changes)
        return _resume(stopped, path, changes["backend"], changes["threads"], saving, quiet)
    if path is not None and task not in (None, "own", "chars"):
        raise click.UsageError(f"--data is your own data, it does not go with the task {task!r}")
    task = task or ("surnames" if path is None else "own")
    settings = runs.recipe(task, best=best).changed(data=path and str(Path(path).resolve()), **changes)
    if task == "article":
        _refuse(changes, ARTICLE_FIXED, "the article's program trains both its models, and never stops early")
        return _article(*runs.train_article(settings, out, progress=not quiet, saving=saving), quiet)
    if task == "chars":
        language.refuse(changes)
        return language.train(settings, out, quiet, saving=saving)
    _refuse(changes, ("steps",), "only a language model reads in chunks")
    prepared = runs.load_dataset(settings)
    if prepared.kind != "text":
        _refuse(changes, ("embedding_size", "unit"), f"{prepared.name} holds series of numbers, not texts")
    if settings.fit_on != "train":
        _refuse(changes, ("patience",), "--best learns from the validation part too, so nothing says when to stop")
    if not quiet:
        parts = ", ".join(f"{len(index):,} {part}" for part, index in prepared.split.items())
        console().print(Text(f"{prepared.name}: {len(prepared.classes)} classes; {parts}"))
        console().print(f"{runs.describe(settings)}; seed {settings.seed}", style="dim")
    result = runs.train(settings, out, dataset=prepared, progress=not quiet, saving=saving)
    _report(result, quiet)
    return stop_status(result.results)


def _resume(stopped, path, backend, threads, saving, quiet):
    """Go on with a run; a finished one is no error, so that a script may ask for it again and again."""
    common = {"progress": not quiet, "saving": saving}
    changed = {"data": path, "backend": backend, "threads": threads}
    try:
        if runs.is_article(stopped):
            _refuse_with_resume({}, changed, free=())
            return _article(*runs.resume_article(stopped, **common), quiet)
        if runs.is_language(stopped):
            return language.report(runs.resume_language(stopped, **changed, **common), quiet)
        result = runs.resume(stopped, **changed, **common)
    except runs.RunFinished as finished:
        console().print(Text(f"{finished}; `scratchnn evaluate {stopped}` measures it"), soft_wrap=True)
        return 0
    _report(result, quiet)
    return stop_status(result.results)


def _refuse_with_resume(given, changes, free=("--backend", "--threads")):
    given |= {f"--{name.replace('_', '-')}": value for name, value in changes.items()}
    for name, value in given.items():
        if value is not None and name not in free:
            raise click.UsageError(f"{name} does not go with --resume: a run goes on with the settings it began with")


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
        by = "Ctrl-C" if results["interrupted_by"] != "SIGTERM" else "SIGTERM"
        out.print(f"stopped by {by}: what follows is measured with {kept}")
        if any(result.folder.path.glob("checkpoints/*/*.safetensors")):
            out.print(Text(f"{runs.go_on(result.folder.path)}"), soft_wrap=True)
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


def _article(folder, results, quiet):
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
    stopped = [record for record in results.values() if record["interrupted"]]
    if stopped:
        console().print(Text(runs.go_on(folder.path)), soft_wrap=True)
    return stop_status(stopped[0]) if stopped else 0


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
