"""From the records of a tape to the events of a trace: numbered equations, their inputs, what they added up."""

import ast
import functools
import re
from typing import Any

import numpy as np

from scratchnn.notation import GATES

from ..events import Event
from .parts import Clock, Part, Shelf

_NUMBER = re.compile(r"\((\d+)\)")
_BUFFER = re.compile(r"\b(zeros|ones|empty|full)(_like)?\(")


def events_of(tape: Any, parts: tuple[Part, ...], clock: Clock, shelf: Shelf) -> tuple[list[Event], list[int]]:
    """Make the events of a run.

    Parameters
    ----------
    tape : Tape
    parts : tuple of Part
    clock : Clock
    shelf : Shelf
        Receives the arrays.

    Returns
    -------
    events : list of Event
    records : list of int
        The record of each.
    """
    chosen = []
    for record in tape.records:
        if record.site is None or record.kind not in ("set", "add", "store"):
            continue
        part = next(part for part in parts if part.first_site <= record.key[0] < part.end_site)
        phase = clock.phase(record)
        if part.free:
            if _is_news(record, part, tape):
                chosen.append((record, part, phase, _by_name(part, phase, record.name)))
        elif record.kind != "store":
            equation = _equation(part, phase, record, tape)
            if equation is not None:
                chosen.append((record, part, phase, equation))
    event_of = {
        record.same: n
        for n, (record, part, *_) in enumerate(chosen)
        if part.free and record.kind != "add" and _maker(record, part, tape) is not record
    }  # what a helper of the user's made
    event_of |= {record.number: n for n, (record, *_) in enumerate(chosen)}
    last = {(part.op, record.name): record.number for record, part, _, _ in chosen if record.kind == "add"}
    events = []
    for n, (record, part, phase, equation) in enumerate(chosen):
        total = record.kind != "add" or last[part.op, record.name] == record.number
        events.append(
            Event(
                n=n,
                phase=phase,
                op=part.op,
                t=clock.step(record),
                node=record.name,
                of=record.name[1:] if phase == "backward" and _is_gradient(record.name) else None,
                equation=None if equation is None else equation.number,
                function=record.site.function,
                line=record.site.line,
                text=record.site.text,
                inputs=_inputs(record, tape, event_of, shelf),
                value=shelf.put(record.value) if total else None,
                kind="add" if record.kind == "add" else "set",
                addends=_addends(record, clock, shelf),
                gate=_gate(part.op, record.name),
            )
        )
    return events, [record.number for record, *_ in chosen]


def _equation(part, phase, record, tape):
    """Tie a line of a reference to its equation: by the number in its comment if the name fits, else by its name."""
    numbered, same = _candidates(part.equations, phase, record.site.comment, record.name)
    if numbered is not None or same is None:
        return numbered
    commented = bool(_NUMBER.search(record.site.comment))
    return None if _is_buffer(record) or (not commented and _handed_on(record, tape)) else same


@functools.lru_cache(maxsize=1024)
def _candidates(equations, phase, comment, name):
    """The equation with the number in the comment, and the only one that computes the name."""
    own = [equation for of, equation in equations if of == phase and equation.node == name]
    found = _NUMBER.search(comment)
    numbered = next((equation for equation in own if found and equation.number == int(found[1])), None)
    return numbered, own[0] if len(own) == 1 else None


def _by_name(part, phase, name):
    """Find the equation of a user's name; ``c`` stands for ``c_t`` as well."""
    for wanted in (name, f"{name}_t"):
        same = [equation for of, equation in part.equations if of == phase and equation.node == wanted]
        if len(same) == 1:
            return same[0]
    return None


def _handed_on(record, tape):
    """Whether a name only takes over what had this name before: ``dh_prev, ... = step_backward(...)``."""
    if len(record.site.targets) > 1:
        return record.same is not None or record.part is not None
    back = record.same if record.same is not None else record.part
    while back is not None:
        known = tape.records[back]
        if known.name == record.name and known.kind in ("set", "add"):
            return True
        back = known.same if known.same is not None else known.part
    return record.part is not None or not record.reads


def _maker(record, part, tape):
    """Give the return of a user's own helper that made the numbers, ``i = sigmoid(a_i)``; else the record itself."""
    made = None if record.same is None else tape.records[record.same]
    own = made is not None and made.kind == "return" and part.first_site <= made.key[0] < part.end_site
    return made if own else record


def _is_news(record, part, tape):
    """Whether a user's line made new numbers, itself or by calling a helper, and no buffer of zeros."""
    if record.kind == "add":
        return True
    maker = _maker(record, part, tape)
    new = maker.same is None and maker.part is None and bool(record.reads)
    return new and np.ndim(record.value) > 0 and not _is_buffer(record)


def _is_buffer(record):
    """Whether a line only makes room: ``np.zeros(...)``."""
    return bool(_BUFFER.search(record.site.text)) and (
        "empty" in record.site.text or not np.any(record.value != record.value.flat[:1])
    )


def _is_gradient(name):
    return len(name) > 1 and name[0] == "d"


def _gate(op, node):
    letter = node.removeprefix("d").removeprefix("a_")
    return letter if op in ("lstm", "gru") and letter in GATES[op] else None


def _inputs(record, tape, event_of, shelf):
    seen = {}
    for read in record.reads:
        if read.text not in seen:
            made = _event(read.record, tape, event_of)
            seen[read.text] = {"name": read.name, "array": shelf.put(read.value), "event": made}
    return list(seen.values())


def _event(number, tape, event_of):
    while number is not None and number not in event_of:
        known = tape.records[number]
        number = known.same if known.same is not None else known.part
    return None if number is None else event_of[number]


def _addends(record, clock, shelf):
    t = clock.step(record)
    if record.kind == "add":
        return [{"source": "here" if t is None else f"t={t}", **_increment(record, shelf)}]
    if clock.phase(record) == "forward" or len(record.terms) < 2:
        return []
    return [
        {"source": _source(text, t, clock.T), "array": shelf.put(value)}
        for text, value in zip(record.site.terms, record.terms, strict=True)
    ]


def _source(text, t, T):
    """Say where a term comes from: another step, the loss, or as it is written."""
    name = text.rpartition(".")[2]
    if t is not None and name.endswith("_next"):
        return f"step t={t + 1}" if t + 1 < T else "after the last step"
    return f"loss at t={t}" if t is not None and re.fullmatch(r"d\w+\[t\]", name) else text


def _increment(record, shelf):
    """Say what was added without its array: two factors, or an array summed over an axis."""
    if record.operands:
        return {
            "factors": [
                _factor(text, value, record, shelf)
                for text, value in zip(record.site.operands, record.operands, strict=True)
            ]
        }
    value = ast.parse(record.site.text).body[0].value
    if (
        isinstance(value, ast.Call)
        and isinstance(value.func, ast.Attribute)
        and value.func.attr == "sum"
        and not value.args
        and [word.arg for word in value.keywords] == ["axis"]
        and isinstance(value.keywords[0].value, ast.Constant)
        and len(record.reads) == 1
    ):
        read = record.reads[0]
        return {"summed": shelf.put(read.value), "name": read.name, "axis": value.keywords[0].value.value}
    return {"array": shelf.put(record.increment)}


def _factor(text, value, record, shelf):
    bare = text.removesuffix(".T")
    for read in record.reads:
        if read.text == bare:
            return {"name": read.name, "array": shelf.put(read.value), "transposed": bare != text}
    return {"name": text, "array": shelf.put(value), "transposed": False}
