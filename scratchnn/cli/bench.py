"""``scratchnn bench``: how fast it is, beside PyTorch and JAX."""

import json
import os
from pathlib import Path

import click
from rich.text import Text

from scratchnn import draw, files
from scratchnn.bench import cases, contenders, report, turns
from scratchnn.errors import InputError

from . import bench_device
from .common import console, table

LIMITS = (turns.Entry("BLAS", "product", "blas"), turns.Entry("tiles", "product", "tiles"))
NOT_QUIET = (
    "The machine was not quiet: other processes kept up to {:.1f} cores busy while this was timed. Medians of "
    "several threads suffer most; the minima are nearer the truth."
)
BUSY = 0.2  # cores of other processes from which a warning is due
SUFFIXES = (".png", ".svg", ".pdf")
EXAMPLES = """\b
Examples:
  scratchnn bench lstm --quick
  scratchnn bench all --json speed.json --picture speed.png
  scratchnn bench gru --cells 50,32,64,128 --threads 1 --peers torch
  scratchnn bench lstm --peers torch,jax=/path/to/other/python
  scratchnn bench ladder
  scratchnn bench --backend gpu --peers torch --json gpu.json --picture gpu.png
  scratchnn bench doctor --quick      how often `scratchnn check my_lstm.py` is right
"""
CHOICES = (*cases.TOPICS, "matmul", "all")


class Bench(click.Command):
    """The race; `bench doctor` is a command of its own."""

    def make_context(self, info_name, args, parent=None, **extra):
        """Hand over to the doctor's benchmark where that is asked for."""
        if args[:1] == ["doctor"]:
            from . import bench_doctor

            return bench_doctor.command.make_context(f"{info_name} doctor", args[1:], parent=parent, **extra)
        return super().make_context(info_name, args, parent=parent, **extra)

    def invoke(self, ctx):
        """Run the command that the arguments were parsed for."""
        return super().invoke(ctx) if ctx.command is self else ctx.command.invoke(ctx)


@click.command("bench", cls=Bench, epilog=EXAMPLES)
@click.argument("topics", type=click.Choice(CHOICES), nargs=-1, metavar="[TOPIC]...")
@click.option("--threads", default=None, help="Numbers of threads, such as 1,2.  [default: 1 and 2]")
@click.option(
    "--peers",
    default=",".join(contenders.PEERS),
    show_default=True,
    help="Whom to race, or none; NAME=PYTHON runs one with another Python.",
)
@click.option("--cells", multiple=True, metavar="SIZES", help="Own sizes instead of the grid; may be repeated.")
@click.option("--backend", type=click.Choice(["cpu", "reference", "gpu"]), default="cpu", help="Which of ours races.")
@click.option("--json", "json_path", type=click.Path(dir_okay=False), help="Write all numbers here.")
@click.option("--picture", type=click.Path(dir_okay=False), help="Draw the ratios here (.png, .svg, .pdf).")
@click.option("--quick", is_flag=True, help="Short turns and the smallest cells: rough numbers in a minute.")
@click.option("--seed", type=click.IntRange(min=0), default=0, help="Of the inputs.")
def command(topics, threads, peers, cells, backend, json_path, picture, quick, seed):
    """Time forward and backward, with all gradients, beside PyTorch and JAX.

    TOPIC is lstm, gru, rnn, attention, additive, step (the article's whole training step), ladder (the LSTM, one
    optimisation after the other) or all. Everybody computes the same, in float32 and in a process of its own; results
    are compared with the float64 reference first, and who is wrong is not timed (exit code 1). Then they take turns.

    With --backend gpu all run on one device, timed by its events, beside PyTorch on the same device (--peers torch);
    the simplest rung of ours stands beside, matmul is one topic more, and the ladder is that of every op. In Numba's
    simulator nothing is timed; --quick compares results there.
    """
    if backend == "gpu":
        expect_places(json_path, picture)
        return bench_device.run(topics, threads, peers, cells, json_path, picture, quick, seed)
    if "matmul" in topics:
        raise InputError("bench: matmul is raced on a device alone, expected --backend gpu with it")
    topics = list(cases.TOPICS) if not topics or "all" in topics else list(dict.fromkeys(topics))
    grid = {topic: _cells(topic, topics, cells, quick) for topic in topics}
    racers = _peers(peers)
    counts = _threads(threads)
    expect_places(json_path, picture)
    out, passing = console(), console(error=True)
    machine, missing, rows = report.machine(), {}, []
    pace = turns.QUICK if quick else turns.Pace()
    for topic in topics:
        entries = _rungs(racers) if topic == "ladder" else [turns.Entry("ours", backend), *racers]
        made = []
        with passing.status("") as status:
            for count in counts:
                # the entries are the same for every case of a topic
                made += turns.race(
                    grid[topic], count, lambda case, entries=entries: entries, pace,
                    seed=seed, missing=missing, limits=() if topic == "ladder" else LIMITS, told=status.update,
                )  # fmt: skip
        rows += made
        names = [entry.name for entry in entries if entry.name not in missing]
        _print(out, topic, made, names, [racer.name for racer in racers])
    _print_end(out, rows, missing)
    record = report.as_json(rows, "ours", [racer.name for racer in racers], missing, machine)
    if json_path:
        files.write_bytes(Path(json_path), (json.dumps(record, indent=1) + "\n").encode())
    if picture:
        draw.save(draw.race(record), picture)
    for path in filter(None, (json_path, picture)):
        out.print(f"wrote {path}")
    return int(any(timing.failed for row in rows for timing in row.timings.values()))


