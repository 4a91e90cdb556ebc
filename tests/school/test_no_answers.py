"""A release holds no answers: neither files with solutions, nor the missing lines anywhere but in the answer book."""

import importlib.util
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import scratchnn
from scratchnn.school import exercises
from scratchnn.school.kinds.derive import Derive
from scratchnn.school.kinds.fill_in import FillIn
from scratchnn.school.kinds.hunt import Hunt
from scratchnn.school.kinds.parsons import Parsons

from .conftest import right_of

PACKAGE = Path(scratchnn.__file__).parent
ROOT = PACKAGE.parent
BOOK = "scratchnn/ops/"  # reference.py, and what is said about it: equations, known mistakes, compiled forms
TEXT = (".py", ".html", ".js", ".json", ".css", ".md")
HANDED_ON = {"dx_t = da_t @ W_x.T", "dh_prev = da_t @ W_h.T"}  # the file of rnn_step gives these as examples


def bare(text):
    return "".join(text.split())


def answers():
    """Give every line that some exercise asks for, as (exercise, line)."""
    for one in exercises():
        if isinstance(one, FillIn):
            lines = [line for line in one.answers() if line.target]
            numbered = [line.text for line in lines if line.number]
            yield from ((one, text) for text in numbered if not one.pieces[0].cut_from)
            if one.pieces[0].cut_from:
                yield one, "".join(line.text for line in lines)
        elif isinstance(one, Hunt):
            yield from ((one, line.text) for line in one.answers())
        elif isinstance(one, Derive):
            yield from ((one, f'{formula.name} = "{right_of(one.op, formula)}') for formula in one.formulas)
        elif isinstance(one, Parsons):
            yield one, f'order = "{one.solution()}'


def test_there_is_something_to_look_for():
    found = list(answers())
    assert len(found) >= 35
    assert {one.kind for one, _ in found} >= {"fill in", "bug hunt", "derive", "put in order"}


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    """Give the text files of a wheel, built here where the builder is installed; else those that it would hold."""
    if importlib.util.find_spec("hatchling") and (ROOT / "pyproject.toml").exists():
        folder = tmp_path_factory.mktemp("wheel")
        build = "import hatchling.build, sys; hatchling.build.build_wheel(sys.argv[1])"
        subprocess.run([sys.executable, "-c", build, str(folder)], cwd=ROOT, check=True, capture_output=True)
        with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
            return {name: wheel.read(name) for name in wheel.namelist()}
    found = [path for part in (PACKAGE, ROOT / "tutorials") for path in part.rglob("*") if path.is_file()]
    return {path.relative_to(ROOT).as_posix(): path.read_bytes() for path in found if "__pycache__" not in path.parts}


def test_no_file_of_a_release_is_a_solution(release):
    assert any(name.startswith("scratchnn/school/exercises/") for name in release)
    assert not [name for name in release if "solution" in name.lower()]
    assert not [name for name in release if "/school/" in name and "answer" in name.lower()]
    assert not [name for name in release if name.startswith("tests/")]


def test_no_answer_stands_outside_the_answer_book(release):
    read = {name: content for name, content in release.items() if not name.startswith(BOOK) and name.endswith(TEXT)}
    texts = {name: bare(content.decode("utf-8", errors="replace")) for name, content in read.items()}
    for one, line in answers():
        holding = [name for name, text in texts.items() if bare(line) in text]
        assert not holding, f"{line!r}, asked for in {one.id}, stands in {holding}"


def test_no_file_that_a_student_gets_holds_an_answer_to_any_exercise():
    stubs = {one.id: bare(one.stub()) for one in exercises()}
    for one, line in answers():
        for name, stub in stubs.items():
            if line in HANDED_ON and name == "40_rnn_step":
                continue
            assert bare(line) not in stub, f"{line!r}, asked for in {one.id}, stands in {name}"


def test_the_scan_would_find_an_answer(release):
    one, line = next((one, line) for one, line in answers() if one.name == "linear")
    assert bare(line) in bare(release["scratchnn/ops/linear/reference.py"].decode())
    assert bare(line) in bare(one.file_body(holes=False))
