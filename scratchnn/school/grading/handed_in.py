"""Who handed in what: a folder per student, or files that begin with the student's name."""

from pathlib import Path
from typing import NamedTuple

from scratchnn.errors import InputError

from ..shelf import exercises

LARGEST_CLASS = 2000


class Student(NamedTuple):
    """One student's files."""

    name: str
    files: dict[str, Path]  # by the id of the exercise
    folder: Path | None  # with the student's own progress, if there is one


def students(folder: str | Path) -> tuple[Student, ...]:
    """Find the students of a class.

    Parameters
    ----------
    folder : str or Path
        Holds a folder per student, named after the student, with files named after the exercises
        (``50_lstm_step.py``), in it or in a folder within it; or files such as ``amina_50_lstm_step.py``. Links are
        not followed.

    Returns
    -------
    tuple of Student
        By name.

    Raises
    ------
    InputError
        There is no such folder, or nobody in it.
    """
    place = Path(folder)
    if not place.is_dir():
        raise InputError(f"grade: there is no folder {folder}, expected one with a folder per student")
    found: dict[str, Student] = {}
    for entry in sorted(place.iterdir()):
        if entry.is_symlink() or entry.name.startswith("."):
            continue
        if entry.is_dir():
            found[entry.name] = _of_folder(entry)
        else:
            _add_file(found, entry)
    if not found:
        raise InputError(
            f"grade: {folder} is empty, expected a folder per student, or files such as NAME_{_files()[0]}"
        )
    if not any(one.files for one in found.values()):
        raise InputError(f"grade: no folder in {folder} holds a file such as {_files()[0]}")
    if len(found) > LARGEST_CLASS:
        raise InputError(f"grade: {folder} holds {len(found)} folders, expected at most {LARGEST_CLASS} students")
    return tuple(found.values())


def _files():
    return [one.file for one in exercises()]


def _of_folder(folder):
    """Take the files of a student's folder, or of the one folder in it that holds any."""
    inner = [one for one in sorted(folder.iterdir()) if one.is_dir() and not one.is_symlink()]
    for place in (folder, *inner):
        files = {one.id: place / one.file for one in exercises() if _is_plain(place / one.file)}
        if files:
            return Student(folder.name, files, place)
    return Student(folder.name, {}, None)


def _add_file(found, entry):
    for one in exercises():
        if entry.name.endswith(one.file) and entry.name != one.file:
            name = entry.name.removesuffix(one.file).rstrip("_-. ")
            before = found.get(name, Student(name, {}, None))
            found[name] = before._replace(files=before.files | {one.id: entry})


def _is_plain(path):
    return path.is_file() and not path.is_symlink()
