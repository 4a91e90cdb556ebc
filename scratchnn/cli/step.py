"""``scratchnn step``: walk through a run, forward and backward, one equation at a time."""

import os
import sys
from pathlib import Path

import click

from scratchnn import trace
from scratchnn.errors import InputError
from scratchnn.trace import terminal
from scratchnn.trace.telling import telling

from .common import say

OPS = ("lstm", "gru", "rnn", "attention", "model")
EXAMPLES = """\b
Examples:
  scratchnn step lstm                              arrow keys walk; ? shows all keys
  scratchnn step gru --T 4 --seed 7 --text         everything as text
  scratchnn step lstm --plant lstm-dc-next-dropped
  scratchnn step my_lstm.py --html my_lstm.html
"""
CHECKS = {"auto": None, "all": True, "none": False}
size = click.IntRange(1, 512)


@click.command("step", epilog=EXAMPLES)
@click.argument("what", required=False, metavar="[OP|FILE]")
@click.option("--T", "T", type=size, help="Time steps.")
@click.option("--B", "B", type=size, help="Sequences in a batch.")
@click.option("--D", "D", type=size, help="Input features of one step.")
@click.option("--H", "H", type=size, help="Hidden units.")
@click.option("--seed", type=click.IntRange(min=0), help="Of weights and inputs.")
@click.option("--plant", metavar="BUG-ID", help="Plant a known mistake (ids: scratchnn check --catalogue --list).")
@click.option("--op", type=click.Choice(OPS[:-1]), help="What a FILE is, where it does not say so itself.")
@click.option(
    "--checks",
    type=click.Choice(("auto", "all", "none")),
    default="auto",
    help="Check every number at once: always, never, or where it takes seconds (auto, the default).",
)
@click.option("--json", "json_path", type=click.Path(dir_okay=False), help="Write the trace; .gz compresses.")
@click.option("--html", "html_path", type=click.Path(dir_okay=False), help="Write it as one page for a browser.")
@click.option("--from-json", type=click.Path(dir_okay=False), help="Walk through a trace that was written before.")
@click.option("--text", is_flag=True, help="Print the whole trace; so it is where there is no terminal.")
def command(what, T, B, D, H, seed, plant, op, checks, json_path, html_path, from_json, text):
    """Walk through a run: every equation with its numbers, where they come from, and an independent check.

    OP is lstm, gru, rnn, attention or model (embedding, LSTM, attention, linear, loss); FILE is a file of your own
    with an op's functions, as for `scratchnn check`.
    """
    options = {"T": T, "B": B, "D": D, "H": H, "seed": seed, "op": op, "checks": CHECKS[checks]}
    options = {name: value for name, value in options.items() if value is not None}
    if from_json is not None:
        if what is not None or options or plant:
            raise InputError("step: --from-json is given, expected no OP, sizes or other settings beside it")
        recorder = Recorder.of(trace.Trace.load(from_json))
    else:
        recorder = Recorder(_expect(what), options)
    story = recorder.story(plant)
    _write(story, recorder, json_path, html_path)
    if text or not (json_path or html_path or _has_terminal()):
        for line in terminal.whole(story):
            click.echo(line)
    elif not (json_path or html_path):
        terminal.walk(story, recorder)


class Recorder:
    """Records the same run again, with another bug or with none.

    Parameters
    ----------
    what : str
        An op or a file.
    options : dict
        Sizes and seed.
    kept : Trace, optional
        A recorded one, which is shown as it is.
    """

    def __init__(self, what, options, kept=None):
        self.what, self.options = what, options
        self.right = kept or None
        self.kept = kept

    @classmethod
    def of(cls, kept):
        """Stand for a trace from a file.

        Parameters
        ----------
        kept : Trace

        Returns
        -------
        Recorder
        """
        return cls(kept.op, {}, kept)

    def story(self, plant):
        """Record the run.

        Parameters
        ----------
        plant : str or None
            Id of a bug.

        Returns
        -------
        Story
        """
        if self.right is None:
            self.right = trace.record(self.what, **self.options)
        wrong = self._wrong(plant) if plant else None
        mine = self.what if self.what.endswith(".py") else None
        lines = Path(mine).read_text(encoding="utf-8", errors="replace").splitlines() if mine else ()
        return terminal.Story(wrong or self.right, self.right if wrong else None, mine and Path(mine).name, lines)

    def wrongs(self, planted):
        """Record the run again with mistakes to show beside it.

        Parameters
        ----------
        planted : Trace or None
            One that is there already, which comes first.

        Returns
        -------
        list of Trace
        """
        again = telling(self.right) if self.kept is None and self.what in OPS else ()
        first = [planted] if planted else []
        return first + [self._wrong(bug) for bug in again if not planted or bug != planted.planted["id"]]

    def _wrong(self, bug):
        return trace.record(self.what, **self.options, plant=bug)

    def bugs(self):
        """List what can be planted.

        Returns
        -------
        list of (str, str)
            Id and title; empty for a file and for a kept trace.
        """
        if self.kept is not None or self.what not in OPS:
            return []
        from scratchnn.check import catalogue

        rooms = [self.what] if self.what != "model" else ["lstm", "attention"]
        return [(bug.id, bug.title) for room in rooms for bug in catalogue.bugs(room) if bug.kind == "gradient"]


def _expect(what):
    if what is None:
        raise InputError(f"step: nothing to walk through, expected one of {', '.join(OPS)} or a file.py")
    if what in OPS:
        return what
    if not what.endswith(".py"):
        raise InputError(f"step: {what} is no op, expected one of {', '.join(OPS)} or a file.py")
    if not Path(what).is_file():
        raise InputError(f"step: {what} is {'a folder' if Path(what).is_dir() else 'not there'}, expected a file")
    return what


def _write(story, recorder, json_path, html_path):
    if json_path:
        story.trace.save(json_path)
        say(f"trace: {json_path}")
    if html_path:
        (story.right or story).trace.html(html_path, recorder.wrongs(story.trace if story.right else None))
        say(f"page: {html_path}")


def _has_terminal():
    return sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty() and bool(os.environ.get("TERM", "x"))
