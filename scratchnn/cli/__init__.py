"""The command line: one file per command, opened only when it is called."""

import importlib
import os
import sys

import click

import scratchnn
from scratchnn.errors import InputError

COMMANDS = {
    "train": "Train on real data and leave a run folder.",
    "evaluate": "Measure a run: accuracy, precision, recall, F1.",
    "predict": "Ask a run about a text and see where it looked.",
    "sample": "Let a language model write.",
    "check": "Prove the gradients: two oracles, one table.",
    "step": "Walk through a run, forward and backward, one equation at a time.",
    "gradflow": "Measure how gradients vanish and explode through time.",
    "tutorial": "Read the chapters, cell by cell, or as notebooks and pages.",
    "learn": "Solve exercises in files of your own, judged when you save.",
    "grade": "Grade a class: points, feedback, what is misunderstood.",
    "formula": "Print an op's equations, forward and backward.",
    "data": "Show the data sets: sizes, licences, baselines.",
    "bench": "Time it beside PyTorch and JAX, results compared first.",
    "warmup": "Compile every kernel now.",
    "info": "Tell versions, processor, threads, and which code computes.",
}


class _LazyGroup(click.Group):
    """A group whose commands are imported when named, so that help and completion stay quick."""

    def list_commands(self, context):
        return list(COMMANDS)

    def get_command(self, context, name):
        if name not in COMMANDS:
            return None
        return importlib.import_module(f"scratchnn.cli.{name}").command

    def format_commands(self, context, formatter):
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(scratchnn.__version__, prog_name="scratchnn")
def app():
    """Recurrent networks and attention by hand, every gradient proved.

    \b
    Examples:
      scratchnn train                        surnames -> language, about two minutes
      scratchnn predict runs/NAME Kowalski   probabilities, and where it looked
      scratchnn check all                    every gradient against two oracles
      scratchnn formula lstm                 the equations, forward and backward
    """


def main(arguments=None):
    """Run the command line and exit.

    Parameters
    ----------
    arguments : list of str, optional
        Default: those of the process.
    """
    if sys.stdout is None:  # closed by the caller
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal without Unicode shows ? instead of a traceback
    try:
        status = app.main(args=arguments, prog_name="scratchnn", standalone_mode=False)
        sys.exit(status if isinstance(status, int) else 0)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        _say("stopped")
        sys.exit(130)
    except BrokenPipeError:  # the reader (head, less) has gone: not an error, but nothing more can be said
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except MemoryError as error:
        _say(f"not enough memory ({error}); choose smaller sizes")
        sys.exit(2)
    except InputError as error:
        _say(error)
        sys.exit(2)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _say(f"{where}{error.strerror or error}")
        sys.exit(2)


def _say(sentence):
    print(f"scratchnn: {sentence}", file=sys.stderr)
