"""``scratchnn sample``: a language model writes."""

import click

from scratchnn import runs

from .common import backend_option
from .language import printable

EXAMPLES = """\b
Examples:
  scratchnn sample runs/chars
  scratchnn sample runs/chars --prefix "ROMEO:" --length 1000
  scratchnn sample runs/chars --temperature 0.4 --seed 3
  scratchnn sample runs/chars --temperature 0     always the likeliest character
"""


@click.command("sample", epilog=EXAMPLES)
@click.argument("run", type=click.Path())
@click.option("--length", type=int, default=500, show_default=True, help="Characters to write.")
@click.option(
    "--temperature", type=float, default=0.8, show_default=True,
    help="Below 1 the likely becomes likelier, above 1 all becomes more alike; 0: always the likeliest.",
)  # fmt: skip
@click.option("--prefix", default="", help="What the text begins with.")
@click.option("--top-k", type=int, help="Draw from so many of the likeliest characters only.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Same seed, same text.")
@backend_option
def command(run, prefix, **options):
    """Let RUN, trained by `scratchnn train chars`, write: each character drawn from what it says after all before."""
    prefix = prefix.replace("\\n", "\n")
    drawn = runs.sample(run, prefix=prefix, **options)
    click.echo(printable(prefix), nl=False)
    for character in drawn:
        click.echo(printable(character), nl=False)
    click.echo()
