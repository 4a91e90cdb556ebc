"""``scratchnn gradflow``: vanishing and exploding gradients, measured."""

import csv
import io
import json
import math
from pathlib import Path

import click
import numpy as np
from click.core import ParameterSource
from rich.text import Text

from scratchnn import draw, gradflow
from scratchnn.errors import InputError

from .common import backend_option, console, quiet_option, table

EXAMPLES = """\b
Examples:
  scratchnn gradflow                                       five cells, six radii, three lengths
  scratchnn gradflow --cells lstm,gru --keep-bias 5        gates that start open
  scratchnn gradflow --cells rnn,attention --radius 0.5 --length 200
  scratchnn gradflow --cells linear --start orthogonal --radius 1
  scratchnn gradflow runs/first                            a trained model, over its test sequences
"""
VERDICTS = {"vanishes": "blue", "explodes": "red", "steady": "green"}
FIGURE = "gradient_flow"
SUFFIXES = (".png", ".pdf", ".svg")
STEP_RADIUS = 3.0  # of the one step that clipping is shown on


OF_RUN = {"run", "data", "out", "backend", "quiet", "as_json"}  # what goes with a run; the rest is about drawn cells


@click.command("gradflow", epilog=EXAMPLES)
@click.argument("run", type=click.Path(), required=False)
@click.option("--cells", default="linear,rnn,lstm,gru,attention", show_default=True, metavar="LIST",
              help=f"Any of {', '.join(gradflow.NAMES)}; attention is rnn+attention.")  # fmt: skip
@click.option("--radius", default="0.5,0.9,1,1.1,1.5,3", show_default=True, metavar="LIST",
              help="Spectral radii of W_h; in LSTM and GRU of each gate's block.")  # fmt: skip
@click.option("--length", default="10,50,100", show_default=True, metavar="LIST", help="Steps of the sequences, T.")
@click.option("--hidden", type=click.IntRange(1, 512), default=32, show_default=True, help="Hidden units, H.")
@click.option("--start", type=click.Choice(["gaussian", "orthogonal"]), default="gaussian", show_default=True,
              help="How W_h is drawn before it is scaled.")  # fmt: skip
@click.option("--drive", type=float, default=0.1, show_default=True,
              help="How strongly inputs move a unit: larger ones saturate it.")  # fmt: skip
@click.option("--keep-bias", type=float, default=1.0, show_default=True,
              help="Bias of the gate that keeps the state: forget gate (LSTM), update gate (GRU).")  # fmt: skip
@click.option("--clip", type=float, default=1.0, show_default=True, help="Largest gradient norm where it is clipped.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Draws weights and inputs.")
@click.option("--out", type=click.Path(),
              help=f"Figure, or a folder for it and a CSV.  [default: runs/{FIGURE}.png, RUN/pictures]")  # fmt: skip
