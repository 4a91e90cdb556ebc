"""What would have hidden a mistake: the weak ways of checking that let it pass."""

from collections.abc import Sequence
from typing import NamedTuple

from scratchnn.check.catalogue import bug
from scratchnn.check.catalogue.regimes import regime, who_is_caught
from scratchnn.misconceptions import Bug

ASKED = (
    "T = 1", "B = 1", "H = D = 1", "S = 1", "square", "summed loss", "last state only", "zero states",
    "tiny weights, 1e-2", "called once", "loss went down",
)  # fmt: skip
STRUCTURE = (*ASKED[: ASKED.index("tiny weights, 1e-2")], "called once")


class Hiding(NamedTuple):
    """A way of checking that lets a mistake pass."""

    name: str
    what: str
    why: str


def hidden_by(mistake: str) -> tuple[Hiding, ...]:
    """Say which weak checks would have let a mistake pass.

    Parameters
    ----------
    mistake : str
        Its id in the catalogue.

    Returns
    -------
    tuple of Hiding
    """
    asked = [regime(name) for name in ASKED]
    table = who_is_caught([bug(mistake)], asked)
    return tuple(
        Hiding(one.name, one.what, one.why)
        for one, caught in zip(asked, table.caught[0], strict=True)
        if caught is False
    )


def weaknesses(planted: Sequence[Bug], escaped: Sequence[Bug]) -> tuple[Hiding, ...]:
    """Say what is weak about a test, by what passes it.

    Parameters
    ----------
    planted, escaped : sequence of Bug
        All mistakes that it was shown, and those that passed.

    Returns
    -------
    tuple of Hiding
        At most two weak checks; of the mistakes that one of them hides, the largest part passes the test as well.
    """
    asked = [regime(name) for name in STRUCTURE]
    table = who_is_caught(planted, asked)
    passed, found = {known.id for known in escaped}, []
    for one in table.regimes:
        hidden = {known.id for known in table.escaped(one.name)}
        if hidden & passed:
            found.append((len(hidden & passed) / len(hidden), len(hidden), Hiding(one.name, one.what, one.why)))
    found.sort(key=lambda one: one[:2], reverse=True)
    return tuple(way for share, _, way in found[:2] if share == found[0][0])


def told(mistake: str, own: bool) -> list[str]:
    """Say it to a person.

    Parameters
    ----------
    mistake : str
        Its id in the catalogue.
    own : bool
        Whether the person made it.

    Returns
    -------
    list of str
    """
    title, ways = bug(mistake).title, hidden_by(mistake)
    lead = "Your mistake on the way" if own else "A mistake that others make here"
    if not ways:
        return [f"{lead}: {title}.", "None of the usual weak checks would have hidden it."]
    return [
        f"{lead}: {title}.",
        "These checks would have hidden it:",
        *(f"  {way.what} - {way.why}" for way in ways),
    ]
