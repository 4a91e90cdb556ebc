"""What localising found."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Edit:
    """A single edit that repairs a line.

    Parameters
    ----------
    before, after : str
        The statement, "" where one is missing or spare.
    words : str
        What was done.
    """

    before: str
    after: str
    words: str


@dataclass(frozen=True)
class Fault:
    """A wrong line.

    Parameters
    ----------
    line : int
    text : str
        The statement in that line.
    t : int or None
        Time step, or round of the loop, at which it is first wrong.
    index : tuple of int
    expected, got : float
    name : str
        What the line assigns.
    edit : Edit or None
    certain : bool
        The edit makes every gradient right, on a second seed too.
    """

    line: int
    text: str
    t: int | None
    index: tuple[int, ...]
    expected: float
    got: float
    name: str
    edit: Edit | None
    certain: bool

    def __str__(self):
        step = "" if self.t is None else f" t={self.t}:"
        at = f"[{', '.join(map(str, self.index))}]" if self.index else ""
        return (
            f"line {self.line}: {self.text},{step} {self.name}{at}: expected {self.expected:.6g}, got {self.got:.6g}"
        )


@dataclass(frozen=True)
class Localisation:
    """Where a backward is wrong.

    Parameters
    ----------
    faults : tuple of Fault
        In the order in which they are met; each but the first once the earlier ones are repaired.
    suspects : tuple of (int, str, float, float)
        Lines that hold unexpected numbers: line, text, true and computed value.
    certain : bool
        All faults are named and repaired.
    complete : bool
        Nothing was left out for want of time.
    why : str
        Why there is nothing to say, if so.
    repaired : bool
        All gradients are right after the edits; not certain all the same, if a large one could stand a line later.
    """

    faults: tuple[Fault, ...] = ()
    suspects: tuple[tuple[int, str, float, float], ...] = ()
    certain: bool = False
    complete: bool = True
    why: str = ""
    repaired: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Give everything as dicts, lists, strings and numbers, ready for JSON.

        Returns
        -------
        dict
        """
        return {
            "certain": self.certain,
            "repaired": self.repaired,
            "complete": self.complete,
            "why": self.why,
            "faults": [
                {
                    "line": one.line,
                    "text": one.text,
                    "t": one.t,
                    "index": list(one.index),
                    "name": one.name,
                    "expected": one.expected,
                    "got": one.got,
                    "certain": one.certain,
                    "edit": one.edit
                    and {"before": one.edit.before, "after": one.edit.after, "words": one.edit.words},
                    "said": str(one),
                }
                for one in self.faults
            ],
            "suspects": [
                {"line": line, "text": text, "expected": expected, "got": got}
                for line, text, expected, got in self.suspects
            ],
        }