@click.option("--data", type=click.Path(), help="Where your own data lies now, with RUN, if it has moved.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV; a figure only with --out.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON; a figure only with --out.")
@backend_option
@quiet_option
@click.pass_context
def command(
    context,
    run,
    cells,
    radius,
    length,
    hidden,
    start,
    drive,
    keep_bias,
    clip,
    seed,
    out,
    data,
    as_csv,
    as_json,
    backend,
    quiet,
):
    """Measure how gradients vanish and explode on their way back through time.

    For every cell, spectral radius and length: the norm of dLoss/dh_t at the first step relative to the last (mean
    over 16 random sequences), its factor per step back, and the singular values of dstate_T/dstate_1. Weights are as
    drawn, nothing is trained. Then one SGD step and a short training run are made with and without clipping.

    With RUN, a folder of `scratchnn train`: the norms of dLoss/dh_t in that model, over its test sequences.
    """
    given = {name for name in context.params if context.get_parameter_source(name) == ParameterSource.COMMANDLINE}
    if run is not None:
        _expect_only(given, OF_RUN, "has no meaning with a run")
        return _of_run(run, data, out, backend, as_json, quiet)
    _expect_only(given, set(context.params) - {"data"}, "needs a run")
    names, radii, lengths = _names(cells), _numbers("radius", radius, 0, 1000), _lengths(length)
    _expect("drive", drive, drive >= 0, "a finite number of at least 0")
    _expect("keep-bias", keep_bias, True, "a finite number")
    _expect("clip", clip, clip > 0, "a finite number above 0")
    if as_csv and as_json:
        raise InputError("gradflow: --csv and --json are both given, expected one of them")
    figure_path, csv_path = _places(out, wanted=not (as_csv or as_json))
    options = {"start": start, "drive": drive, "keep_bias": keep_bias, "backend": backend or "reference"}
    measured = list(gradflow.survey(names, radii, lengths, H=hidden, seed=seed, **options))
    rows = [one.row for one in measured]
    pupil = gradflow.make_pupil(np.random.default_rng(seed), radius=STEP_RADIUS, H=hidden, backend=options["backend"])
    batch = gradflow.sequences(np.random.default_rng(seed + 1))
    steps = [gradflow.clipping_step(pupil, *batch, clip=size) for size in (None, clip)]
    trained = []
    if figure_path is not None or not (as_csv or as_json or quiet):
        trained = [
            gradflow.clipping_run(clip=size, seed=seed, H=hidden, backend=options["backend"]) for size in (None, clip)
        ]
    if figure_path is not None:
        figure_path.parent.mkdir(parents=True, exist_ok=True)
        draw.save(gradflow.picture(measured, trained), figure_path)
    if csv_path is not None:
        csv_path.write_text(_csv([row.as_dict() for row in rows]), encoding="utf-8")
    if as_json:
        click.echo(
            json.dumps({"flow": [row.as_dict() for row in rows], "clipping": _clipping(steps, clip)}, indent=2)
        )
    elif as_csv:
        click.echo(_csv([row.as_dict() for row in rows]), nl=False)
    else:
        _print(rows, lengths, steps, trained, clip, figure_path, quiet)


def _of_run(run, data, out, backend, as_json, quiet):
    figure_path, csv_path = _places(out, wanted=False)
    flows = gradflow.run_flow(run, data=data, backend=backend)
    if out is None and not as_json:
        figure_path = Path(run, "pictures", f"{FIGURE}.png")
    if figure_path is not None:
        figure_path.parent.mkdir(parents=True, exist_ok=True)
        draw.save(gradflow.run_picture(flows, title=f"Gradients in {Path(run).name}"), figure_path)
    rows = [
        {"direction": flow.direction, "distance": d, "sequences": int(flow.count[d]),
         "log10_share": _finite(flow.mean[d]), "log10_spread": _finite(flow.spread[d])}
        for flow in flows for d in range(len(flow.h))
    ]  # fmt: skip
    if csv_path is not None:
        csv_path.write_text(_csv(rows), encoding="utf-8")
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    screen = console()
    made = table("steps before the end", *(f">reading {flow.direction}" for flow in flows), ">sequences",
                 title="||dLoss/dh_t|| as a share of the sequence's largest, test part")  # fmt: skip
    T = len(flows[0].h)
    for d in sorted({*(k for k in (0, 1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200) if k < T), T - 1}):
        made.add_row(str(d), *(gradflow.power(flow.mean[d]) for flow in flows), str(flows[0].count[d]))
    screen.print(made)
    if not quiet:
        screen.print(Text(f"figure: {figure_path}"), soft_wrap=True)


def _finite(log):
    return float(log) / math.log(10) if math.isfinite(log) else None


def _expect_only(given, allowed, why):
    for name in sorted(given - allowed):
        option = {"as_csv": "csv", "as_json": "json", "keep_bias": "keep-bias"}.get(name, name)
        raise InputError(f"gradflow: --{option} {why}, expected it left out")


