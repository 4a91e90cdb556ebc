"""From times to ratios: medians, minima, operations per second, and the file that keeps them."""

import dataclasses
import math
import os
import platform
import statistics
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from .cases import Case, flops
from .contenders.product import FLOPS

SCHEMA = 1


@dataclass
class Timing:
    """What was measured of one contender in one case; times in seconds, memory in bytes."""

    turns: list[list[float]] = field(default_factory=list)  # times of each turn
    memory: int | None = None  # by how much one run raises the process's memory
    first_seconds: float | None = None  # preparation and first run, compilation included
    error: float | None = None  # against the reference in float64, relative to the largest entry
    bound: float | None = None
    failed: str | None = None  # a wrong result or a crash: then there are no times
    without: str | None = None  # the contender does not have this case

    @property
    def times(self) -> list[float]:
        """All times; none when it failed."""
        return [] if self.failed else [one for turn in self.turns for one in turn]

    @property
    def median(self) -> float | None:
        """Half of the runs were quicker."""
        return statistics.median(self.times) if self.times else None

    @property
    def least(self) -> float | None:
        """The quickest run: the one that was disturbed least."""
        return min(self.times) if self.times else None


@dataclass
class Row:
    """One case at one number of threads."""

    case: Case
    threads: int
    timings: dict[str, Timing] = field(default_factory=dict)
    limits: dict[str, Timing] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    watched: float = 0.0  # seconds of all turns
    others: float = 0.0  # seconds of work that other processes did in them

    @property
    def load(self) -> float | None:
        """How many cores other processes kept busy during the turns; None where the system does not tell."""
        return self.others / self.watched if self.watched else None

    def ratio(self, ours: str, peer: str, of: str = "median") -> float | None:
        """Divide the peer's time by ours: above 1, ours is quicker.

        Parameters
        ----------
        ours, peer : str
            Contenders.
        of : {"median", "least"}

        Returns
        -------
        float or None
            None when one of them has no times.
        """
        mine, theirs = (self.timings.get(name, Timing()) for name in (ours, peer))
        a, b = getattr(mine, of), getattr(theirs, of)
        return b / a if a and b else None

    def spread(self, ours: str, peer: str) -> tuple[float, float] | None:
        """Give the lowest and the highest ratio of medians of a single turn.

        Parameters
        ----------
        ours, peer : str

        Returns
        -------
        tuple or None
        """
        mine, theirs = (self.timings.get(name, Timing()) for name in (ours, peer))
        if not (mine.times and theirs.times):
            return None
        turns = zip(mine.turns, theirs.turns, strict=True)
        ratios = [statistics.median(b) / statistics.median(a) for a, b in turns]
        return min(ratios), max(ratios)

    def rate(self, name: str) -> float | None:
        """Operations of the matrix products per second, by the median; None where no products are counted.

        Parameters
        ----------
        name : str

        Returns
        -------
        float or None
        """
        count, median = flops(self.case), self.timings[name].median
        return count / median if count and median else None

    @property
    def limit(self) -> float | None:
        """Operations per second of the quickest large product in the same turns, by the median."""
        medians = [timing.median for timing in self.limits.values() if timing.median]
        return FLOPS / min(medians) if medians else None


def geometric_mean(values: Iterable[float | None]) -> float | None:
    """Give the geometric mean of what is there.

    Parameters
    ----------
    values : iterable of float or None

    Returns
    -------
    float or None
        None when nothing is there.
    """
    there = [value for value in values if value]
    return math.exp(sum(map(math.log, there)) / len(there)) if there else None


def as_json(
    rows: list[Row], ours: str, peers: list[str], missing: dict[str, str], machine: dict[str, Any]
) -> dict[str, Any]:
    """Make what ``--json`` writes.

    Parameters
    ----------
    rows : list of Row
    ours : str
        The contender that all ratios are about.
    peers : list of str
    missing : dict of str to str
        Contenders that were not there, and why.
    machine : dict
        See ``machine``.

    Returns
    -------
    dict
        Times in seconds, memory in bytes, rates in operations per second; ``load`` is how many cores other processes
        kept busy.
    """
    versions: dict[str, str] = {}
    for row in rows:
        versions |= row.versions
    return {
        "schema": SCHEMA,
        "machine": machine,
        "ours": ours,
        "peers": peers,
        "missing": missing,
        "versions": versions,
        "rows": [_row(row, ours) for row in rows],
    }


def machine() -> dict[str, Any]:
    """Name the machine that measured."""
    return {"system": platform.platform(), "cores": os.cpu_count()}


def _row(row, ours):
    found = {
        "topic": row.case.topic,
        "letters": row.case.letters,
        "cell": row.case.label,
        "threads": row.threads,
        "flops": flops(row.case),
        "limit": row.limit,
        "load": row.load,
        "contenders": {},
    }
    for name, timing in row.timings.items():
        kept = {key: value for key, value in dataclasses.asdict(timing).items() if key != "turns"}
        kept |= {"median": timing.median, "least": timing.least, "runs": len(timing.times), "rate": row.rate(name)}
        if name != ours:
            kept |= {"ratio": row.ratio(ours, name), "ratio_least": row.ratio(ours, name, "least")}
            kept["ratio_spread"] = row.spread(ours, name)
        found["contenders"][name] = kept
    return found
