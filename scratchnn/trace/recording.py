"""Record a run: one of our ops, a model made of them, or a user's own file, forward and backward."""

import functools
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from scratchnn import ops
from scratchnn.check.catalogue import planting
from scratchnn.errors import InputError
from scratchnn.misconceptions import MISCONCEPTIONS, Bug
from scratchnn.probe.tape import Instrumented, Tape, instrument

from .model import Trace
from .recording_events import Part, Shelf, events_of

OPS = ("lstm", "gru", "rnn", "attention")
OUTPUTS = {"lstm": ("h", "c_last"), "gru": ("h",), "rnn": ("h",), "attention": ("context",)}


def record(
    what: str | Path = "lstm",
    *,
    T: int = 4,
    B: int = 1,
    D: int = 3,
    H: int = 4,
    seed: int = 7,
    plant: str | Bug | None = None,
    checks: bool = True,
    score: str = "scaled_dot",
) -> Trace:
    """Record the forward and the backward pass of an op.

    Parameters
    ----------
    what : str or Path
        "lstm", "gru", "rnn", "attention", or a Python file with one of them.
    T : int
        Time steps; of attention, the queries and the sources.
    B, D, H : int
        Sequences, input features (attention: width of a query), hidden units (attention: width of a value).
    seed : int
        Draws the inputs, the weights and the gradients from outside.
    plant : str or Bug, optional
        The id of a mistake of the catalogue, to be planted first.
    checks : bool
        Judge every event now; ``Trace.check(n)`` judges one later.
    score : {"scaled_dot", "dot", "general", "additive"}
        Of attention.

    Returns
    -------
    Trace

    Raises
    ------
    InputError
        Unknown op or bug, or sizes below 1.
    """
    for name, size in {"T": T, "B": B, "D": D, "H": H}.items():
        if size < 1:
            raise InputError(f"record: {name} is {size}, expected at least 1")
    if what not in OPS:
        raise InputError(f"record: {what!r} cannot be recorded, expected one of {', '.join(OPS)} or a Python file")
    bug = _bug(what, plant)
    run = op_run(str(what), sizes={"T": T, "B": B, "D": D, "H": H}, seed=seed, bug=bug, score=score)
    trace = to_trace(run)
    if checks and trace.judge is not None:
        trace.judge.check(trace, trace.events)
    return trace


@dataclass
class Run:
    """A run on a tape, before it is a trace."""

    op: str
    title: str
    seed: int
    sizes: dict[str, int]
    tape: Tape
    parts: tuple[Part, ...]
    turn: int  # first record of the backward pass
    symbols: tuple[Any, ...]
    inputs: list[tuple[str, np.ndarray, str]]  # name, array, role
    outputs: dict[str, np.ndarray]
    gradients: dict[str, np.ndarray]
    bug: Bug | None = None
    source: str = ""
    judge: Any = None
    extra: dict[str, Any] = field(default_factory=dict)


def op_run(op: str, *, sizes: dict[str, int], seed: int, bug: Bug | None, score: str) -> Run:
    """Run one of our ops on a tape.

    Parameters
    ----------
    op : str
    sizes : dict of str to int
        T, B, D, H.
    seed : int
    bug : Bug or None
    score : str
        Of attention.

    Returns
    -------
    Run
    """
    room = getattr(ops, op)
    rng = np.random.default_rng(seed)
    if op == "attention":
        own = {"B": sizes["B"], "Q": sizes["T"], "S": sizes["T"], "E_q": sizes["D"], "F": sizes["H"], "A": sizes["H"]}
        arguments = room.sample(rng, score=score, E_k=sizes["D"], **own)
        names, options = ("q", "k", "v"), {"score": score}
        sizes = {**{name.partition("_")[0]: size for name, size in own.items()}}
        if score != "additive":
            del sizes["A"]
    else:
        arguments, options = room.sample(rng, **sizes), {}
        names = ("x", "h0", "c0")[: len(arguments) - 1]
    source = planting.source(bug) if bug else planting.source_of(op)
    tape = Tape()
    start = len(tape.sites)
    space = tape.run(_instrumented(source, f"scratchnn/ops/{op}/reference.py"), {"__package__": f"scratchnn.ops.{op}"})
    params = arguments[-1]
    fields = {} if params is None else {name: array for name, array in params._asdict().items() if array is not None}
    inputs = [(name, array, "input") for name, array in zip(names, arguments, strict=False)]
    inputs += [(name, array, "parameter") for name, array in fields.items()]
    for name, array, _ in inputs:
        tape.give(name, array)
    cache = space["forward"](*arguments, **options)
    outputs = outputs_of(op, cache)
    upstream = {f"d{name}": rng.normal(size=array.shape) for name, array in outputs.items()}
    for name, array in upstream.items():
        tape.give(name, array)
    turn = len(tape.records)
    grads = space["backward"](*upstream.values(), cache, params)
    gradients = {name: array for name, array in grads._asdict().items() if array is not None}
    inputs += [(name, array, "upstream") for name, array in upstream.items()]
    part = Part(op, _equations(room.equations, score), start, len(tape.sites), False)
    return Run(
        op, room.equations.TITLE, seed, sizes, tape, (part,), turn, room.equations.SYMBOLS, inputs, outputs, gradients,
        bug, source,
    )  # fmt: skip