def _print(rows, lengths, steps, trained, clip, figure_path, quiet):
    out = console()
    heading = (
        f"||dLoss/dh_1|| / ||dLoss/dh_T||; per step and singular values of dstate_T/dstate_1 at T={max(lengths)}"
    )
    out.print(Text(heading, style="bold"), soft_wrap=True)
    out.print(_flow_table(rows, lengths))
    if quiet:
        return
    out.print()
    for sentence in gradflow.sentences(rows):
        out.print(Text(sentence))
    out.print(Text("(A change of less than 100-fold over all steps counts as steady.)", style="dim"))
    out.print()
    out.print(_clipping_table(steps, clip))
    out.print(Text(gradflow.clipping_sentence(steps[1], clip)))
    out.print(Text(gradflow.training_sentence(*trained)))
    out.print(Text(f"figure: {figure_path}"), soft_wrap=True)


def _flow_table(rows, lengths):
    columns = [f">T={T}" for T in lengths]
    made = table("cell", ">radius", *columns, ">per step", ">largest", ">smallest", "verdict")
    groups = {}
    for row in rows:
        groups.setdefault((row.name, row.radius), []).append(row)
    before = None
    for (name, radius), members in groups.items():
        last = max(members, key=lambda row: row.T)
        made.add_row(
            name if name != before else "", f"{radius:g}", *(gradflow.power(row.relative) for row in members),
            f"{math.exp(last.rate):.3f}", gradflow.power(last.largest), _small(last.smallest),
            Text(last.verdict, style=VERDICTS[last.verdict]),
        )  # fmt: skip
        before = name
    return made


def _small(log):
    return "<1e-300" if log == -math.inf else gradflow.power(log)


def _clipping_table(steps, clip):
    made = table("one SGD step", ">gradient norm", ">used", ">cosine", ">step", ">loss before", ">after",
                 title=f"Clipping, RNN of radius {STEP_RADIUS:g}, T=50, learning rate 0.1")  # fmt: skip
    for label, step in zip(("not clipped", f"clipped to {clip:g}"), steps, strict=True):
        made.add_row(label, f"{step.norm:,.4g}", f"{step.used:,.4g}", f"{step.cosine:.6f}", f"{step.step:,.4g}",
                     f"{step.before:.3f}", f"{step.after:.3f}")  # fmt: skip
    return made


def _clipping(steps, clip):
    fields = ("norm", "used", "cosine", "step", "before", "after")
    return [
        {"clip": size} | {field: getattr(step, field) for field in fields}
        for size, step in zip((None, clip), steps, strict=True)
    ]


def _csv(rows):
    written = io.StringIO()
    writer = csv.DictWriter(written, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return written.getvalue()


def _places(out, wanted):
    """Say where the figure and the CSV go; None where there is none."""
    if out is None:
        return (Path("runs", f"{FIGURE}.png") if wanted else None), None
    path = Path(out)
    if not out.strip():
        raise InputError("gradflow: --out is empty, expected a file or a folder")
    if path.suffix.lower() in SUFFIXES and not path.is_dir():
        return path, None
    if path.suffix and not path.is_dir():
        raise InputError(f"gradflow: --out is {out}, expected a folder or a file that ends in {', '.join(SUFFIXES)}")
    return path / f"{FIGURE}.png", path / f"{FIGURE}.csv"


def _names(cells):
    names = list(dict.fromkeys(name.strip().lower() for name in cells.split(",") if name.strip()))
    for name in names or [""]:
        if name not in gradflow.NAMES:
            raise InputError(f"gradflow: no cell {name!r}, expected any of {', '.join(gradflow.NAMES)}")
    return names


def _numbers(label, text, low, high):
    values = []
    for part in text.split(","):
        try:
            value = float(part)
        except ValueError:
            value = math.nan
        if not low <= value <= high:
            raise InputError(f"gradflow: --{label} has {part.strip()!r}, expected numbers from {low} to {high}")
        values.append(value)
    return list(dict.fromkeys(values))


def _lengths(text):
    values = _numbers("length", text, 2, 10_000)
    for value in values:
        if value != int(value):
            raise InputError(f"gradflow: --length has {value:g}, expected whole numbers")
    return [int(value) for value in sorted(values)]


def _expect(name, value, fine, expected):
    if not (math.isfinite(value) and fine):
        raise InputError(f"gradflow: --{name} is {value:g}, expected {expected}")
