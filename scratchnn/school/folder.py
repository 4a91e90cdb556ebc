"""A student's folder: the files, the progress, and what happens to both."""

from dataclasses import replace
from pathlib import Path

from scratchnn.errors import InputError
from scratchnn.files import write_bytes

from . import progress as kept
from .kinds.base import Exercise
from .shelf import exercise, exercises
from .verdict import BROKEN, Verdict

BACKUP = "backup"
LARGEST = 200_000  # bytes of a file that is read


class Folder:
    """The exercises of one student.

    Parameters
    ----------
    path : str or Path
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.progress = kept.read(self.path)

    @property
    def begun(self) -> bool:
        """Whether it is there and holds exercises."""
        return (self.path / kept.FILE).is_file()

    def make(self) -> list[str]:
        """Make the folder and the files that are missing; what is there stays as it is.

        Returns
        -------
        list of str
            Names of the files that were written.

        Raises
        ------
        InputError
            Something else is there.
        """
        if self.path.exists() and not self.path.is_dir():
            raise InputError(f"learn: {self.path} is a file, expected a folder for the exercises")
        known = {one.file for one in exercises()}
        if self.path.is_dir() and not self.begun:
            others = [one.name for one in self.path.iterdir() if one.name not in known and one.name[:1] != "."]
            if others:
                raise InputError(
                    f"learn: {self.path} holds other things ({others[0]}), expected an empty or a new folder"
                )
        self.path.mkdir(parents=True, exist_ok=True)
        missing = [one for one in exercises() if not (self.path / one.file).exists()]
        for one in missing:
            write_bytes(self.path / one.file, one.stub().encode())
        if not self.begun:
            self._keep(replace(self.progress, current=exercises()[0].id))
        return [one.file for one in missing]

    def current(self) -> Exercise:
        """Give the exercise that is open.

        Returns
        -------
        Exercise
        """
        known = {one.id for one in exercises()}
        return exercise(self.progress.current) if self.progress.current in known else exercises()[0]

    def next(self) -> Exercise | None:
        """Open the next exercise: the first after this one that is not done, or the first of all.

        Returns
        -------
        Exercise or None
            None: all are done.
        """
        every, here = exercises(), self.current()
        after = [one for one in every if one.number > here.number]
        for one in (*after, *every):
            if not self.progress.of(one.id).done and one is not here:
                self.open(one)
                return one
        if after and not self.progress.of(here.id).done:
            self.open(after[0])
            return after[0]
        return None

    def open(self, one: Exercise) -> None:
        """Open an exercise.

        Parameters
        ----------
        one : Exercise
        """
        self._keep(replace(self.progress, current=one.id))

    def file(self, one: Exercise) -> Path:
        """Say where an exercise's file is.

        Parameters
        ----------
        one : Exercise

        Returns
        -------
        Path
        """
        return self.path / one.file

    def judge(self, one: Exercise) -> Verdict:
        """Judge an exercise's file and remember what became of it.

        Parameters
        ----------
        one : Exercise

        Returns
        -------
        Verdict
        """
        verdict = judged(one, self.file(one))
        self.remember(one, verdict)
        return verdict

    def remember(self, one: Exercise, verdict: Verdict) -> None:
        """Remember a verdict.

        Parameters
        ----------
        one : Exercise
        verdict : Verdict
        """
        self._keep(self.progress.having(one.id, self.progress.of(one.id).after(verdict)))

    def climb(self, one: Exercise, verdict: Verdict) -> int:
        """Show one more hint.

        Parameters
        ----------
        one : Exercise
        verdict : Verdict

        Returns
        -------
        int
            The step that is shown now.
        """
        standing = self.progress.of(one.id)
        further = [step for step in verdict.steps if step > standing.hint]
        step = further[0] if further else standing.hint
        self._keep(self.progress.having(one.id, standing.climbed(step)))
        return step

    def reset(self, one: Exercise) -> Path | None:
        """Write an exercise's file anew; the old one is kept.

        Parameters
        ----------
        one : Exercise

        Returns
        -------
        Path or None
            Where the old one is; None if there was nothing to keep.
        """
        path, backup = self.file(one), None
        old = path.read_bytes() if path.is_file() else b""
        if old and old != one.stub().encode():
            (self.path / BACKUP).mkdir(exist_ok=True)
            taken = len(list((self.path / BACKUP).glob(f"{one.id}_*.py")))
            backup = self.path / BACKUP / f"{one.id}_{taken + 1}.py"
            write_bytes(backup, old)
        write_bytes(path, one.stub().encode())
        self._keep(self.progress.having(one.id, replace(self.progress.of(one.id), hint=1)))
        return backup

    def _keep(self, progress):
        self.progress = progress
        kept.write(self.path, progress)


def text_of(path: Path) -> str:
    """Read a student's file.

    Parameters
    ----------
    path : Path

    Returns
    -------
    str

    Raises
    ------
    InputError
        It is not there, not text, or far too large.
    """
    try:
        content = path.read_bytes()
        if len(content) > LARGEST:
            raise InputError(f"{path.name} has {len(content):,} bytes, expected at most {LARGEST:,}")
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise InputError(f"{path.name} is no text in UTF-8") from None
    except OSError as error:
        raise InputError(f"{path.name} cannot be read: {error.strerror}") from None


def judged(one: Exercise, path: Path) -> Verdict:
    """Judge a file.

    Parameters
    ----------
    one : Exercise
    path : Path

    Returns
    -------
    Verdict
    """
    try:
        return one.judge(text_of(path))
    except InputError as error:
        return Verdict(BROKEN, f"{error}; x puts it back as it was")
