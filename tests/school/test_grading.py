"""Grading a class: who is found, hidden problems, points, and the report."""

import csv
import json

import pytest

from scratchnn.check.catalogue import planting
from scratchnn.check.student import Limits
from scratchnn.cli import main
from scratchnn.errors import InputError
from scratchnn.misconceptions import MISCONCEPTIONS
from scratchnn.school import exercise, exercises
from scratchnn.school.folder import Folder
from scratchnn.school.grading import grade
from scratchnn.school.grading.handed_in import students
from scratchnn.school.grading.one import MISSING, UNTOUCHED, grade_one, seed_of
from scratchnn.school.hidden import _drawn

from .conftest import solved, with_source

ONLY = (exercise("slopes"), exercise("linear"), exercise("names"))
NASTY = '=HYPERLINK("x") <script>alert(1)</script>'


def put(folder, student, name, text):
    (folder / student).mkdir(parents=True, exist_ok=True)
    (folder / student / exercise(name).file).write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def klass(tmp_path_factory):
    """A class of five: all right, one mistake, another, nothing done, and a hanging file under a nasty name."""
    folder = tmp_path_factory.mktemp("class")
    for one in ONLY:
        put(folder, "amina", one.name, solved(one))
    wrong = with_source(exercise("linear"), planting.source(planting.bug("linear-db-mean")))
    put(folder, "bo", "linear", wrong)
    put(folder, "bo", "slopes", solved(exercise("slopes")).replace("y * (1 - y)", "1 - y"))
    put(folder, "chloé", "linear", wrong)
    put(folder, "chloé", "names", solved(exercise("names")).replace("= 1.250", "= -0.25"))
    Folder(folder / "dina").make()
    put(folder, NASTY.replace("/", "|"), "linear", "import time\ntime.sleep(100)\n" + solved(exercise("linear")))
    return folder


@pytest.fixture(scope="module")
def course(klass):
    return grade(klass, ONLY, salt="spring", jobs=2, limits=Limits(seconds=6.0))


def test_points_of_everybody(course):
    points = {name: [result.points for result in results] for name, results in course.results.items()}
    assert points["amina"] == [2, 3, 3]
    assert points["bo"] == [1, 2, 0]
    assert points["chloé"] == [0, 2, 2]
    assert points["dina"] == [0, 0, 0]
    assert points[NASTY.replace("/", "|")] == [0, 0, 0]
    assert course.of == 8
    assert [result.status for result in course.results["dina"]] == [UNTOUCHED] * 3
    assert course.results["bo"][2].status == MISSING


def test_mistakes_are_named_and_counted(course):
    ids = {name: who for name, _, who in course.mistakes()}
    assert ids["linear-db-mean"] == ["bo", "chloé"]
    assert ids["embedding-repeated-ids"] == ["chloé"]
    assert ids["activations-sigmoid-complement"] == ["bo"]
    first = course.misconceptions()[0]
    assert first == ("M12", MISCONCEPTIONS["M12"], ["bo", "chloé"])


def test_feedback_says_what_is_wrong_and_does_not_give_the_line(course):
    told = " ".join(course.results["bo"][1].feedback)
    assert "2 of 3 checks are passed" in told
    assert planting.bug("linear-db-mean").question in told
    assert "db = dy_rows.sum(axis=0)" not in told


