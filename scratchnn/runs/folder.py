"""The run folder: what it holds, written file by file so that nothing half-written stays, and read with suspicion.

settings.json   settings, classes, vocabulary, versions     history.csv    one row per epoch
weights.safetensors   the parameters                        results.json   accuracy, baselines, times
curves.png, confusion.png, attention.png                    pictures
checkpoints/    while it trains: what ``runs.resume`` goes on from, one folder a member
results.json is written last: a folder that has it is that of a finished run, or says that it was interrupted.
"""

import contextlib
import json
import shutil
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import scratchnn
from scratchnn import draw, files
from scratchnn.errors import InputError

from .settings import Settings, SettingsError

FORMAT = "scratchnn run"
VERSION = 1
CHECKPOINTS = "checkpoints"


class RunError(InputError):
    """A run folder cannot be written or read; one sentence says why."""


class RunFinished(RunError):
    """A run has come to its end, so that there is nothing to go on with; one sentence says so."""


class RunFolder:
    """One run on disk.

    Parameters
    ----------
    path : str or Path
    made : sequence of Path
        Folders that were made for this run, the innermost first, so that they may be removed again.
    """

    def __init__(self, path: str | Path, made: Sequence[Path] = ()) -> None:
        self.path = Path(path)
        self.made = made
        self.lock: Any = None

    @classmethod
    def create(cls, path: str | Path | None, task: str) -> "RunFolder":
        """Make a new, empty run folder and hold it, so that no other run uses it until ``let_go``.

        Parameters
        ----------
        path : str, Path or None
            None names it ``runs/TASK-DATE-TIME`` below the current directory.
        task : str

        Returns
        -------
        RunFolder

        Raises
        ------
        RunError
            Something is there already, or the place cannot be written.
        HeldError
            Another process is training there.
        """
        if path is not None and not str(path):
            raise RunError("the run folder's name is empty, expected a folder to make")
        if path is None:
            stem = Path("runs") / f"{task}-{datetime.now():%Y%m%d-%H%M%S}"
            candidates = (stem, *(Path(f"{stem}-{k}") for k in range(2, 1000)))
        else:
            candidates = (Path(path),)
        for path in candidates:
            if path.exists() and not path.is_dir():
                raise RunError(f"{path} is a file, expected a folder to make or an empty one")
            try:
                try:
                    above = [folder for folder in path.parents if not folder.exists()]
                    path.mkdir(parents=True)
                    made = [path, *above]
                except FileExistsError:
                    if len(candidates) > 1:
                        continue  # another run of the same second
                    made = []
                folder = cls(path, made)
                folder._expect_empty()
                folder.hold()
                try:
                    folder._expect_empty()  # nobody came in between
                except RunError:
                    folder.let_go()
                    raise
            except OSError as error:
                raise RunError(f"{path} cannot be written: {error.strerror}") from None
            return folder
        raise RunError(f"{candidates[0]} and 998 more are taken, name the run folder with --out")

    def hold(self) -> None:
        """Keep other processes out until ``let_go``, and clear away what a killed one left half-written.

        Raises
        ------
        HeldError
            Another process is training there.
        """
        try:
            self.lock = files.hold(self.path)
            files.sweep(self.path)
        except OSError as error:
            raise RunError(f"{self.path} cannot be written: {error.strerror or error}") from None

    def take_up(self) -> None:
        """Hold the folder of a run that was stopped, to go on with it.

        Raises
        ------
        RunFinished
            There is nothing to go on with.
        HeldError
            Another process is training there.
        """
        self.hold()
        if self.finished:
            self.let_go()
            raise RunFinished(f"{self.path} is finished, there is nothing to go on with")

    def let_go(self) -> None:
        """Stop holding the folder."""
        if self.lock is not None:
            files.let_go(self.lock)
            self.lock = None

    @property
    def finished(self) -> bool:
        """Whether the run has come to its end and all its files are there."""
        try:
            results = json.loads((self.path / "results.json").read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return False
        return isinstance(results, dict) and not results.get("interrupted", False)

    def discard(self) -> bool:
        """Undo ``create``, and what was written since, if training ended before there was anything to keep.

        Returns
        -------
        bool
            True: done. False: there are weights or checkpoints, nothing was changed.
        """
        if any(self.path.rglob("weights.safetensors")) or any(self.path.rglob(f"{CHECKPOINTS}/*/*.safetensors")):
            return False
        self.let_go()
        for entry in self.path.iterdir():
            if entry.is_dir():
                shutil.rmtree(entry, ignore_errors=True)
            else:
                entry.unlink(missing_ok=True)
        for folder in self.made:
            with contextlib.suppress(OSError):  # somebody else has put something there
                folder.rmdir()
        return True

    def write_json(self, name: str, record: dict) -> None:
        """Write one JSON file.

        Parameters
        ----------
        name : str
        record : dict
        """
        text = json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False)
        self._write(name, (text + "\n").encode())

    def write_settings(
        self,
        settings: Settings,
        *,
        classes: Sequence[str],
        vocabulary: Any,
        input_size: int | None,
        data: str,
        members_trained: int | None = None,
    ) -> None:
        """Write settings.json: all that rebuilds the model besides the weights.

        Parameters
        ----------
        settings : Settings
        classes : sequence of str
        vocabulary : data.Vocabulary or None
        input_size : int or None
        data : str
            Fingerprint of the data set.
        members_trained : int, optional
            How many members the weights hold, if fewer than the settings ask for.
        """
        self.write_json(
            "settings.json",
            {
                "format": FORMAT,
                "version": VERSION,
                "settings": settings.to_dict(),
                "classes": list(classes),
                "input_size": input_size,
                "data": data,
                "members_trained": members_trained,
                "vocabulary": None if vocabulary is None else vocabulary.to_dict(),
                "made_with": {
                    "scratchnn": scratchnn.__version__,
                    "numpy": np.__version__,
                    "python": sys.version.split()[0],
                },
            },
        )

    def write_figure(self, name: str, figure: Figure) -> None:
        """Write one picture.

        Parameters
        ----------
        name : str
        figure : matplotlib.figure.Figure
        """
        try:
            draw.save(figure, self.path / name)
        except OSError as error:
            raise RunError(f"{self.path / name} cannot be written: {error.strerror or error}") from None

    def write_weights(self, state: dict[str, np.ndarray]) -> None:
        """Write weights.safetensors.

        Parameters
        ----------
        state : dict of str to array
        """
        from safetensors.numpy import save  # opened when needed

        contiguous = {name: np.ascontiguousarray(value) for name, value in state.items()}
        self._write("weights.safetensors", save(contiguous, metadata={"format": f"{FORMAT} {VERSION}"}))

    def read_record(self) -> dict:
        """Read and check settings.json.

        Returns
        -------
        record : dict
            With ``settings`` as a Settings object.

        Raises
        ------
        RunError
            Missing, unreadable, or not a run of scratchnn.
        """
        path = self.path / "settings.json"
        if not self.path.is_dir():
            raise RunError(f"{self.path} is not a folder, expected a run folder made by `scratchnn train`")
        if not path.exists():
            below = sorted(found.parent.name for found in self.path.glob("*/settings.json"))
            hint = f"one of the run folders in it: {', '.join(below)}" if below else "one made by `scratchnn train`"
            raise RunError(f"{self.path} holds no settings.json, it is not a run folder; expected {hint}")
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise RunError(f"{path} cannot be read: {error.strerror}") from None
        except (ValueError, RecursionError):
            raise RunError(f"{path} is not readable JSON, the run folder is damaged") from None
        if not isinstance(record, dict) or record.get("format") != FORMAT:
            raise RunError(f"{path} was not written by scratchnn, expected a run folder made by `scratchnn train`")
        if record.get("version") != VERSION:
            raise RunError(f"{path} has version {record.get('version')}, this program reads version {VERSION}")
        missing = [key for key in ("settings", "classes", "input_size", "vocabulary", "data") if key not in record]
        if missing:
            raise RunError(f"{path} lacks {missing[0]!r}, the run folder is damaged")
        classes = record["classes"]
        if (
            not isinstance(classes, list)
            or not classes
            or not all(isinstance(name, str) for name in classes)
            or len(set(classes)) < len(classes)
        ):
            raise RunError(
                f"{path}: classes is {classes!r}, expected a list of different names; the run folder is damaged"
            )
        try:
            return record | {"settings": Settings.from_dict(record["settings"])}
        except (SettingsError, TypeError) as error:
            raise RunError(f"{path}: {error}") from None

    def read_weights(self) -> dict[str, np.ndarray]:
        """Read weights.safetensors.

        Returns
        -------
        dict of str to array

        Raises
        ------
        RunError
            Missing or damaged.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load

        path = self.path / "weights.safetensors"
        if not path.exists():
            raise RunError(
                f"{self.path} holds no weights.safetensors, its training did not come to an end; "
                f"`scratchnn train --resume {self.path}` goes on with it"
            )
        try:
            weights = load(path.read_bytes())
        except OSError as error:
            raise RunError(f"{path} cannot be read: {error.strerror}") from None
        except (SafetensorError, ValueError, KeyError):
            raise RunError(f"{path} is damaged: it is not a whole safetensors file") from None
        for name, array in weights.items():
            if array.dtype.kind != "f" or not np.isfinite(array).all():
                raise RunError(f"{path} is damaged: {name} holds something else than finite floating-point numbers")
        return weights

    def _expect_empty(self):
        if any(entry.name != files.LOCK for entry in self.path.iterdir()):
            raise RunError(f"{self.path} is not empty, expected a new or empty folder; nothing was changed")

    def _write(self, name, data):
        try:
            files.write_bytes(self.path / name, data)
        except OSError as error:
            raise RunError(f"{self.path / name} cannot be written: {error.strerror}") from None
