"""What a key does while somebody works on the exercises; the real terminal is in terminal.py."""

import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from scratchnn.errors import InputError
from scratchnn.files import write_bytes

from .folder import Folder, judged, text_of
from .hiding import told
from .kinds.base import Exercise
from .shelf import exercises
from .verdict import BROKEN, REFUSED, UNFINISHED, Verdict
from .words import SHORTEST, Styled, heading, listing, rows_of, verdict_lines

KEYS = {
    "n": "next",
    "p": "previous",
    "h": "hint",
    "s": "step my code",
    "r": "run",
    "l": "list",
    "x": "reset",
    "q": "quit",
}
SURE = "x again puts {file} back as it was handed out (yours is kept in {backup}/); any other key: no"


class Answer(NamedTuple):
    """A verdict on one exercise, and what would have hidden a mistake there."""

    exercise: Exercise
    verdict: Verdict
    hiding: list[str]


class Session:
    """One sitting: the open exercise, the last verdict, and what is shown.

    Parameters
    ----------
    folder : Folder
    """

    def __init__(self, folder: Folder) -> None:
        self.folder = folder
        self.verdict: Verdict | None = None
        self.judging = True
        self.message = ""
        self.asked = False  # x was pressed once
        self.listed = False
        self.hiding: list[str] = []
        self.stamp: tuple[int, int] | None = None

    @property
    def exercise(self) -> Exercise:
        """The exercise that is open."""
        return self.folder.current()

    @property
    def file(self) -> Path:
        """Its file."""
        return self.folder.file(self.exercise)

    def changed(self) -> bool:
        """Say whether the file is another one than at the last call.

        Returns
        -------
        bool
        """
        try:
            status = self.file.stat()
            stamp = (status.st_mtime_ns, status.st_size)
        except OSError:
            stamp = None
        before, self.stamp = self.stamp, stamp
        return before != stamp

    def judge(self) -> Answer:
        """Judge the open exercise; this may take a few seconds, and changes nothing.

        Returns
        -------
        Answer
        """
        one = self.exercise
        mine = self.folder.progress.of(one.id).mistakes
        verdict, common = judged(one, self.folder.file(one)), one.common_mistake()
        if not verdict.passed:
            return Answer(one, verdict, [])
        if mine:
            return Answer(one, verdict, told(mine[-1], own=True))
        return Answer(one, verdict, told(common.id, own=False) if common else [])

    def judged(self, answer: Answer) -> None:
        """Remember what became of a file, and show it if its exercise is still open.

        Parameters
        ----------
        answer : Answer
        """
        self.folder.remember(answer.exercise, answer.verdict)
        if answer.exercise is self.exercise:
            self.verdict, self.hiding, self.judging = answer.verdict, answer.hiding, False

    def press(self, key: str) -> str:
        """Answer one key.

        Parameters
        ----------
        key : str

        Returns
        -------
        str
            What only the outside can do: "judge", "step", "quit", or nothing.
        """
        sure, self.asked = self.asked, False
        self.message, listed, self.listed = "", self.listed, False
        actions: dict[str, Callable[[], str]] = {
            "n": self._next,
            "p": self._before,
            "h": self._hint,
            "s": lambda: "step",
            "r": lambda: "judge",
            "x": lambda: self._anew(sure),
            "q": lambda: "quit",
        }
        if key == "l":
            self.listed = not listed
            return ""
        if key not in actions:
            self.message = f"{key!r} does nothing here" if key.isprintable() else ""
            return ""
        return actions[key]()

    def screen(self, width: int, height: int) -> Styled:
        """Write what is shown; where it does not fit, the task and the first hints are shortened.

        Parameters
        ----------
        width, height : int
            Of the terminal.

        Returns
        -------
        list of (str, str)
            Style and text of each line.
        """
        for shorter in range(SHORTEST + 1):
            lines = self._lines(shorter)
            if sum(rows_of(text, width) for _, text in lines) < height:
                break
        return lines

    def _lines(self, shorter):
        lines = [*heading(self.folder, self.exercise, shorter), ("", "")]
        if self.listed:
            lines += [*listing(self.folder), ("", "")]
        elif self.judging:
            lines += [("yellow", "judging ..."), ("", "")]
        elif self.verdict:
            hint = self.folder.progress.of(self.exercise.id).hint
            lines += [*verdict_lines(self.verdict, hint, "h", shorter), ("", "")]
            lines += self._after_success()
        if self.message:
            lines.append(("bold yellow", self.message))
        lines.append(("dim", "  ".join(f"{key} {what}" for key, what in KEYS.items())))
        return lines

    def step(self) -> str:
        """Step through the student's code in this terminal.

        Returns
        -------
        str
            Why that is not possible, empty if it was.
        """
        one = self.exercise
        try:
            text = text_of(self.file)
            unready = one.refused(text) or one.unfinished(text)
            code = "" if unready else one.code_to_step(text)
        except InputError as error:
            return str(error)
        if unready:
            return f"there is no run to step through yet: {unready.headline}"
        with tempfile.TemporaryDirectory() as place:
            file = self.file
            if code != text:
                file = Path(place, one.file)
                write_bytes(file, code.encode())
            done = subprocess.run([sys.executable, "-m", "scratchnn", "step", str(file)])
        return "" if done.returncode == 0 else "the run could not be shown; r judges the file"

    def _next(self):
        here = self.exercise
        opened = self.folder.next()
        if opened is None:
            self.message = f"all {len(exercises())} exercises are done"
            return ""
        if not self.folder.progress.of(here.id).done:
            self.message = f"{here.id} is not done yet; p goes back to it"
        return self._opened()

    def _before(self):
        every = exercises()
        self.folder.open(every[max(0, every.index(self.exercise) - 1)])
        return self._opened()

    def _opened(self):
        self.verdict, self.hiding, self.judging = None, [], True
        return "judge"

    def _hint(self):
        if self.judging or self.verdict is None:
            self.message = "wait for the answer, then press h"
        elif self.verdict.passed:
            self.message = "this one is solved; n goes on"
        elif self.verdict.status in (BROKEN, REFUSED) and len(self.verdict.steps) < 2:
            self.message = "that sentence is all there is to say; change the file and save"
        else:
            before = self.folder.progress.of(self.exercise.id).hint
            if self.folder.climb(self.exercise, self.verdict) == before:
                self.message = "there are no more hints; the chapter: scratchnn tutorial " + self.exercise.chapter
        return ""

    def _anew(self, sure):
        if not sure:
            self.asked = True
            self.message = SURE.format(file=self.file.name, backup="backup")
            return ""
        kept = self.folder.reset(self.exercise)
        self.message = f"{self.file.name} is as it was handed out" + (f"; yours is {kept}" if kept else "")
        return "judge"

    def _after_success(self):
        if self.verdict.passed:
            standing = self.folder.progress.of(self.exercise.id)
            lines = [("yellow", "recorded as done with the lines shown")] if standing.assisted else []
            lines += [("", line) for line in self.hiding]
            return [*lines, ("", ""), ("bold green", "n opens the next exercise")]
        if self.verdict.status == UNFINISHED:
            return [("", "save the file, and the answer comes here by itself"), ("", "")]
        return []