def test_the_report_is_a_table_a_page_and_data(klass, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    only = [word for one in ONLY for word in ("--only", one.id)]
    with pytest.raises(SystemExit) as stop:
        main(["grade", str(klass), *only, "--salt", "spring", "--seconds", "6", "--jobs", "2"])
    assert stop.value.code == 0
    assert "M12  2 students: averaging is a detail" in capsys.readouterr().out
    told = json.loads((tmp_path / "grades" / "grades.json").read_text(encoding="utf-8"))
    assert told["salt"] == "spring"
    assert {one["name"]: one["points"] for one in told["students"]}["bo"] == 3
    with (tmp_path / "grades" / "grades.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert {row["student"]: row["points"] for row in rows}["amina"] == "8"
    assert all(not row["student"].startswith("=") for row in rows)
    assert next(row for row in rows if row["student"] == "bo")["20_linear"] == "2"
    page = (tmp_path / "grades" / "grades.html").read_text(encoding="utf-8")
    assert "<script>" not in page
    assert "averaging is a detail" in page
    assert "http" not in page.replace("https://", "http")
    assert page.count('class="student"') == 5


def test_the_same_salt_asks_the_same_and_another_something_else():
    seeds = {seed_of(salt, who, what) for salt in ("a", "b") for who in ("x", "y") for what in ("p", "q")}
    assert len(seeds) == 8
    assert seed_of("a", "x", "p") == seed_of("a", "x", "p")
    shapes = {_drawn("lstm.plain", seed)[1]["x"].shape for seed in seeds}
    assert len(shapes) > 3


def test_code_that_leans_on_the_sizes_that_are_seen_passes_here_and_fails_there(tmp_path):
    one = exercise("linear")
    text = solved(one).replace("db = dy_rows.sum(axis=0)", "db = dy_rows[:6].sum(axis=0)")
    assert one.judge(text).passed
    (tmp_path / one.file).write_text(text, encoding="utf-8")
    results = [grade_one(one, tmp_path / one.file, seed, Limits(seconds=20.0)) for seed in range(4)]
    assert any(result.checks["db"] for result in results)
    told = next(" ".join(result.feedback) for result in results if result.checks["db"])
    assert "does it lean on sizes or values?" in told


def test_files_are_found_in_folders_in_folders_within_and_by_name(tmp_path):
    put(tmp_path, "a", "linear", "1")
    put(tmp_path, "b/scratchnn-exercises", "linear", "2")
    (tmp_path / "c_d_20_linear.py").write_text("3")
    (tmp_path / "notes.txt").write_text("4")
    (tmp_path / ".git").mkdir()
    found = {one.name: one.files for one in students(tmp_path)}
    assert sorted(found) == ["a", "b", "c_d"]
    assert [found[name]["20_linear"].read_text() for name in sorted(found)] == ["1", "2", "3"]


def test_links_are_not_followed(tmp_path):
    put(tmp_path, "a", "linear", "1")
    secret = tmp_path.parent / "secret.py"
    secret.write_text("secret")
    (tmp_path / "a" / exercise("slopes").file).symlink_to(secret)
    (tmp_path / "b").symlink_to(tmp_path.parent)
    found = {one.name: one.files for one in students(tmp_path)}
    assert list(found) == ["a"]
    assert list(found["a"]) == ["20_linear"]


def test_assisted_is_taken_from_the_students_folder(tmp_path):
    course = Folder(tmp_path / "a")
    course.make()
    one = exercise("slopes")
    course.file(one).write_text(solved(one).replace("1 - y * y", "1 - y"), encoding="utf-8")
    for _ in range(6):
        course.climb(one, course.judge(one))
    course.file(one).write_text(solved(one), encoding="utf-8")
    course.judge(one)
    result = grade(tmp_path, [one], salt="x").results["a"][0]
    assert result.standing.assisted
    assert result.points == 2


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda place: None, "there is no folder"),
        (lambda place: place.mkdir(), "is empty"),
        (lambda place: (place / "a").mkdir(parents=True), "no folder in"),
    ],
)
def test_nothing_to_grade_is_said_in_one_sentence(tmp_path, make, words):
    make(tmp_path / "class")
    with pytest.raises(InputError, match=words):
        grade(tmp_path / "class", exercises())


def test_the_report_does_not_take_the_place_of_a_file(tmp_path, capsys):
    put(tmp_path / "class", "a", "slopes", solved(exercise("slopes")))
    (tmp_path / "grades").write_text("mine")
    with pytest.raises(SystemExit) as stop:
        main(["grade", str(tmp_path / "class"), "--only", "slopes", "--out", str(tmp_path / "grades")])
    assert stop.value.code == 2
    assert "is a file" in capsys.readouterr().err
    assert (tmp_path / "grades").read_text() == "mine"
