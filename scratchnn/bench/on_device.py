"""The race on a GPU: one process, events of the device around every run, results compared before.

Contenders of one case take turns. Two things are not in the times: copies to the device and back, and compilation.
"""

import statistics
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from scratchnn import device
from scratchnn.device import cuda

from .cases import ATTENTION, RECURRENT, Case, draw, flops, grid
from .compare import compare
from .contenders import ours_device, truth

LARGE = ((128, 64, 512, 512), (64, 128, 1024, 1024))  # beside the CPU's cells: T, B, D, H
SMALL = {"sequences": (3, 2, 3, 4), "looks": (2, 9, 10, 4)}  # in the simulator
TOPICS = (*RECURRENT, *ATTENTION, "step", "ladder")
SCHEMA = 1
WIDTH = {(8, 0): 64}  # float32 multiply-adds of a multiprocessor in a cycle; 128 on every other since


class Pace(NamedTuple):
    """How long is measured."""

    rounds: int = 5  # turns of every contender
    runs: int = 20  # in a turn, but
    seconds: float = 0.5  # no longer than this
    warm: int = 3  # untimed runs before the first turn


QUICK = Pace(rounds=2, runs=5, seconds=0.1, warm=2)


class Entry(NamedTuple):
    """Who runs: a name in the report, the contender's module, a rung of ours."""

    name: str
    module: Any
    rung: str | None = None


class Clock:
    """Times what is done on the device between two events."""

    def __init__(self) -> None:
        self.begin, self.end = cuda.event(timing=True), cuda.event(timing=True)

    def seconds(self, run: Callable) -> float:
        """Run once and give the seconds between the events before and behind it.

        Parameters
        ----------
        run : function

        Returns
        -------
        float
        """
        self.begin.record(device.stream())
        run()
        self.end.record(device.stream())
        self.end.synchronize()
        return cuda.event_elapsed_time(self.begin, self.end) / 1e3


def cells(topic: str, *, quick: bool = False) -> list[Case]:
    """Give the cells of one topic.

    Parameters
    ----------
    topic : str
        One of TOPICS.
    quick : bool
        The two with the fewest operations; in the simulator one so small that it ends.

    Returns
    -------
    list of Case
    """
    if device.simulated():
        kinds = ("lstm", "attention") if topic == "ladder" else (topic,)
        return [Case(kind, SMALL["looks" if kind in ATTENTION else "sequences"]) for kind in kinds]
    if topic == "ladder":
        looks = [Case("attention", sizes) for sizes in ((64, 128, 128, 64), (8, 1024, 1024, 64))]
        return [*(Case(kind, (50, 32, 64, 128)) for kind in RECURRENT), *looks]
    found = grid(topic) + [Case(topic, sizes) for sizes in LARGE if topic in RECURRENT]
    return sorted(found, key=lambda case: flops(case) or 0)[:2] if quick else found


def entries(case: Case, peers: list[Entry], *, ladder: bool) -> list[Entry]:
    """Say who runs a case: ours, the simplest rung of ours beside it (or all of them), and the peers.

    Parameters
    ----------
    case : Case
    peers : list of Entry
    ladder : bool
        All rungs.

    Returns
    -------
    list of Entry
    """
    names = ours_device.rungs(case)
    if ladder:
        return [*(Entry(name, ours_device, name) for name in names), *peers]
    first = [Entry(names[0], ours_device, names[0])] if len(names) > 1 else []
    return [Entry("ours", ours_device), *first, *peers]


def race(case: Case, who: list[Entry], pace: Pace | None, *, seed: int = 0) -> dict[str, Any]:
    """Compare everybody's results with the float64 reference, then time who agrees.

    Parameters
    ----------
    case : Case
    who : list of Entry
    pace : Pace or None
        None: nothing is timed.
    seed : int

    Returns
    -------
    dict
        One row of what ``--json`` writes; times in seconds.
    """
    inputs = draw(case, seed)
    run, results = truth.prepare(case, inputs)
    expected = {name: np.asarray(array) for name, array in results(run()).items()}
    found, ready = {}, {}
    for entry in who:
        entry.module.setup(1)
        told: dict[str, Any] = {"median": None, "least": None, "runs": 0, "failed": None, "without": None}
        found[entry.name] = told | {"error": None, "bound": None, "version": entry.module.versions()}
        told = found[entry.name]
        try:
            run, results = entry.module.prepare(case, inputs, entry.rung)
            agreed = compare(case, results(run()), expected)
        except NotImplementedError as error:
            told["without"] = str(error)
            continue
        told |= {"error": agreed.error, "bound": agreed.bound, "failed": agreed.sentence}
        if agreed.agrees and pace is not None:
            ready[entry.name] = run, getattr(entry.module, "Clock", Clock)()
    times: dict[str, list[float]] = {name: [] for name in ready}
    for turn in range(pace.rounds if pace else 0):
        for name, (run, clock) in ready.items():
            for _ in range(pace.warm if turn == 0 else 1):
                run()
            spent = 0.0
            for _ in range(pace.runs):
                times[name].append(clock.seconds(run))
                spent += times[name][-1]
                if spent > pace.seconds:
                    break
    work, peak = flops(case), peak_flops()
    for name, measured in times.items():
        median = statistics.median(measured)
        found[name] |= {"median": median, "least": min(measured), "runs": len(measured)}
        if work:
            found[name] |= {"rate": work / median, "of_peak": work / median / peak if peak else None}
    return {
        "topic": case.topic, "letters": case.letters, "cell": case.label, "flops": work,
        "floor": work / peak if work and peak else None, "contenders": found,
    }  # fmt: skip


def peak_flops() -> float | None:
    """Compute what the device could do in float32, from its multiprocessors and clock; None in the simulator."""
    if device.state() != "present":
        return None
    card = cuda.get_current_device()
    per_cycle = 2 * WIDTH.get(tuple(card.compute_capability), 128) * card.MULTIPROCESSOR_COUNT
    return per_cycle * card.CLOCK_RATE * 1e3


def record(rows: list[dict[str, Any]], missing: dict[str, str], *, timed: bool) -> dict[str, Any]:
    """Make what ``--json`` writes.

    Parameters
    ----------
    rows : list of dict
    missing : dict of str to str
        Peers that were not there, and why.
    timed : bool

    Returns
    -------
    dict
    """
    return {
        "schema": SCHEMA, "device": device.name(), "state": device.state(), "peak": peak_flops(), "dtype": "float32",
        "tf32": {"ours": False, "torch": False}, "timed": timed, "missing": missing, "rows": rows,
    }  # fmt: skip
