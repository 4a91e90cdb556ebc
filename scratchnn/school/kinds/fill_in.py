"""Fill in: a function of the library with lines cut out, from one line to the whole body."""

from dataclasses import dataclass
from typing import ClassVar

from ..cutting import written
from .coded import Coded


@dataclass(frozen=True, kw_only=True)
class FillIn(Coded):
    """Write what is missing."""

    kind: ClassVar[str] = "fill in"
    how: ClassVar[str] = (
        "Replace every `...` and save. A number in brackets is that of an equation; the names are the chapter's."
    )

    def body(self) -> str:
        """Write the functions with holes."""
        return self.file_body(holes=True)

    def file_body(self, holes: bool) -> str:
        """Write the functions.

        Parameters
        ----------
        holes : bool
            False: as the answer book has them; for tests of the exercise.

        Returns
        -------
        str
        """
        functions = [written(self.op, piece, holes) for piece in self.pieces]
        return self.imports() + "\n\n".join(functions)
