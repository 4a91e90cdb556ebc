"""Record a run: one of our ops, a model made of them, or a user's own file, forward and backward."""

import contextlib
import gc
from pathlib import Path
from typing import Any

from scratchnn.check.catalogue import planting
from scratchnn.errors import InputError
from scratchnn.misconceptions import MISCONCEPTIONS, Bug
from scratchnn.probe.tape import Tape

from ..checking.judge import Judge
from ..model import Trace
from .events import events_of
from .file_problem import FileProblem
from .model_problem import PARTS, ModelProblem
from .parts import Clock, Shelf
from .problem import OPS, Problem

AT_ONCE = 60_000_000  # numbers that the checks of a run may compute without being asked to: some seconds
SCORES = ("scaled_dot", "dot", "general", "additive")


def record(
    what: str | Path = "lstm",
    *,
    T: int = 4,
    B: int = 1,
    D: int = 3,
    H: int = 4,
    seed: int = 7,
    plant: str | Bug | None = None,
    checks: bool | None = None,
    score: str = "scaled_dot",
    op: str | None = None,
) -> Trace:
    """Record a forward and a backward pass.

    Parameters
    ----------
    what : str or Path
        "lstm", "gru", "rnn", "attention", "model" (embedding -> LSTM -> attention -> linear -> loss), or a Python
        file with one of the four, whose functions have the reference's names.
    T : int
        Time steps; of attention, the queries and the sources.
    B, D, H : int
        Sequences, input features (attention: width of a query), hidden units (attention: width of a value).
    seed : int
        Draws the inputs, the weights and the gradients from outside.
    plant : str or Bug, optional
        The id of a mistake of the catalogue, to be planted first.
    checks : bool, optional
        Judge every event now; by default only where that takes seconds. ``Trace.check(n)`` judges one later.
    score : {"scaled_dot", "dot", "general", "additive"}
        Of attention.
    op : {"lstm", "gru", "rnn", "attention"}, optional
        What a file is; found from its name, its docstring or its arguments by default.

    Returns
    -------
    Trace

    Raises
    ------
    InputError
        Unknown op, bug or score, sizes below 1, or a file that cannot be read or run.
    """
    for name, size in {"T": T, "B": B, "D": D, "H": H}.items():
        if not isinstance(size, int) or size < 1:
            raise InputError(f"record: {name} is {size!r}, expected a whole number of at least 1")
    problem = _problem(what, {"T": T, "B": B, "D": D, "H": H}, seed, plant, score, op)
    trace = recorded(problem)
    if _effort(trace) <= AT_ONCE if checks is None else checks:
        trace.judge.check(trace, trace.events)
        trace.judge.check_gradients(trace)
    return trace


def recorded(problem: Any) -> Trace:
    """Run a problem on a tape and make a trace of it, unchecked.

    Parameters
    ----------
    problem : Problem

    Returns
    -------
    Trace
    """
    with _no_collection():
        return _recorded(problem)


def _recorded(problem):
    tape = Tape()
    built = problem.build(tape)
    inputs, params = (
        {name: array.copy() for name, array in some.items()} for some in (problem.inputs, problem.params)
    )
    for name, array in (inputs | params).items():
        tape.give(name, array)
    outputs, kept = problem.forward(built, inputs, params)
    outputs = {name: array.copy() for name, array in outputs.items()}
    problem.draw_upstream(outputs)
    upstream = {name: array.copy() for name, array in problem.upstream.items()}
    for name, array in upstream.items():
        tape.give(f"d{name}", array)
    clock = Clock(len(tape.records), problem.sizes.get("T", 0))
    gradients = problem.backward(built, kept, upstream, params)
    shelf = Shelf()
    roles = (("input", problem.inputs), ("parameter", problem.params), ("upstream", _upstream(problem)))
    given = [
        {"name": name, "array": shelf.put(array), "role": role}
        for role, some in roles
        for name, array in some.items()
    ]
    events, numbers = events_of(tape, problem.parts, clock, shelf)
    return Trace(
        op=problem.op,
        title=problem.title,
        seed=problem.seed,
        sizes=problem.sizes,
        legend=[{"symbol": one.name, "shape": one.shape, "meaning": one.meaning} for one in problem.symbols],
        equations=_used(problem.parts, events),
        arrays=shelf.arrays,
        inputs=given,
        outputs=[{"name": name, "array": shelf.put(array)} for name, array in outputs.items()],
        gradients=[{"name": name, "array": shelf.put(array), "check": None} for name, array in gradients.items()],
        events=events,
        planted=None if problem.bug is None else _planted(problem.bug, planting.room_of(problem.bug), problem.source),
        judge=Judge(problem, tape, clock, shelf, [tape.records[number] for number in numbers]),
    )


@contextlib.contextmanager
def _no_collection():
    """Let Python's garbage collector rest: all that is made here stays, and it would look at all of it many times."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _upstream(problem):
    return {f"d{name}": array for name, array in problem.upstream.items()}


def _effort(trace):
    """Count what checking everything would compute: the forward pass once for every entry of every gradient."""
    size = dict.fromkeys(("forward", "backward"), 0)
    for event in trace.events:
        size[event.phase] += 0 if event.value is None else trace.array(event.value).size
    return size["forward"] * size["backward"]


def _problem(what, sizes, seed, plant, score, op):
    if score not in SCORES:
        raise InputError(f"record: score is {score!r}, expected one of {', '.join(SCORES)}")
    if op is not None and (what in OPS or what == "model" or op not in OPS):
        raise InputError(f"record: op is {op!r}, expected one of {', '.join(OPS)}, and a file")
    if what in OPS:
        return Problem(what, sizes, seed, _bug((what,), plant), score)
    if what == "model":
        return ModelProblem(sizes, seed, _bug(PARTS, plant), score)
    if "\n" not in str(what) and Path(what).suffix != ".py":
        raise InputError(f"record: {what!r} cannot be recorded, expected {', '.join(OPS)}, model or a Python file")
    if plant is not None:
        raise InputError("record: a mistake can be planted in our own ops only, not in a file")
    return FileProblem(what, sizes, seed, score, op)


def _bug(rooms, plant):
    if plant is None:
        return None
    bug = planting.bug(plant) if isinstance(plant, str) else plant
    if planting.room_of(bug) not in rooms:
        raise InputError(
            f"record: {bug.id} is a mistake of {planting.room_of(bug)}, expected one of {', '.join(rooms)}"
        )
    return bug


def _used(parts, events):
    """List the equations of a run: not those of a branch that it did not take."""
    used = {(event.op, event.equation) for event in events}
    found, listed = [], set()
    for part in parts:
        taken = {(phase, one.node) for phase, one in part.equations if (part.op, one.number) in used}
        for phase, one in part.equations:
            if (part.op, one.number) in listed:
                continue
            if (part.op, one.number) in used or (phase, one.node) not in taken:
                listed.add((part.op, one.number))
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
    return {
        "id": bug.id,
        "title": bug.title,
        "misconception": bug.misconception,
        "meaning": MISCONCEPTIONS[bug.misconception],
        "question": bug.question,
        "function": bug.edits[0].function,
        "line": line + 1,
        "wrong": wrong[line].strip(),
        "right": right[line].strip(),
    }
