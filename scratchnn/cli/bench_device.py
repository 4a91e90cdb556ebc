"""``scratchnn bench --backend gpu``: the race on a device."""

import importlib
import json
from pathlib import Path

import click
from rich.text import Text

from scratchnn import device, draw, files
from scratchnn.bench import cases, on_device
from scratchnn.errors import InputError

from .common import console, table

NOT_TIMED = (
    "bench: this is Numba's simulator, whose times mean nothing: run this on a machine with an NVIDIA card, or add "
    "--quick to compare results only"
)


def run(topics, threads, peers, cells, json_path, picture, quick, seed):
    """Compare, time, print, write.

    Parameters
    ----------
    topics : tuple of str
    threads, peers : str or None
    cells : tuple of str
    json_path, picture : str or None
    quick : bool
    seed : int

    Returns
    -------
    int
        1 if a result was wrong.
    """
    device.require()
    if threads is not None:
        raise click.UsageError("--threads is about the CPU, it does not go with --backend gpu")
    if device.simulated() and not quick:
        raise InputError(NOT_TIMED)
    topics = list(on_device.TOPICS) if not topics or "all" in topics else list(dict.fromkeys(topics))
    chosen = {topic: _cells(topic, cells, quick) for topic in topics}
    racers, missing = _peers(peers)
    pace = None if device.simulated() else on_device.QUICK if quick else on_device.Pace()
    out, passing, rows = console(), console(error=True), []
    for topic in topics:
        made = []
        with passing.status("") as status:
            for case in chosen[topic]:
                status.update(f"{topic} {case.label}")
                who = on_device.entries(case, racers, ladder=topic == "ladder")
                made.append(on_device.race(case, who, pace, seed=seed) | {"topic": topic})
        rows += made
        _print(out, topic, made)
    record = on_device.record(rows, missing, timed=pace is not None)
    _print_end(out, record)
    if json_path:
        files.write_bytes(Path(json_path), (json.dumps(record, indent=1) + "\n").encode())
    if picture:
        draw.save(draw.device_race(record), picture)
    for path in filter(None, (json_path, picture)):
        out.print(f"wrote {path}")
    return int(any(one["failed"] for row in rows for one in row["contenders"].values()))


def _cells(topic, cells, quick):
    if not cells:
        return on_device.cells(topic, quick=quick)
    if topic == "ladder":
        raise InputError("bench: the ladder on a device has its own cells, expected none with --cells")
    return [cases.parse(topic, text) for text in cells]


def _peers(text):
    found, missing = [], {}
    for name in filter(None, (part.strip() for part in text.split(","))):
        if name == "torch":
            try:
                module = importlib.import_module("scratchnn.bench.contenders.torch_device")
                found.append(on_device.Entry("torch", module))
            except ImportError as error:
                missing[name] = str(error)
        elif name != "none":
            missing[name] = "on a device only torch is raced"
    return found, missing


def _print(out, topic, rows):
    out.print()
    out.print(Text(f"{topic}: forward and backward on the device, ms: median (minimum)", style="bold"))
    shown = table(
        rows[0]["letters"], "who", ">ms", ">times ours", ">GFLOP/s", ">of peak", ">error / bound", title=None
    )
    for row in rows:
        first = next(iter(row["contenders"].values()))
        base = (row["contenders"].get("ours") or first)["median"]
        for name, one in row["contenders"].items():
            ratio = f"{one['median'] / base:.3g}x" if one["median"] and base else "-"
            rate = f"{one['rate'] / 1e9:.4g}" if one.get("rate") else "-"
            share = f"{100 * one['of_peak']:.0f} %" if one.get("of_peak") else "-"
            right = f"{one['error']:.0e} / {one['bound']:.0e}" if one["error"] is not None else "-"
            shown.add_row(row["cell"] if one is first else "", name, _time(one), ratio, rate, share, right)
        shown.add_section()
    out.print(shown)
    for row in rows:
        for name, one in row["contenders"].items():
            if said := one["failed"] or one["without"]:
                out.print(Text(f"{name} at {row['cell']}: {said}", style="red" if one["failed"] else ""))


def _time(one):
    if one["failed"]:
        return "[red]wrong[/]"
    if one["median"] is None:
        return "-"
    return f"{1e3 * one['median']:.4g} ({1e3 * one['least']:.4g})"


def _print_end(out, record):
    out.print()
    out.print(Text(f"device: {record['device']}; float32, TF32 off on both sides"))
    if record["peak"]:
        peak = record["peak"] / 1e12
        out.print(f"peak: {peak:.3g} TFLOP/s in float32 by its multiprocessors and clock; the floor is flops / peak")
    if not record["timed"]:
        out.print("nothing was timed: results were compared with the float64 reference")
    versions = {one["version"] for row in record["rows"] for one in row["contenders"].values()}
    for version in sorted(versions):
        out.print(Text(version, style="dim"))
    for name, reason in record["missing"].items():
        out.print(Text(f"{name} is missing: {reason}"))
