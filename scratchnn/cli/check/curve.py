"""``scratchnn check NAME --curve``: the error of a derivative against its step."""

import json
import re
from typing import Any

import click
import numpy as np

from scratchnn.check import Subject
from scratchnn.check.steps import Steps, error_against_step
from scratchnn.errors import InputError

from ..common import console, table

COLUMNS = {
    "forward": ">forward",
    "central": ">central",
    "richardson": ">Richardson",
    "complex": ">complex step",
}


def show(subject: Subject, array: str | None, seed: int, backend: str | Any, *, file: str, as_json: bool) -> int:
    """Measure, print and draw.

    Parameters
    ----------
    subject : Subject
    array : str, optional
        "W_h" or "W_h[0,3]"; by default the entry that is most wrong, else W_h's.
    seed : int
    backend : str or module
    file : str
        Where to draw; "-": nowhere.
    as_json : bool

    Returns
    -------
    int
        The exit code.
    """
    name, index = _wanted(array)
    found = error_against_step(subject, name, index, seed=seed, backend=backend)
    if file != "-":
        _draw(found, file)
    if as_json:
        click.echo(json.dumps(found.as_dict(), indent=2))
        return 0
    _print(found)
    if file != "-":
        console().print(f"picture: {file}", soft_wrap=True)
    return 0


def _wanted(array):
    if array is None:
        return None, None
    told = re.fullmatch(r"\s*([^\[\]]+?)\s*(?:\[([\d,\s]*)\])?\s*", array)
    if told is None:
        raise InputError(f"--array is {array!r}, expected a name such as W_h, or an entry such as W_h[0,3]")
    if told[2] is None:
        return told[1], None
    return told[1], tuple(int(number) for number in told[2].split(",") if number.strip())


def _print(found: Steps):
    out, curve = console(), found.curve
    out.print(f"[bold]{found.title}[/]", soft_wrap=True)
    kind = "relative to it" if curve.truth else "absolute"
    out.print(f"derivative {curve.truth:.12g} ({curve.oracle}); errors are {kind}")
    methods = {key: head for key, head in COLUMNS.items() if getattr(curve, key) is not None}
    listing = table(">step h", *methods.values(), "")
    decades = [int(np.argmin(np.abs(np.log10(curve.steps) + power))) for power in range(17)]
    judge = decades[int(np.argmin(np.abs(np.log(curve.steps[decades] / found.chosen))))] if found.chosen else None
    for k in decades:
        errors = [f"{getattr(curve, key)[k]:.0e}" for key in methods]
        listing.add_row(f"{curve.steps[k]:.0e}", *errors, f"<- the judge's, {found.chosen:.1e}" if k == judge else "")
    out.print(listing)
    slopes = ", ".join(f"{key} h^{slope:.1f}" for key, slope in found.slopes().items() if slope is not None)
    if slopes:
        out.print(f"truncation shrinks like {slopes}; rounding grows like 1/h")


def _draw(found, file):
    from scratchnn import draw  # matplotlib is imported only when something is drawn

    draw.save(draw.step_curve(found.curve, title=found.title, chosen=found.chosen, slopes=found.slopes()), file)