def _cells(topic, topics, cells, quick):
    if not cells:
        grid = cases.grid(topic)
        return sorted(grid, key=lambda case: cases.flops(case) or 0)[:2] if quick else grid
    families = {"".join(cases.Case(topic, ()).letters) for topic in topics}
    if len(families) > 1:
        raise InputError("bench: --cells fits topics of one kind, T,B,D,H or B,Q,S,E; name them")
    return [cases.parse(topic, text) for text in cells]


def _peers(text):
    found = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, python = part.partition("=")
        if name == "none":
            continue
        if name not in contenders.ROOM and "." not in name:
            raise InputError(f"bench: --peers {name!r}, expected some of {', '.join(contenders.PEERS)}, or none")
        if python and not Path(python).exists():
            raise InputError(f"bench: --peers {name}: there is no {python}")
        found.append(turns.Entry(name, name, python=python or None))
    return found


def _threads(text):
    there = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
    if text is None:
        return [1, 2] if there > 1 else [1]
    try:
        counts = [int(part) for part in text.split(",")]
    except ValueError:
        counts = [0]
    if min(counts) < 1 or max(counts) > there:
        raise InputError(f"bench: --threads {text!r}, expected numbers from 1 to {there}, such as 1,{there}")
    return list(dict.fromkeys(counts))


def _rungs(racers):
    try:
        from scratchnn.ops.lstm.ladder import RUNGS
    except ImportError:
        raise InputError("bench: the LSTM has no ladder in this installation") from None
    return [*(turns.Entry(rung.name, "cpu", rung.name) for rung in RUNGS), *racers]


def expect_places(json_path, picture):
    """Raise InputError if what is measured could not be written, before it is.

    Parameters
    ----------
    json_path, picture : str or None
    """
    _expect_place("--json", json_path)
    _expect_place("--picture", picture)
    if picture and Path(picture).suffix not in SUFFIXES:
        raise InputError(f"bench: --picture {picture}, expected one of {', '.join(SUFFIXES)} at its end")


def _expect_place(option, path):
    if path and not Path(path).resolve().parent.is_dir():
        raise InputError(f"bench: {option} {path}: there is no folder {Path(path).resolve().parent}")


