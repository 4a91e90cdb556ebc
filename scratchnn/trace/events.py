"""One step of a trace: an equation that ran, and what is known about its number."""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Check:
    """An independent judgement of one number of a trace.

    Parameters
    ----------
    method : str
        How the true value was found, in words.
    true : int or None
        Index of the true array; None where it was sampled only.
    error : float
        Largest absolute difference over the largest true entry.
    bound : float
    passed : bool
    meaning : {"total", "carried", "sum so far", "value"}
        ``carried``: an edge, without that step's own loss.
    """

    method: str
    true: int | None
    error: float
    bound: float
    passed: bool
    meaning: str = "total"


@dataclass
class Event:
    """One numbered equation that ran.

    Parameters
    ----------
    n : int
    phase : {"forward", "backward"}
    op : str
    t : int or None
    node : str
        The name that got the value.
    of : str or None
        Whose gradient it is.
    equation : int or None
        Number of the equation in its op.
    function : str
    line : int
    text : str
        The line of the source.
    inputs : list of dict
        ``name``, ``array`` and ``event``, the event that made it (None for what came from outside).
    value : int or None
        Index of the array; of a parameter's gradient only the last event has it.
    kind : {"set", "add"}
    addends : list of dict
        ``source`` with ``array``, ``factors`` or ``summed`` and ``axis``.
    gate : str or None
    check : Check or None
    """

    n: int
    phase: str
    op: str
    t: int | None
    node: str
    of: str | None
    equation: int | None
    function: str
    line: int
    text: str
    inputs: list[dict[str, Any]]
    value: int | None
    kind: str = "set"
    addends: list[dict[str, Any]] = field(default_factory=list)
    gate: str | None = None
    check: Check | None = None
