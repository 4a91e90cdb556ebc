"""The record of a mistake planted in a student's source by hand."""

from typing import NamedTuple


class Planting(NamedTuple):
    """A mistake: the bug of the catalogue that it equals, and what stands where in the right and the wrong source."""

    bug: str
    changes: tuple[tuple[str, str], ...]  # (old, new); each old text stands exactly once in the source

    def lines(self, source: str) -> tuple[int, ...]:
        """Say in which lines of the right source something is changed.

        Parameters
        ----------
        source : str

        Returns
        -------
        tuple of int
            Counted from 1.
        """
        return tuple(source[: source.index(old)].count("\n") + 1 for old, _ in self.changes)

    def planted(self, source: str) -> str:
        """Make the wrong source.

        Parameters
        ----------
        source : str

        Returns
        -------
        str

        Raises
        ------
        ValueError
            An old text does not stand exactly once in the source.
        """
        for old, new in self.changes:
            if source.count(old) != 1:
                raise ValueError(f"{self.bug}: {old!r} stands {source.count(old)} times, expected exactly once")
            source = source.replace(old, new)
        return source


def planting(bug: str, *texts: str) -> Planting:
    """Write a planting down shortly.

    Parameters
    ----------
    bug : str
        Its id in the catalogue.
    *texts : str
        Old and new texts in turn.

    Returns
    -------
    Planting
    """
    return Planting(bug, tuple(zip(texts[::2], texts[1::2], strict=True)))
