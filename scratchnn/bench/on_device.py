"""The race on a GPU: one process, events of the device around every run, results compared before.

Contenders of one case take turns. Two things are not in the times: copies to the device and back, and compilation.
"""

import statistics
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from scratchnn import device
from scratchnn.device import cuda

from .cases import ATTENTION, RECURRENT, Case, draw, flops, grid, least_bytes
from .compare import compare
from .contenders import ours_device, truth
from .limits import UNKNOWN, Limits, floor, steps

LARGE = ((128, 64, 512, 512), (64, 128, 1024, 1024))  # beside the CPU's cells: T, B, D, H
PRODUCTS = ((1600, 64, 512), (6400, 256, 1024), (1024, 1024, 1024), (4096, 4096, 4096))  # M, K, N; two of an LSTM's
SMALL = {"matmul": (11, 7, 10), "attention": (2, 9, 10, 4), "additive": (2, 9, 10, 4)}  # in the simulator, and
SMALL_SEQUENCES = (3, 2, 3, 4)  # for the other topics
TOPICS = ("matmul", *RECURRENT, *ATTENTION, "step", "ladder")
SCHEMA = 2
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
    tf32: bool = False  # it rounds the factors of products to tf32


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
        kinds = ("matmul", "lstm", "attention") if topic == "ladder" else (topic,)
        return [Case(kind, SMALL.get(kind, SMALL_SEQUENCES)) for kind in kinds]
    if topic == "ladder":
        products = [Case("matmul", (n, n, n)) for n in (1024, 4096)]
        looks = [Case("attention", sizes) for sizes in ((64, 128, 128, 64), (8, 1024, 1024, 64))]
        return [*products, *(Case(kind, (50, 32, 64, 128)) for kind in RECURRENT), *looks]
    if topic == "matmul":
        found = [Case(topic, sizes) for sizes in PRODUCTS]
    else:
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
    rungs = [Entry(_name(rung), ours_device, rung.name, rung.tf32) for rung in ours_device.rungs(case)]
    if case.topic == "matmul":
        peers = [*peers, *(peer._replace(name=f"{peer.name}, tf32", rung="tf32", tf32=True) for peer in peers)]
    if ladder:
        return [*rungs, *peers]
    beside = [rung for n, rung in enumerate(rungs) if rung.tf32 or (n == 0 and len(rungs) > 1)]
    return [Entry("ours", ours_device), *beside, *peers]


def multipliers(peers: list[Entry]) -> list[Entry]:
    """Say whose products show what the device can do: our last rungs and the peers', with tf32 and without.

    Parameters
    ----------
    peers : list of Entry

    Returns
    -------
    list of Entry
    """
    case = Case("matmul", SMALL["matmul"])
    first = ours_device.rungs(case)[0]
    return [entry for entry in entries(case, peers, ladder=False) if entry.rung != first.name]


def race(
    case: Case, who: list[Entry], pace: Pace | None, *, limits: Limits = UNKNOWN, seed: int = 0
) -> dict[str, Any]:
    """Compare everybody's results with the float64 reference, then time who agrees.

    Parameters
    ----------
    case : Case
    who : list of Entry
    pace : Pace or None
        None: nothing is timed.
    limits : Limits
        What the device can do, for the floor.
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
        told |= {"error": None, "bound": None, "launches": None, "tf32": entry.tf32}
        found[entry.name] = told | {"version": entry.module.versions()}
        told = found[entry.name]
        try:
            run, results = entry.module.prepare(case, inputs, entry.rung)
            with device.counting() as count:
                made = run()
            agreed = compare(case, results(made), expected, tf32=entry.tf32)
        except NotImplementedError as error:
            told["without"] = str(error)
            continue
        told |= {"error": agreed.error, "bound": agreed.bound, "failed": agreed.sentence}
        told["launches"] = count.launches or None  # a peer's are not ours to count
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
    work, least = flops(case), floor(case, limits)
    for name, measured in times.items():
        median = statistics.median(measured)
        found[name] |= {"median": median, "least": min(measured), "runs": len(measured)}
        if work:
            found[name]["rate"] = work / median
        if own := floor(case, limits, tf32=found[name]["tf32"]):
            found[name]["of_floor"] = own.seconds / median
    return {
        "topic": case.topic, "letters": case.letters, "cell": case.label, "flops": work,
        "bytes": least_bytes(case), "barriers": steps(case), "floor": least.seconds if least else None,
        "floor_by": least.by if least else None, "contenders": found,
    }  # fmt: skip


def peak_flops() -> float | None:
    """Compute what the device could do in float32, from its multiprocessors and clock; None where it does not say."""
    card = cuda.get_current_device() if device.state() == "present" else None
    if not getattr(card, "CLOCK_RATE", None):
        return None
    per_cycle = 2 * WIDTH.get(tuple(card.compute_capability), 128) * card.MULTIPROCESSOR_COUNT
    return per_cycle * card.CLOCK_RATE * 1e3


def record(
    rows: list[dict[str, Any]], missing: dict[str, str], *, timed: bool, limits: Limits = UNKNOWN
) -> dict[str, Any]:
    """Make what ``--json`` writes.

    Parameters
    ----------
    rows : list of dict
    missing : dict of str to str
        Peers that were not there, and why.
    timed : bool
    limits : Limits

    Returns
    -------
    dict
        ``tf32`` is the rule; contenders that round say so themselves.
    """
    return {
        "schema": SCHEMA, "device": device.name(), "state": device.state(), "peak": peak_flops(), "dtype": "float32",
        "limits": limits._asdict(), "tf32": {"ours": False, "torch": False}, "timed": timed, "missing": missing,
        "rows": rows,
    }  # fmt: skip


def _name(rung):
    return f"{rung.name}, tf32" if rung.tf32 else rung.name
