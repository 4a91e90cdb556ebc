"""The grades on disk: a table for a spreadsheet, everything as JSON, and a page to read."""

import csv
import io
import json
from pathlib import Path

from scratchnn.errors import InputError
from scratchnn.files import write_bytes

from .course import Course
from .page import page

FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet would work these out


def write(course: Course, folder: str | Path) -> list[Path]:
    """Write grades.csv, grades.json and grades.html.

    Parameters
    ----------
    course : Course
    folder : str or Path

    Returns
    -------
    list of Path

    Raises
    ------
    InputError
        The name is that of a file.
    """
    place = Path(folder)
    if place.exists() and not place.is_dir():
        raise InputError(f"grade: {folder} is a file, expected a folder for the report")
    place.mkdir(parents=True, exist_ok=True)
    told = json.dumps(course.as_dict(), indent=1, ensure_ascii=False)
    contents = {"grades.csv": table(course), "grades.json": told + "\n", "grades.html": page(course)}
    for name, content in contents.items():
        write_bytes(place / name, content.encode("utf-8", errors="replace"))
    return [place / name for name in contents]


def table(course: Course) -> str:
    """Write one row per student: points in all, and for each exercise.

    Parameters
    ----------
    course : Course

    Returns
    -------
    str
        Comma-separated.
    """
    stream = io.StringIO()
    rows = csv.writer(stream, lineterminator="\n")
    rows.writerow(["student", "points", "of", *(one.id for one in course.exercises), "assisted", "mistakes"])
    for student, results in course.results.items():
        mistakes = dict.fromkeys(mistake.id for result in results for mistake in result.mistakes)
        assisted = sum(result.standing.assisted for result in results)
        points = [result.points for result in results]
        rows.writerow([_safe(student), sum(points), course.of, *points, assisted, " ".join(mistakes)])
    return stream.getvalue()


def _safe(name):
    return f"'{name}" if name.startswith(FORMULA) else name