def outputs_of(op: str, cache: Any) -> dict[str, np.ndarray]:
    """Give the outputs that a trace's loss looks at.

    Parameters
    ----------
    op : str
    cache : Cache

    Returns
    -------
    dict of str to array
    """
    if op == "attention":
        return {"context": cache.context}
    found = {"h": cache.h[1:]}
    return found | {"c_last": cache.c[-1]} if op == "lstm" else found


def to_trace(run: Run) -> Trace:
    """Make the trace of a run.

    Parameters
    ----------
    run : Run

    Returns
    -------
    Trace
    """
    shelf = Shelf()
    inputs = [{"name": name, "array": shelf.put(array), "role": role} for name, array, role in run.inputs]
    events, _ = events_of(run.tape, run.parts, run.turn, shelf)
    return Trace(
        op=run.op,
        title=run.title,
        seed=run.seed,
        sizes=run.sizes,
        legend=[{"symbol": one.name, "shape": one.shape, "meaning": one.meaning} for one in run.symbols],
        equations=_used(run.parts, events),
        arrays=shelf.arrays,
        inputs=inputs,
        outputs=[{"name": name, "array": shelf.put(array)} for name, array in run.outputs.items()],
        gradients=[
            {"name": name, "array": shelf.put(array), "check": None} for name, array in run.gradients.items()
        ],
        events=events,
        planted=None if run.bug is None else _planted(run.bug, run.op, run.source),
        judge=run.judge,
    )


def _bug(op, plant):
    if plant is None:
        return None
    bug = planting.bug(plant) if isinstance(plant, str) else plant
    if planting.room_of(bug) != op:
        raise InputError(f"record: {bug.id} is a mistake of {planting.room_of(bug)}, expected one of {op}")
    return bug


@functools.lru_cache(maxsize=64)
def _instrumented(source: str, file: str) -> Instrumented:
    return instrument(source, file)


def _equations(module: ModuleType, score: str):
    chosen = getattr(module, "SCORES", {}).get(score)
    return tuple(
        (phase, equation)
        for phase, listed in (("forward", module.FORWARD), ("backward", module.BACKWARD))
        for equation in listed
        if chosen is None or equation.number in chosen[phase]
    )


def _used(parts, events):
    """List the equations of a run: not those of a branch that it did not take."""
    used = {(event.op, event.equation) for event in events}
    found = []
    for part in parts:
        taken = {(phase, one.node) for phase, one in part.equations if (part.op, one.number) in used}
        for phase, one in part.equations:
            if (part.op, one.number) in used or (phase, one.node) not in taken:
                found.append(
                    {"op": part.op, "phase": phase, "number": one.number, "node": one.node, "text": one.text,
                     "latex": one.latex, "source": one.source, "undoes": list(one.undoes)}
                )  # fmt: skip
    return found


def _planted(bug, op, source):
    """Say what was planted, and in which line."""
    right = planting.source_of(op).splitlines()
    wrong = source.splitlines()
    line = next(k for k, (one, other) in enumerate(zip(right, wrong, strict=False)) if one != other)
    edit = bug.edits[0]
    return {
        "id": bug.id,
        "title": bug.title,
        "misconception": bug.misconception,
        "meaning": MISCONCEPTIONS[bug.misconception],
        "question": bug.question,
        "function": edit.function,
        "line": line + 1,
        "wrong": wrong[line].strip(),
        "right": right[line].strip(),
    }
