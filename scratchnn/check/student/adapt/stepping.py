"""Our loop over time around a student's step and step_backward, whatever they take and return."""

import dataclasses
import inspect
from typing import Any

import numpy as np

from . import grads
from .binding import Binding, bind
from .finding import array_of
from .names import STATES, UPSTREAM, WORDS, plain, without_d
from .own import Own

NEXT = {"h": {*WORDS["h0"], "ht", "hnext", "nexth", "hnew", "anext", "at"},
        "c": {*WORDS["c0"], "ct", "cnext", "nextc", "cnew"}}  # fmt: skip
SPARE = ("dc_last",)


def looped(own: Own, fields: tuple[str, ...]) -> Own | None:
    """Make a forward and a backward of steps.

    Parameters
    ----------
    own : Own
    fields : tuple of str
        Names of our parameters.

    Returns
    -------
    Own or None
        None where the arguments of the step are a riddle.
    """
    op = own.student.op
    step = bind(own.functions["step"], STATES[op], fields=fields)
    if step is None:
        return None
    functions = {"forward": _Forward(own, step)}
    if "step_backward" in own.functions:
        kept = tuple(slot.name for slot in step.slots) + own.written.get("step", ())
        states = (*UPSTREAM[op], "cache")
        back = bind(own.functions["step_backward"], states, kept=kept, fields=fields, spare=SPARE)
        if back is not None:
            functions["backward"] = _Backward(own, step, back)
    theirs = {name: own.student.theirs["step" if name == "forward" else "step_backward"] for name in functions}
    student = dataclasses.replace(own.student, theirs=own.student.theirs | theirs)
    made = Own(student, own.functions | functions)
    made.written = own.written
    return made


def _signature(names):
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    return inspect.Signature([inspect.Parameter(name, kind) for name in names])


class _Forward:
    """Calls the step once for every time step."""

    def __init__(self, own: Own, step: Binding):
        self.own, self.step = own, step
        self.role = {slot.role: slot.name for slot in step.slots if slot.kind == "given"}
        self.__name__ = "step"
        self.__signature__ = _signature([slot.name for slot in step.slots])

    def __call__(self, **values):
        x, h, c = (values.get(self.role.get(name, "")) for name in ("x", "h0", "c0"))
        hidden, cell, outs, given = [h], [c], [], []
        for x_t in x:
            now = dict(values)
            now |= {self.role[role]: part for role, part in (("x", x_t), ("h0", h), ("c0", c)) if role in self.role}
            out = self.own.functions["step"](**now)
            h, c = self._states(out)
            hidden.append(h)
            cell.append(c)
            outs.append(out)
            given.append(now)
        found = {"h": hidden} | ({"c": cell} if c is not None else {})
        return found | {"outs": outs, "given": given}

    def _states(self, out):
        """Find h and c in what the step returned: by name, else the first and the second."""
        if hasattr(out, "_asdict"):
            out = out._asdict()
        lstm = "c0" in self.role
        if isinstance(out, dict):
            named = out
        elif isinstance(out, tuple | list):
            written = self.own.written.get("step", ())
            written = written if len(written) == len(out) else [str(k) for k in range(len(out))]
            named = dict(zip(written, out, strict=True))
        else:
            return out, None
        found = {}
        for letter, words in NEXT.items():
            fit = [part for name, part in named.items() if plain(name) in words and array_of(part) is not None]
            if fit:
                found[letter] = fit[-1]
        parts = [part for part in named.values() if array_of(part) is not None]
        if "h" not in found or (lstm and "c" not in found):
            found = dict(zip("hc", parts, strict=False))
        return found["h"], found["c"] if lstm else None


class _Backward:
    """Calls the step's backward once for every time step, from the last to the first, and adds up."""

    def __init__(self, own: Own, step: Binding, back: Binding):
        self.own, self.step, self.back = own, step, back
        self.role = {slot.role: slot.name for slot in back.slots if slot.kind == "given"}
        wanted = [slot.name for slot in back.slots if slot.kind in ("weight", "params")]
        self.weights = wanted
        upstream = ["dh", *(["dc_last"] if own.student.op == "lstm" else []), "cache"]
        self.__name__ = "step_backward"
        self.__signature__ = _signature([*upstream, *wanted])
        self.choice = None

    def __call__(self, dh, cache, dc_last=None, **weights):
        steps = len(cache["outs"])
        dh_next, dc_next = 0, dc_last
        total: dict[str, Any] = {}
        dx = [None] * steps
        for t in reversed(range(steps)):
            flat = self._one(dh[t] + dh_next, dc_next, cache["outs"][t], cache["given"][t], weights)
            dx[t] = flat.pop("x", None)
            dh_next, dc_next = flat.pop("h0"), flat.pop("c0", None)
            for name, part in flat.items():
                total[name] = total.get(name, 0) + np.asarray(part)
        found = total | {"h0": dh_next} | ({"c0": dc_next} if dc_next is not None else {})
        return found | ({"x": dx} if dx[0] is not None else {})

    def _one(self, dh_t, dc_t, out, given, weights):
        values = {name: weights[name] for name in self.weights}
        for role, part in (("dh", dh_t), ("dc_last", dc_t)):
            if role in self.role:
                values[self.role[role]] = part
        written = self.own.written.get("step", ())
        for slot in self.back.slots:
            if slot.kind == "kept":
                values[slot.name] = given[slot.name] if slot.name in given else out[written.index(slot.name)]
        return self._understood(self._called(values, out, written))

    def _called(self, values, out, written):
        name = self.role.get("cache")
        function = self.own.functions["step_backward"]
        if name is None:
            return function(**values)
        choices = [lambda out: out]
        if isinstance(out, tuple) and not hasattr(out, "_fields"):
            place = written.index(name) if name in written else None
            choices = (
                [lambda out: out[place]]
                if place is not None
                else [lambda out: out[-1], lambda out: out, lambda out: out[2:]]
            )
        error = None
        for choice in [self.choice] if self.choice else choices:
            try:
                found = function(**values | {name: choice(out)})
            except (TypeError, ValueError, AttributeError, KeyError, IndexError) as raised:
                error = error or raised
                continue
            self.choice = choice
            return found
        raise error

    def _understood(self, found):
        """Name the gradients: x, h0, c0, and those of weights by their own names."""
        flat = grads.named(found, self.own.written.get("step_backward", ()))
        roles = [slot.role if slot.kind == "given" else without_d(f"d{slot.name}") for slot in self.step.slots]
        answer = {}
        for role in ("x", "h0", "c0"):
            if (part := grads.fitting(flat, role, role)) is not None:
                answer[role] = part
        used = {word for role in answer for word in (role, *WORDS[role])}
        answer |= {name: part for name, part in flat.items() if name not in used and array_of(part) is not None}
        if "h0" not in answer or ("c0" in roles and "c0" not in answer):
            parts = grads.positional(found, len(roles))
            if parts is None:
                raise TypeError(
                    "step_backward returned no gradient of h_prev, expected those of its step's arguments"
                )
            answer = dict(zip(roles, parts, strict=True))
        return answer
