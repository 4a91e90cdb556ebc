"""``scratchnn bench --backend gpu``: the race on a device."""

import importlib
import json
from pathlib import Path

import click
from rich.text import Text

from scratchnn import device, draw, files
from scratchnn.bench import cases, limits, on_device
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
    out, passing, rows, most = console(), console(error=True), [], limits.UNKNOWN
    if pace:
        with passing.status("the device's limits"):
            most = limits.measure(on_device.multipliers(racers), on_device.Clock)
    for topic in topics:
        made = []
        with passing.status("") as status:
            for case in chosen[topic]:
                status.update(f"{topic} {case.label}")
                who = on_device.entries(case, racers, ladder=topic == "ladder")
                row = on_device.race(case, who, pace, limits=most, seed=seed)
                if topic == "ladder":  # of several ops
                    row |= {"topic": topic, "cell": f"{case.topic} {case.label}"}
                made.append(row)
        rows += made
        _print(out, topic, made)
    record = on_device.record(rows, missing, timed=pace is not None, limits=most)
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
    letters, base = ("op, sizes", "the first") if topic == "ladder" else (rows[0]["letters"], "ours")
    heads = ("who", ">ms", f">times {base}", ">GFLOP/s", ">of floor", ">launches", ">error / bound")
    shown = table(letters, *heads)
    for row in rows:
        first = next(iter(row["contenders"].values()))
        base = (row["contenders"].get("ours") or first)["median"]
        for name, one in row["contenders"].items():
            ratio = f"{one['median'] / base:.3g}x" if one["median"] and base else "-"
            rate = f"{one['rate'] / 1e9:.4g}" if one.get("rate") else "-"
            share = f"{100 * one['of_floor']:.3g} %" if one.get("of_floor") else "-"
            right = f"{one['error']:.0e} / {one['bound']:.0e}" if one["error"] is not None else "-"
            launches = str(one.get("launches") or "-")
            shown.add_row(row["cell"] if one is first else "", name, _time(one), ratio, rate, share, launches, right)
        shown.add_section()
    out.print(shown)
    for row in rows:
        out.print(_counted(row))
    for row in rows:
        for name, one in row["contenders"].items():
            if said := one["failed"] or one["without"]:
                out.print(Text(f"{name} at {row['cell']}: {said}", style="red" if one["failed"] else ""))


def _counted(row):
    """Say what a case costs at least: counted before anything is timed."""
    tanh = "products, and B Q S E tanh each way, which are not flops"
    work = f"{row['flops'] / 1e6:.4g} MFLOP of products" if row["flops"] else tanh
    waits = f", {row['barriers']} steps that wait" if row["barriers"] else ""
    least = f"; floor {1e3 * row['floor']:.3g} ms ({row['floor_by']})" if row["floor"] else ""
    return Text(f"{row['cell']}: {work}, {row['bytes'] / 1e6:.4g} MB at least{waits}{least}", style="dim")


def _time(one):
    if one["failed"]:
        return "[red]wrong[/]"
    if one["median"] is None:
        return "-"
    return f"{1e3 * one['median']:.4g} ({1e3 * one['least']:.4g})"


def _print_end(out, record):
    out.print()
    out.print(Text(f"device: {record['device']}; float32, TF32 off on both sides but where a name says tf32"))
    for line in _limits(record):
        out.print(line)
    if not record["timed"]:
        out.print("nothing was timed: results were compared with the float64 reference")
    versions = {one["version"] for row in record["rows"] for one in row["contenders"].values()}
    for version in sorted(versions):
        out.print(Text(version, style="dim"))
    for name, reason in record["missing"].items():
        out.print(Text(f"{name} is missing: {reason}"))


def _limits(record):
    """Say what floors are made of."""
    most = record["limits"]
    if most["product"]:
        told = f"product {most['product'] / 1e12:.3g} TFLOP/s ({most['product_by']})"
        if record["peak"]:
            told += f" of {record['peak'] / 1e12:.3g} by multiprocessors and clock"
        if most["tf32"]:
            told += f", with tf32 {most['tf32'] / 1e12:.3g}"
        yield f"measured here: {told}; copy {most['copy'] / 1e9:.4g} GB/s;"
        yield f"barrier {1e6 * most['barrier']:.3g} us, launch {1e6 * most['launch']:.3g} us of the host's time"
        yield "floor: the longest of flops / product, bytes / copy, steps that wait x barrier; of floor: floor / time"
