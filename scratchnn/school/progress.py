"""How far a student is: one small file beside the exercises."""

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from scratchnn.files import write_bytes

from .verdict import LINES, NUMBERS, UNFINISHED, Verdict

FILE = ".progress.json"
VERSION = 1


@dataclass(frozen=True)
class Standing:
    """How far one exercise is.

    Parameters
    ----------
    done, assisted : bool
        Solved; solved after the corrected lines were shown.
    tries : int
        Verdicts on files without a hole, until it was solved.
    hint : int
        How far the hints have climbed.
    shown : bool
        The corrected lines were shown.
    mistakes : tuple of str
        Ids of the mistakes that were recognised on the way.
    """

    done: bool = False
    assisted: bool = False
    tries: int = 0
    hint: int = NUMBERS
    shown: bool = False
    mistakes: tuple[str, ...] = ()

    def after(self, verdict: Verdict) -> "Standing":
        """Go on by a verdict.

        Parameters
        ----------
        verdict : Verdict

        Returns
        -------
        Standing
            The hints begin again when another mistake is recognised.
        """
        found = tuple(one.id for one in verdict.mistakes)
        fresh = [name for name in found if name not in self.mistakes]
        return replace(
            self,
            done=self.done or verdict.passed,
            assisted=self.assisted or (verdict.passed and not self.done and self.shown),
            tries=self.tries + (not self.done and verdict.status != UNFINISHED),
            hint=NUMBERS if fresh or verdict.passed else self.hint,
            mistakes=(*self.mistakes, *fresh),
        )

    def climbed(self, step: int) -> "Standing":
        """Remember which hint was shown.

        Parameters
        ----------
        step : int

        Returns
        -------
        Standing
        """
        return replace(self, hint=step, shown=self.shown or step >= LINES)

    @property
    def words(self) -> str:
        """In words: "", "tried", "done" or "done, assisted"."""
        if self.done:
            return "done, assisted" if self.assisted else "done"
        return "tried" if self.tries else ""


@dataclass(frozen=True)
class Progress:
    """How far all exercises of a folder are.

    Parameters
    ----------
    current : str
        The id of the exercise that is open.
    standings : dict of str to Standing
    """

    current: str = ""
    standings: dict[str, Standing] = field(default_factory=dict)

    def of(self, name: str) -> Standing:
        """Look up one exercise.

        Parameters
        ----------
        name : str
            Its id.

        Returns
        -------
        Standing
        """
        return self.standings.get(name, Standing())

    def having(self, name: str, standing: Standing) -> "Progress":
        """Change one exercise.

        Parameters
        ----------
        name : str
        standing : Standing

        Returns
        -------
        Progress
        """
        return replace(self, standings=self.standings | {name: standing})


def read(folder: Path) -> Progress:
    """Read a folder's progress.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    Progress
        Nothing, if there is no file or it cannot be read.
    """
    try:
        kept = json.loads((folder / FILE).read_text(encoding="utf-8"))
        standings = {str(name): _standing(one) for name, one in kept["exercises"].items()}
        return Progress(str(kept["current"]), standings)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return Progress()


def write(folder: Path, progress: Progress) -> None:
    """Write a folder's progress.

    Parameters
    ----------
    folder : Path
    progress : Progress
    """
    kept: dict[str, Any] = {
        "version": VERSION,
        "current": progress.current,
        "exercises": {name: asdict(one) for name, one in progress.standings.items()},
    }
    write_bytes(folder / FILE, (json.dumps(kept, indent=1) + "\n").encode())


def _standing(kept):
    return Standing(
        bool(kept["done"]), bool(kept["assisted"]), int(kept["tries"]), int(kept["hint"]), bool(kept["shown"]),
        tuple(map(str, kept["mistakes"])),
    )  # fmt: skip
