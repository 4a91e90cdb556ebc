"""What the student's backward wrote: every assignment with its numbers, its time step, and whether it is right."""

import ast
from collections import defaultdict
from typing import Any

import numpy as np

from scratchnn.probe.tape import Record, Tape

from ..source.stage import Passes, Stage
from .known import EDGE, PART, SUM, TAKEN, TOTAL
from .names import base, is_edge, of_gradient, undone
from .pool import Pool

RIGHT, WRONG, OTHER, UNKNOWN, BLANK = "right", "wrong", "other", "unknown", "blank"


class Written:
    """One record of the student's backward.

    Parameters
    ----------
    record : Record
    t : int or None
    """

    def __init__(self, record: Record, t: int | None) -> None:
        self.record, self.t = record, t
        self.status, self.accepts = UNKNOWN, []  # accepts: arrays of which one would be right
        self.last = True

    @property
    def name(self) -> str:
        """What was written, without index and owner."""
        return self.record.name

    @property
    def value(self) -> np.ndarray:
        """What was written; of an increment, what was added."""
        return self.record.value

    @property
    def line(self) -> int:
        """In which line."""
        return self.record.site.line

    @property
    def function(self) -> str:
        """In which function."""
        return self.record.site.function


def record(stage: Stage, passes: Passes, tree: ast.Module | None = None) -> tuple[list[Written], dict, Tape]:
    """Run both passes on a tape.

    Parameters
    ----------
    stage : Stage
    passes : Passes
    tree : ast.Module, optional
        An edited source.

    Returns
    -------
    written : list of Written
        Of the student's own code, during the backward, in the order of time.
    grads : dict of str to array
    tape : Tape
    """
    tape = Tape()
    built = stage.taped(tape, tree)
    _, kept = passes.forward(built.backend)
    turn = len(tape.records)
    grads = passes.backward(kept)
    records = [one for one in tape.records[turn:] if one.site is not None]
    steps = _Steps(records, len(passes.inputs["x"]) if passes.inputs.get("x") is not None else None)
    own = [one for one in records if one.key[0] >= built.first_site]
    return [Written(one, steps.of(one)) for one in own], grads, tape


class _Steps:
    """Knows which loop goes through time."""

    def __init__(self, records, steps):
        rounds = defaultdict(set)
        order: list[str] = []
        for one in records:
            for name in one.loops:
                rounds[name].add(one.counters.get(name))
                if name not in order:
                    order.append(name)
        fitting = [name for name in order if len(rounds[name]) == steps]
        outer = [one.loops[0] for one in records if one.loops]
        self.loop = (fitting or outer or [None])[0]
        self.steps = steps

    def of(self, record):
        if self.loop is None or self.loop not in record.loops:
            return None
        number = record.counters[self.loop]
        return self.steps - 1 - number if self.loop.startswith("#") and self.steps else number


def judge(written: list[Written], pool: Pool) -> None:
    """Say of every record whether it is right.

    Parameters
    ----------
    written : list of Written
        Get their ``status`` and ``accepts``.
    pool : Pool
    """
    seen = set()
    for one in reversed(written):
        kind = one.record.kind == "return"  # what is returned is no later write
        key = (one.record.call, one.t, one.record.target.partition("[")[0], kind)
        one.last = key not in seen
        seen.add(key)
    timed = any(one.t is not None for one in written)
    done = set()
    for one in written:
        _judge(one, pool, timed)
        key = (one.record.call, one.t, one.name)
        if one.status == RIGHT:
            done.add(key)
        elif one.status == WRONG and key in done and pool.match(one.value, one.t):
            one.status = OTHER  # a name that has done its work holds another node's gradient


def look_at_answers(written: list[Written], grads: dict[str, np.ndarray], truth: dict[str, np.ndarray]) -> bool:
    """Where no record is wrong by its name, hold the last one of each wrong gradient against the truth.

    Parameters
    ----------
    written : list of Written
        Judged.
    grads, truth : dict of str to array
        What the backward answered, and what is right.

    Returns
    -------
    bool
        Whether something was made right and returned as something else.
    """
    lost = False
    if any(one.status == WRONG for one in written):
        return lost
    for name, right in truth.items():
        if name in grads and not _is(grads[name], right):
            own = [one for one in written if of_gradient(one.name) == name and one.record.kind != "argument"]
            if not own or (own[-1].status == RIGHT and own[-1].t is None) or _is(own[-1].value, right):
                lost = True
            elif np.shape(own[-1].value) == np.shape(right):
                own[-1].status, own[-1].accepts = WRONG, [right]
    return lost


