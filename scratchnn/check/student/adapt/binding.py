"""Which of a function's arguments is what: states, weights, containers of weights, options, caches."""

import inspect
from typing import NamedTuple

from .names import looks_like_weight, meant

FREE = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


class Slot(NamedTuple):
    """One argument of a student's function."""

    name: str
    kind: str  # "given": one of our arguments; "states": h0 and c0 at once; "weight"; "params"; "kept"
    role: str  # our argument's name, or the array's


class Binding(NamedTuple):
    """All arguments of a function, and how it is called."""

    slots: tuple[Slot, ...]
    guessed: tuple[str, ...]  # names that were understood by their position only

    @property
    def weights(self) -> tuple[str, ...]:
        """The arrays of weights that are arguments of their own."""
        return tuple(slot.name for slot in self.slots if slot.kind == "weight")

    @property
    def container(self) -> str:
        """The argument that holds all weights, empty if none does."""
        return next((slot.name for slot in self.slots if slot.kind == "params"), "")

    @property
    def roles(self) -> frozenset[str]:
        """Our arguments that it takes."""
        both = {"h0", "c0"} if any(slot.kind == "states" for slot in self.slots) else set()
        return frozenset({slot.role for slot in self.slots if slot.kind == "given"} | both)


def parameters(function) -> dict[str, inspect.Parameter]:
    """Give the arguments of a function, a compiled one too.

    Parameters
    ----------
    function : function

    Returns
    -------
    dict of str to inspect.Parameter
    """
    found = dict(inspect.signature(getattr(function, "py_func", function)).parameters)
    return {name: one for name, one in found.items() if name not in ("self", "ctx")}


def bind(
    function,
    states: tuple[str, ...],
    *,
    options: tuple[str, ...] = (),
    kept: tuple[str, ...] = (),
    fields: tuple[str, ...] = (),
    spare: tuple[str, ...] = (),
) -> Binding | None:
    """Understand the arguments.

    Parameters
    ----------
    function : function
    states : tuple of str
        Those of our arguments that are no weights, in order.
    options : tuple of str
        Those that may be left out.
    kept : tuple of str
        Names of what a backward may be given of the forward: its arguments, the parts of what it returned.
    fields : tuple of str
        Names of our parameters.
    spare : tuple of str
        Of the states, those without which a function may do: they are guessed last.

    Returns
    -------
    Binding or None
        None where an argument stays a riddle.
    """
    left, slots, guessed = list(states), {}, []
    taken = {name: one for name, one in parameters(function).items() if one.kind not in FREE}
    for name in taken:
        if (
            fields
            and meant(name, ("params",))
            and not _among_weights(name, taken, states)
            and name not in (*left, *fields)
        ):
            slots[name] = Slot(name, "params", name)
        elif name in kept and name not in states and name not in fields:
            slots[name] = Slot(name, "kept", name)
        elif name in options:
            slots[name] = Slot(name, "given", name)
        elif role := meant(name, left):
            slots[name] = Slot(name, "given", role)
            left.remove(role)
        elif name in fields:
            slots[name] = Slot(name, "weight", name)
        elif "c0" in states and meant(name, ("states",)):
            slots[name] = Slot(name, "states", "states")
            left = [role for role in left if role not in ("h0", "c0")]
        elif looks_like_weight(name) and taken[name].default is inspect.Parameter.empty:
            slots[name] = Slot(name, "weight", name)
    riddles = [n for n in taken if n not in slots and taken[n].default is inspect.Parameter.empty]
    for role in [role for role in spare if role in left]:
        if len(riddles) < len(left):
            left.remove(role)
    if len(riddles) > len(left):
        return None
    for name, role in zip(riddles, left, strict=False):
        slots[name] = Slot(name, "given", role)
        guessed.append(name)
    return Binding(tuple(slots[name] for name in taken if name in slots), tuple(guessed))


def _among_weights(name, taken, states):
    """Whether `w` or `p` stands beside other weights, so that it is one of them."""
    others = [one for one in taken if one != name and not meant(one, (*states, "cache", "x", "h0", "c0"))]
    return len(name) == 1 and any(looks_like_weight(one) for one in others)
