"""Find the known mistakes whose gradient is the one given: singly, then in pairs."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from scratchnn.misconceptions import MISCONCEPTIONS, Bug

from ..catalogue import planting
from ..subjects import Subject
from . import pairs, probing
from .planted import planted
from .probing import Probe

SECONDS = 4.0  # of this process that the search for pairs may take


class Match(NamedTuple):
    """Known mistakes that, together, give exactly the gradient in question."""

    bugs: tuple[Bug, ...]
    distance: float  # the largest difference on all probes, relative to the largest entry of its array

    @property
    def ids(self) -> tuple[str, ...]:
        """The names in the catalogue."""
        return tuple(bug.id for bug in self.bugs)

    @property
    def digits(self) -> int:
        """To how many digits the gradients are equal."""
        return 15 if self.distance <= 1e-15 else int(-np.log10(self.distance))

    def as_dict(self) -> dict:
        """Give everything as dicts, lists, strings and numbers, ready for JSON.

        Returns
        -------
        dict
        """
        return {"digits": self.digits, "mistakes": [_described(bug) for bug in self.bugs]}


class Asked(NamedTuple):
    """A probe, the gradient in question there, and the right one."""

    place: Probe
    given: dict[str, np.ndarray] | None
    truth: dict[str, np.ndarray]

    @property
    def right(self) -> bool:
        """Whether there is nothing to see here."""
        return probing.agree(self.given, self.truth)

    @property
    def comparable(self) -> bool:
        """Whether every gradient is there, in its array's shape."""
        given = self.given or {}
        return all(np.shape(given.get(name)) == right.shape for name, right in self.truth.items())


@dataclass(frozen=True)
class Diagnosis:
    """What the catalogue says to a gradient.

    Parameters
    ----------
    op : str
    right : bool
        The gradient is the true one on every probe.
    matches : tuple of Match
        Every explanation that fits all probes; more than one: these probes cannot tell them apart.
    compared : int
        How many wrong gradients were looked at.
    probes : tuple of str
        Subject and seed of each.
    complete : bool
        The search for pairs was not cut off by its time limit.
    """

    op: str
    right: bool
    matches: tuple[Match, ...]
    compared: int
    probes: tuple[str, ...]
    complete: bool = True

    @property
    def certain(self) -> bool:
        """Whether exactly one explanation fits, nothing was left untried, and a second seed confirmed it."""
        return (
            len(self.matches) == 1 and self.complete and len({probe.rpartition(" ")[2] for probe in self.probes}) > 1
        )

    def __str__(self):
        """Give the diagnosis in words."""
        if self.right:
            return "the gradients are right"
        if not self.matches:
            limit = "" if self.complete else "; the search for pairs was cut off by its time limit"
            return f"the gradients are those of none of {self.compared} known mistakes and pairs{limit}"
        first = self.matches[0]
        said = f"your gradients equal, to {first.digits} digits, those of this mistake: "
        return said + "\n  or: ".join(" and ".join(bug.title for bug in match.bugs) for match in self.matches)

    def as_dict(self) -> dict:
        """Give everything as dicts, lists, strings and numbers, ready for JSON.

        Returns
        -------
        dict
        """
        return {
            "op": self.op,
            "right": self.right,
            "certain": self.certain,
            "complete": self.complete,
            "compared": self.compared,
            "probes": list(self.probes),
            "matches": [match.as_dict() for match in self.matches],
        }


def diagnose(
    op: str,
    backward_of: Any,
    seeds: Sequence[int] = (0, 1),
    *,
    subjects: Sequence[Subject] | None = None,
    seconds: float = SECONDS,
) -> Diagnosis:
    """Name the known mistake whose gradient this is.

    Parameters
    ----------
    op : str
        E.g. "lstm".
    backward_of : module or function
        A backend: a module with the op's ``forward`` and ``backward``; or a function ``(subject, seed) -> grads``
        that gives the gradients as a dict of str to array.
    seeds : sequence of int
        Each draws inputs and upstream gradients; a second one confirms what the first one says.
    subjects : sequence of Subject, optional
        Variants of the op on which to ask; all by default.
    seconds : float
        That the search for pairs may take.

    Returns
    -------
    Diagnosis

    Raises
    ------
    InputError
        No op is called that.
    """
    known = [bug for bug in planting.bugs(op) if bug.kind == "gradient"]
    places = probing.probes(probing.subjects_of(op) if subjects is None else subjects, seeds)
    ask = _asking(backward_of)
    asked = [Asked(place, ask(place), probing.answer(place)) for place in places]
    named = tuple(f"{place.subject.name} seed {place.seed}" for place in places)
    asked.sort(key=lambda one: one.right)  # first those where there is something to see
    if asked[0].right:
        return Diagnosis(op, True, (), 0, named)
    matches = [match for bug in known if (match := _match((bug,), asked))]
    compared, complete = len(known), True
    if not matches and all(one.comparable for one in asked):
        deadline = time.process_time() + seconds
        for pair in pairs.candidates(known, [one for one in asked if one.place.seed == seeds[0]]):
            if time.process_time() > deadline:
                complete = False
                break
            compared += 1
            if match := _match(pair, asked):
                matches.append(match)
    return Diagnosis(op, False, tuple(matches), compared, named, complete)


def _asking(backward_of):
    if callable(backward_of):
        return lambda place: backward_of(place.subject, place.seed)
    return lambda place: probing.answer(place, backward_of)


def _match(bugs, asked) -> Match | None:
    """Compare on one probe after the other, as long as they agree."""
    try:
        module = planted(*bugs)
    except ValueError:  # two edits of one place
        return None
    farthest = 0.0
    for place, given, _ in asked:
        known = probing.answer(place, module)
        if not probing.agree(given, known):
            return None
        farthest = max(farthest, probing.distance(given, known))
    return Match(tuple(bugs), farthest)


def _described(bug: Bug) -> dict[str, str]:
    return {
        "id": bug.id,
        "title": bug.title,
        "misconception": bug.misconception,
        "meaning": MISCONCEPTIONS[bug.misconception],
        "question": bug.question,
        "right": "\n".join(edit.old for edit in bug.edits if edit.old),
        "wrong": "\n".join(edit.new for edit in bug.edits if edit.new),
        "function": bug.edits[0].function,
    }
