"""A recorded run: the arrays, the events that made them, and what is known about each. JSON, version 1."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from scratchnn.errors import InputError

from . import storing
from .events import Check, Event

FORMAT = "scratchnn-trace"
VERSION = 1
PHASES = ("forward", "backward")


@dataclass
class Trace:
    """A recorded run.

    Parameters
    ----------
    op, title : str
    seed : int
    sizes : dict of str to int
    legend : list of dict
    equations : list of dict
    arrays : list of array
        Equal arrays stand here once.
    inputs, outputs, gradients : list of dict
        Each with ``name`` and the index ``array``; inputs with ``role``, gradients with ``check``.
    events : list of Event
    planted : dict or None
        The bug, where one was planted.
    """

    op: str
    title: str
    seed: int
    sizes: dict[str, int]
    legend: list[dict[str, Any]]
    equations: list[dict[str, Any]]
    arrays: list[np.ndarray]
    inputs: list[dict[str, Any]]
    outputs: list[dict[str, Any]]
    gradients: list[dict[str, Any]]
    events: list[Event]
    planted: dict[str, Any] | None = None
    judge: Any = field(default=None, repr=False, compare=False)  # finds true values; a loaded trace has none

    def array(self, index: int) -> np.ndarray:
        """Give an array by its index.

        Parameters
        ----------
        index : int

        Returns
        -------
        array
        """
        return self.arrays[index]

    def find(self, node: str, t: int | None = None, phase: str | None = None, op: str | None = None) -> Event:
        """Find the event that computed a node.

        Parameters
        ----------
        node : str
        t : int, optional
        phase : {"forward", "backward"}, optional
        op : str, optional

        Returns
        -------
        Event
            The last one that fits.

        Raises
        ------
        InputError
            None fits.
        """
        for event in reversed(self.events):
            if (
                event.node == node
                and t in (None, event.t)
                and phase in (None, event.phase)
                and op in (None, event.op)
            ):
                return event
        raise InputError(f"trace: no event computes {node!r}{'' if t is None else f' at t={t}'}")

    def check(self, n: int) -> Check | None:
        """Check one event now, if it is not checked yet.

        Parameters
        ----------
        n : int

        Returns
        -------
        Check or None
            None where no independent value is known: forward events of a loaded trace, unnamed helpers.

        Raises
        ------
        InputError
            There is no event of that number.
        """
        if not 0 <= n < len(self.events):
            raise InputError(f"trace: there is no event {n}, expected 0 to {len(self.events) - 1}")
        event = self.events[n]
        if event.check is None and self.judge is not None:
            self.judge.check(self, [event])
        return event.check

    def html(self, path: str | Path, wrong: Sequence["Trace"] = ()) -> Path:
        """Write the run as one HTML file that steps through it.

        Parameters
        ----------
        path : str or Path
        wrong : sequence of Trace, optional
            The same run with a planted bug each, shown beside this one.

        Returns
        -------
        Path

        Raises
        ------
        InputError
            The file cannot be written, or a wrong trace does not belong to this one.
        """
        from .page import write  # opened when needed

        return write(self, path, wrong)

    def show(self, wrong: Sequence["Trace"] = (), height: int = 900) -> Any:
        """Give the run as a notebook shows it: step by step, and as tables.

        Parameters
        ----------
        wrong : sequence of Trace, optional
            The same run with a planted bug each.
        height : int
            Pixels.

        Returns
        -------
        Shown
        """
        from .notebook import Shown  # opened when needed

        return Shown(self, wrong, height)

    def _repr_html_(self) -> str:
        return self.show()._repr_html_()

    def plot(self, what: str) -> Any:
        """Draw the run.

        Parameters
        ----------
        what : {"gates", "gradient flow", "attention"}

        Returns
        -------
        matplotlib.figure.Figure

        Raises
        ------
        InputError
            The run has nothing of the kind.
        """
        from .notebook import plot  # opened when needed

        return plot(self, what)

    def to_json(self) -> dict[str, Any]:
        """Give the trace as plain lists and dicts.

        Returns
        -------
        dict
        """
        return {
            "format": FORMAT,
            "version": VERSION,
            "op": self.op,
            "title": self.title,
            "seed": self.seed,
            "sizes": self.sizes,
            "planted": self.planted,
            "legend": self.legend,
            "equations": self.equations,
            "arrays": [{"shape": list(one.shape), "data": storing.numbers(one)} for one in self.arrays],
            "inputs": self.inputs,
            "outputs": self.outputs,
            "gradients": [_with_check(one) for one in self.gradients],
            "events": [_with_check(vars(one)) for one in self.events],
        }

    @classmethod
    def from_json(cls, plain: dict[str, Any]) -> "Trace":
        """Read what ``to_json`` gives.

        Parameters
        ----------
        plain : dict

        Returns
        -------
        Trace

        Raises
        ------
        InputError
            It is no trace, or one of another version.
        """
        if not isinstance(plain, dict) or plain.get("format") != FORMAT:
            raise InputError(f'trace: this is no trace, expected "format": "{FORMAT}"')
        if plain.get("version") != VERSION:
            raise InputError(f"trace: version is {plain.get('version')!r}, expected {VERSION}")
        try:
            kept = {name: plain[name] for name in cls.__dataclass_fields__ if name != "judge"}
            kept["arrays"] = [storing.array(one) for one in plain["arrays"]]
            kept["gradients"] = [{**one, "check": _check(one.get("check"))} for one in plain["gradients"]]
            kept["events"] = [Event(**{**one, "check": _check(one.get("check"))}) for one in plain["events"]]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError(f"trace: the file is damaged ({type(error).__name__}: {error})") from None
        return cls(**kept)

    def save(self, path: str | Path) -> None:
        """Write the trace, compressed if the name ends in .gz.

        Parameters
        ----------
        path : str or Path

        Raises
        ------
        InputError
            The file cannot be written.
        """
        storing.write(Path(path), self.to_json())

    @classmethod
    def load(cls, path: str | Path) -> "Trace":
        """Read a trace from a file.

        Parameters
        ----------
        path : str or Path

        Returns
        -------
        Trace
            It shows its checks but makes no new ones.

        Raises
        ------
        InputError
            The file cannot be read, or is no trace.
        """
        return cls.from_json(storing.read(Path(path)))


def _with_check(fields):
    check = fields.get("check")
    return {**fields, "check": None if check is None else vars(check)}


def _check(plain):
    return None if plain is None else Check(**plain)
