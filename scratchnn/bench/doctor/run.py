"""Run the benchmark, in several processes if asked, and sum it up."""

import multiprocessing
import random
import statistics
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import Any

from threadpoolctl import threadpool_limits

from .cases import REFERENCE, Case

GOALS = (  # what, for which style, at least this share
    ("named, one mistake", REFERENCE, "named", 0.95),
    ("named, two mistakes", REFERENCE, "named_pairs", 0.85),
    ("line without the catalogue", REFERENCE, "line", 0.95),
    ("named, one mistake", "others", "named", 0.90),
    ("line without the catalogue", "others", "line", 0.75),
    ("right where it is certain", "all", "certain_right", 0.98),
)
SECONDS = 3.0


def run(
    function: Callable, cases: Sequence[Case], jobs: int = 1, told: Callable = lambda done: None, *more: Any
) -> list:
    """Call a function for every case.

    Parameters
    ----------
    function : function
        Of ``trial``.
    cases : sequence of Case
    jobs : int
        Processes.
    told : function
        Is told how many are done.
    *more : object
        Further arguments.

    Returns
    -------
    list
        In the order of the cases.
    """
    if jobs < 2:
        found = []
        for k, case in enumerate(cases):
            found.append(function(case, *more))
            told(k + 1)
        return found
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=fresh, initializer=threadpool_limits, initargs=(1,)) as pool:
        coming = {pool.submit(function, case, *more): k for k, case in enumerate(cases)}
        found = [None] * len(cases)
        for done, future in enumerate(as_completed(coming), 1):
            found[coming[future]] = future.result()
            told(done)
        return found


def sampled(cases: list[Case], limit: int | None, seed: int = 0) -> list[Case]:
    """Choose some cases of every style alike.

    Parameters
    ----------
    cases : list of Case
    limit : int or None
        Of each style; None: all.
    seed : int

    Returns
    -------
    list of Case
    """
    if limit is None:
        return cases
    rng, found = random.Random(seed), []
    for style in dict.fromkeys(case.style for case in cases):
        group = [case for case in cases if case.style == style]
        found += rng.sample(group, min(limit, len(group)))
    return found


def summary(singles: list[dict], pairs: list[dict], alarms: list[str], seconds: list[float], asked: dict) -> dict:
    """Count.

    Parameters
    ----------
    singles, pairs : list of dict
        Of ``trial.tried``.
    alarms : list of str
    seconds : list of float
        Of ``trial.timed``.
    asked : dict
        What was asked for: seeds, limits.

    Returns
    -------
    dict
        Plain data: shares by style, failures, confusions.
    """
    styles = {}
    for style in dict.fromkeys(one["style"] for one in singles):
        mine, two = ([one for one in some if one["style"] == style] for some in (singles, pairs))
        styles[style] = _shares(mine, two)
    others = [one for one in singles if one["style"] != REFERENCE]
    styles["others"] = _shares(others, [one for one in pairs if one["style"] != REFERENCE])
    styles["all"] = _shares(singles, pairs)
    return {
        "asked": asked,
        "styles": styles,
        "alarms": alarms,
        "seconds": sorted(seconds),
        "median": statistics.median(seconds) if seconds else None,
        "variants": len({one["bugs"][0] for one in singles}),
        "failures": [one for one in (*singles, *pairs) if not one["named"] or (one["followed"] and not one["line"])],
        "certain_elsewhere": [one for one in (*singles, *pairs) if one["line_certain"] and not one["line"]],
        "certain_and_wrong": [one for one in (*singles, *pairs) if one["certain"] and not one["alone"]],
    }


def _shares(singles, pairs):
    certain = [one["alone"] for one in (*singles, *pairs) if one["certain"]]
    certain += [one["line"] for one in (*singles, *pairs) if one["line_certain"]]
    return {
        "named": _share([one["named"] for one in singles]),
        "alone": _share([one["alone"] for one in singles]),
        "named_pairs": _share([one["named"] for one in pairs]),
        "line": _share([one["line"] for one in singles if one["followed"]]),
        "certain_right": _share(certain),
    }


def _share(answers):
    return [sum(answers), len(answers)]
