"""Bug hunt: a function of the library with a known mistake in it."""

from dataclasses import dataclass
from typing import ClassVar

from scratchnn.check.catalogue import bug
from scratchnn.check.catalogue.planting import source
from scratchnn.check.student import Limits

from ..cutting import Line, Piece, written
from ..hidden import ask
from .coded import Coded


@dataclass(frozen=True, kw_only=True)
class Hunt(Coded):
    """Find the mistake and mend it.

    Parameters
    ----------
    planted_id : str
        Which one it is.
    """

    planted_id: str
    kind: ClassVar[str] = "bug hunt"
    how: ClassVar[str] = "One line below is wrong. Find it by what the numbers say, mend it, and save."

    def body(self) -> str:
        """Write the functions with the mistake."""
        wrong = source(bug(self.planted_id))
        functions = [written(self.op, piece, False, wrong) for piece in self.pieces]
        return self.imports() + "\n\n".join(functions)

    def answers(self) -> tuple[Line, ...]:
        """Look up the right lines."""
        return tuple(
            Line(edit.function, "", line, 0) for edit in bug(self.planted_id).edits for line in edit.old.splitlines()
        )

    def checks(self) -> tuple[str, ...]:
        """Name one check: mended or not, whatever gradients were right before."""
        return ("mended", *(["padding"] if self.padded else []))

    def graded(self, text: str, seed: int, limits: Limits) -> dict[str, str]:
        """Ask one hidden problem; every gradient must be right."""
        found = {}
        for check, form in zip(self.checks(), (self.form, self.padded), strict=False):
            wrong, _ = ask(self.code(text), self.op, form, seed, limits)
            found[check] = next(filter(None, wrong.values()), "")
        return found


__all__ = ["Hunt", "Piece"]
