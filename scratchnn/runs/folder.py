"""The run folder: what it holds, written file by file so that nothing half-written stays, and read with suspicion.

settings.json   settings, classes, vocabulary, versions     history.csv    one row per epoch
weights.safetensors   the parameters                        results.json   accuracy, baselines, times
curves.png, confusion.png, attention.png                    pictures
"""

import json
import os
import shutil
import sys
from datetime import datetime
from pathlib import Path

import numpy as np

import scratchnn
from scratchnn.errors import InputError

from .settings import Settings, SettingsError

FORMAT = "scratchnn run"
VERSION = 1


class RunError(InputError):
    """A run folder cannot be written or read; one sentence says why."""


def write_bytes(path, data):
    """Write a file whole or not at all: to a temporary name beside it, then renamed.

    Parameters
    ----------
    path : Path
    data : bytes
    """
    part = path.with_name(f".{path.name}.part")
    try:
        with open(part, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


class RunFolder:
    """One run on disk.

    Parameters
    ----------
    path : str or Path
    """

    def __init__(self, path):
        self.path = Path(path)

    @classmethod
    def create(cls, path, task):
        """Make a new, empty run folder.

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
        """
        if path is None:
            stem = Path("runs") / f"{task}-{datetime.now():%Y%m%d-%H%M%S}"
            path = next(p for p in (stem, *(Path(f"{stem}-{k}") for k in range(2, 1000))) if not p.exists())
        path = Path(path)
        if path.exists() and not path.is_dir():
            raise RunError(f"{path} is a file, expected a folder to make or an empty one")
        try:
            if path.exists() and any(path.iterdir()):
                raise RunError(f"{path} is not empty, expected a new or empty folder; nothing was changed")
            path.mkdir(parents=True, exist_ok=True)
            probe = path / ".part"
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise RunError(f"{path} cannot be written: {error.strerror}") from None
        return cls(path)

    def discard(self):
        """Remove the folder if training ended before there were weights to keep."""
        if not (self.path / "weights.safetensors").exists():
            shutil.rmtree(self.path, ignore_errors=True)

    def write_json(self, name, record):
        """Write one JSON file.

        Parameters
        ----------
        name : str
        record : dict
        """
        text = json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False)
        self._write(name, (text + "\n").encode())

    def write_settings(self, settings, *, classes, vocabulary, input_size):
        """Write settings.json: all that rebuilds the model besides the weights.

        Parameters
        ----------
        settings : Settings
        classes : sequence of str
        vocabulary : data.Vocabulary or None
        input_size : int or None
        """
        self.write_json(
            "settings.json",
            {
                "format": FORMAT,
                "version": VERSION,
                "settings": settings.to_dict(),
                "classes": list(classes),
                "input_size": input_size,
                "vocabulary": None if vocabulary is None else vocabulary.to_dict(),
                "made_with": {
                    "scratchnn": scratchnn.__version__,
                    "numpy": np.__version__,
                    "python": sys.version.split()[0],
                },
            },
        )

    def write_weights(self, state):
        """Write weights.safetensors.

        Parameters
        ----------
        state : dict of str to array
        """
        from safetensors.numpy import save  # opened when needed

        contiguous = {name: np.ascontiguousarray(value) for name, value in state.items()}
        self._write("weights.safetensors", save(contiguous, metadata={"format": f"{FORMAT} {VERSION}"}))

    def read_record(self):
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
            raise RunError(f"{self.path} holds no settings.json, expected a run folder made by `scratchnn train`")
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise RunError(f"{path} cannot be read: {error.strerror}") from None
        except ValueError:
            raise RunError(f"{path} is not readable JSON, the run folder is damaged") from None
        if not isinstance(record, dict) or record.get("format") != FORMAT:
            raise RunError(f"{path} was not written by scratchnn, expected a run folder made by `scratchnn train`")
        if record.get("version") != VERSION:
            raise RunError(f"{path} has version {record.get('version')}, this program reads version {VERSION}")
        missing = [key for key in ("settings", "classes", "input_size", "vocabulary") if key not in record]
        if missing:
            raise RunError(f"{path} lacks {missing[0]!r}, the run folder is damaged")
        try:
            return record | {"settings": Settings.from_dict(record["settings"])}
        except (SettingsError, TypeError) as error:
            raise RunError(f"{path}: {error}") from None

    def read_weights(self):
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
            raise RunError(f"{self.path} holds no weights.safetensors, its training did not come to an end")
        try:
            return load(path.read_bytes())
        except OSError as error:
            raise RunError(f"{path} cannot be read: {error.strerror}") from None
        except (SafetensorError, ValueError, KeyError):
            raise RunError(f"{path} is damaged: it is not a whole safetensors file") from None

    def _write(self, name, data):
        try:
            write_bytes(self.path / name, data)
        except OSError as error:
            raise RunError(f"{self.path / name} cannot be written: {error.strerror}") from None