def _print(out, topic, rows, names, peers):
    if not rows:
        return
    what = "forward and backward" if topic != "step" else "the article's training step"
    heading = "one optimisation after the other" if topic == "ladder" else "peers: times ours, of medians (of minima)"
    out.print()
    out.print(Text(f"{topic}: {what}, ms: median (minimum); {heading}", style="bold"))
    out.print(_ladder_table(rows, peers) if topic == "ladder" else _time_table(rows, names))
    if topic != "ladder":
        out.print()
        out.print(Text(f"{topic}: peak memory of one run beside its inputs, MB", style="bold"))
        out.print(_memory_table(rows, names))
        out.print()
        _print_means(out, rows, names)
    for row in rows:
        for name, timing in row.timings.items():
            said = timing.failed or timing.without
            if said:
                where = f"{row.case.label}, {row.threads} thread{'s' * (row.threads > 1)}"
                out.print(Text(f"{name} at {where}: {said}", style="red" if timing.failed else ""))


def _time_table(rows, names):
    shown = table(rows[0].case.letters, ">thr", ">ours ms", ">GFLOP/s", ">of limit", *(f">{n}" for n in names[1:]))
    for row in rows:
        rate = row.rate("ours") if "ours" in row.timings else None
        share = f"{100 * rate / row.limit:.0f} %" if rate and row.limit else "-"
        cells = [_time(row.timings.get("ours"))]
        cells += [f"{rate / 1e9:.3g}" if rate else "-", share]
        for name in names[1:]:
            ratio, least = row.ratio("ours", name), row.ratio("ours", name, "least")
            told = f"  [bold]{_short(ratio)}x[/] ({_short(least)}x)" if ratio else ""
            cells.append(_time(row.timings.get(name), least=False) + told)
        shown.add_row(row.case.label, str(row.threads), *cells)
    return shown


def _time(timing, least=True):
    if timing is None or timing.without:
        return "-"
    if timing.failed:
        return "[red]wrong[/]" if timing.error is not None else "[red]failed[/]"
    if not timing.times:
        return "-"
    return _short(1e3 * timing.median) + (f" ({_short(1e3 * timing.least)})" if least else "")


def _short(value):
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _memory_table(rows, names):
    shown = table(rows[0].case.letters, ">thr", *(f">{name}" for name in names))
    for row in rows:
        memories = [row.timings[name].memory if name in row.timings else None for name in names]
        shown.add_row(row.case.label, str(row.threads), *("-" if m is None else _short(m / 1e6) for m in memories))
    return shown


def _print_means(out, rows, names):
    for count in dict.fromkeys(row.threads for row in rows):
        means = {n: report.geometric_mean(r.ratio("ours", n) for r in rows if r.threads == count) for n in names[1:]}
        told = [f"{name} {mean:.2f}x" for name, mean in means.items() if mean]
        if told:
            out.print(f"geometric mean of the ratios, {count} thread{'s' * (count > 1)}: {', '.join(told)}")


def _ladder_table(rows, peers):
    shown = table("rung", "T,B,D,H", ">thr", ">ms", ">quicker than the one above", ">in all", ">error / bound")
    for row in rows:
        first = above = None
        for name, timing in row.timings.items():
            median = timing.median
            first = first or median
            gain = f"{_short(above / median)}x" if above and median and name not in peers else "-"
            whole = f"{_short(first / median)}x" if first and median else "-"
            right = f"{timing.error:.0e} / {timing.bound:.0e}" if timing.error is not None else "-"
            shown.add_row(name, row.case.label, str(row.threads), _time(timing), gain, whole, right)
            above = median or above
        shown.add_section()
    return shown


def _print_end(out, rows, missing):
    out.print()
    out.print("times: the peer's time / ours, above 1 ours is quicker. limit: the quickest large matrix product, by")
    out.print("BLAS or by our tiles, in the same turns. What was timed agreed with the float64 reference before.")
    versions = {}
    for row in rows:
        versions |= row.versions
    for version in dict.fromkeys(versions.values()):
        names = ", ".join(name for name in versions if versions[name] == version)
        out.print(Text(f"{names}: {version}", style="dim"))
    for name, reason in missing.items():
        out.print(Text(f"{name} is missing: {reason}"))
    busy = max((row.load or 0.0 for row in rows), default=0.0)
    if busy > BUSY:
        out.print(Text(NOT_QUIET.format(busy), style="yellow"))
