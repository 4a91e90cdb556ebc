"""The numbers of a page: the right run whole, and of every wrong run only what differs from it."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import storing
from ..events import Event
from ..model import Trace

POINTERS = ("array", "value", "true", "summed")  # keys that hold the index of an array


def packed(trace: Trace, wrong: Sequence[Trace] = ()) -> dict[str, Any]:
    """Give the runs as plain lists and dicts; run.js puts the wrong ones together again.

    Parameters
    ----------
    trace : Trace
        The right run.
    wrong : sequence of Trace

    Returns
    -------
    dict
        ``right`` as of ``Trace.to_json``, and a list ``wrong`` of such dicts without what equals the right one's:
        their arrays stand behind the right run's, an event ``like`` one of the right run has only what is its own.
    """
    right = trace.to_json()
    return {"right": right, "wrong": [_differing(trace, right, one) for one in wrong]}


def _differing(trace: Trace, right: dict[str, Any], other: Trace) -> dict[str, Any]:
    places = {_content(one): k for k, one in enumerate(trace.arrays)}
    own = [one for one in other.arrays if _content(one) not in places]
    places |= {_content(one): len(trace.arrays) + k for k, one in enumerate(own)}
    plain = _pointing(other.to_json(), [places[_content(one)] for one in other.arrays])
    twins = dict(zip(_names(trace.events), right["events"], strict=True))
    kept = {key: value for key, value in plain.items() if value != right[key]}
    return kept | {
        "arrays": [{"shape": list(one.shape), "data": storing.numbers(one)} for one in own],
        "events": [
            _changes(event, twins.get(name))
            for event, name in zip(plain["events"], _names(other.events), strict=True)
        ],
    }


def _changes(event, twin):
    if twin is None:
        return event
    changed = {key: value for key, value in event.items() if value != twin[key]}
    if changed.get("check") and twin["check"]:
        changed["check"] = {key: value for key, value in event["check"].items() if value != twin["check"][key]}
    return {"like": twin["n"], **changed}


def _pointing(plain, places):
    """Copy lists and dicts, the indices of arrays replaced."""
    if isinstance(plain, dict):
        return {
            key: places[value] if key in POINTERS and isinstance(value, int) else _pointing(value, places)
            for key, value in plain.items()
            if key != "arrays"
        }
    return [_pointing(one, places) for one in plain] if isinstance(plain, list) else plain


def _names(events: Sequence[Event]) -> list[tuple]:
    """Name every event by what it computes, so that it is found in another run."""
    met: Counter = Counter()
    names = []
    for event in events:
        name = (event.phase, event.op, event.t, event.node)
        met[name] += 1
        names.append((*name, met[name]))
    return names


def _content(array: np.ndarray) -> tuple:
    return array.shape, array.tobytes()