def _judge(one, pool, timed):
    name, value = one.name, one.value
    meant = of_gradient(name)
    passing = one.record.kind in ("argument", "return")
    if passing and one.t is None and pool.is_upstream(value):
        one.status = OTHER
        return
    if meant and base(meant) in pool.names:
        accepted = _accepted(one, meant, pool)
        if accepted:
            one.accepts = accepted
            one.status = RIGHT if any(_is(value, array) for array in accepted) else WRONG
            if one.status == RIGHT:
                return
            if one.record.kind == "set" and _share(one, base(meant), pool):
                one.status = OTHER
                return
            if one.t is None and any(_left_out(value, array) for array in accepted):
                one.status = OTHER
                return
            if not one.last or (one.t is None and (timed or not np.any(value))):
                one.status = _loosely(one, pool)
            return
    if not meant and one.record.kind != "add":
        known = [k.array for k in pool.named(base(name), one.t, values=True)] if one.t is not None else []
        if known:
            fitting = [array for array in known if np.shape(array) == np.shape(value)]
            if any(_is(value, array) for array in fitting):
                one.status = RIGHT
                return
            if is_edge(name) and pool.match(value, one.t, values=True):
                one.status = OTHER
                return
            if fitting and _speaks_of_values(one, pool):
                one.status, one.accepts = WRONG, fitting
                return
    one.status = _loosely(one, pool)


def _left_out(value, array):
    """Whether it is a true one with zeros where a mask leaves out what reaches nobody."""
    with np.errstate(invalid="ignore"):
        near = np.abs(value - array) <= 1e-9 * np.max(np.abs(array), initial=0)
    return bool(np.any(value) and (near | (value == 0)).all())


def _share(one, name, pool):
    """Whether it is what one step adds to a parameter's gradient: right, if it gets added."""
    known = pool.named(name, one.t)
    return any(k.kind == SUM for k in known) and any(k.kind == EDGE and _is(one.value, k.array) for k in known)


def _speaks_of_values(one, pool):
    """Whether a name of the forward holds a value here, not a gradient under the same name."""
    return not pool.match(one.value, one.t) and not any(pool.match(one.value, t) for t in pool.known)


def _loosely(one, pool):
    value = one.value
    if not np.any(value):
        return BLANK
    if pool.match(value, one.t) or pool.is_upstream(value):
        return OTHER
    if pool.match(value, one.t, values=True) or any(pool.match(value, t, values=True) for t in pool.values):
        return OTHER
    if pool.reshaped(value, one.t) or not np.isfinite(value).all():
        return OTHER
    if one.record.increment is not None and pool.match(one.record.increment, one.t):
        return OTHER
    return UNKNOWN


def _accepted(one, meant, pool):
    """List the derivatives that a gradient of this name may be."""
    name, t = base(meant), one.t
    known = pool.named(name, t)
    kinds = {TOTAL, EDGE, SUM}
    if is_edge(meant):
        kinds = {EDGE, TAKEN} if meant.endswith("_prev") else {EDGE}
        if one.record.kind == "argument" and meant.endswith(("_next", "_last")):
            kinds = {EDGE, PART, TOTAL}
        if t is None:
            return []
    elif meant.endswith("_t"):
        kinds = {TOTAL}
    function = undone(one.function)
    inside = [k for k in known if k.function == function and k.kind in kinds and np.any(k.array)] if function else []
    if inside and meant.endswith("_t"):
        known = inside
    taken = [k for k in known if k.function == function and k.kind == TAKEN] if function else []
    if taken and meant.endswith("_prev"):
        known = taken
    if one.record.kind in ("add", "set") and any(k.kind == SUM for k in known):
        kinds = {SUM}
    shape = np.shape(one.value)
    if any(np.any(k.array) for k in known):
        known = [k for k in known if np.any(k.array)]  # what nobody reads has no derivative: it is a mere copy
    return [k.array for k in known if k.kind in kinds and np.shape(k.array) == shape]


def _is(value: np.ndarray, array: np.ndarray) -> bool:
    if np.shape(value) != np.shape(array):
        return False
    with np.errstate(invalid="ignore"):
        return bool(np.max(np.abs(value - array), initial=0) <= 1e-9 * np.max(np.abs(array), initial=0) + 1e-14)


def is_same(value: Any, array: np.ndarray) -> bool:
    """Say whether a value is a true one, up to rounding.

    Parameters
    ----------
    value : array or float
    array : array

    Returns
    -------
    bool
    """
    kept = isinstance(value, np.ndarray | float | np.inexact) and np.asarray(value).dtype.kind in "fiub"
    return kept and _is(value, array)
