"""Every chapter runs, is built alike, and uses only what a reader may use."""

import ast
import importlib
import importlib.util
import math
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

import scratchnn
from scratchnn.cli import COMMANDS
from scratchnn.lessons import chapters
from scratchnn.lessons.mathematics import PIECES, mathml, plain

CHAPTERS = chapters()
SECTIONS = (
    "The question",
    "Derivation on paper-sized numbers",
    "The library's own code",
    "Step through",
    "Predict, then run",
    "Bug hunt",
    "What to remember",
    "Sources",
)
PARTS = {"msup": 2, "msub": 2, "msubsup": 3, "mfrac": 2, "munder": 2, "mover": 2, "munderover": 3}
PLAIN_ARITHMETIC = {  # numbers of the prose that no cell prints or asserts, and where they come from
    "0.0057": 0.9**49, "0.693": math.log(2), "1.0986": math.log(3), "2.718": math.e, "6.718": 4 + math.e,
    "6.859": 1.9**3, "0.1996": (1 - math.tanh(1) ** 2) * 0.475184, "0.9526": 1 / (1 + math.exp(-3)),
    "0.375": 1 - 0.625, "0.00001": 1e-5, "0.001": 1e-3, "0.00101": 0.00101, "100.00001": 100.00001,
}  # fmt: skip
each = pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.name)


def headings(chapter, level):
    return [words for cell in chapter.cells for depth, words in cell.headings if depth == level]


def markdown(chapter):
    return "\n\n".join(cell.text for cell in chapter.cells if cell.kind == "markdown")


def formulas(chapter):
    for match in PIECES.finditer(markdown(chapter)):
        if not match["code"]:
            yield match["block"] or match["inline"]


def test_the_first_eight_are_there():
    assert {"00", "10", "20", "30", "40", "50", "60", "70"} <= {chapter.number for chapter in CHAPTERS}
    assert len({chapter.number for chapter in CHAPTERS}) == len(CHAPTERS)


@each
@pytest.mark.slow
def test_it_runs_as_plain_python(chapter, tmp_path):
    done = subprocess.run(
        [sys.executable, "-W", "error", str(chapter.path)], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.rstrip().endswith("all assertions of this chapter hold")
    assert not list(tmp_path.iterdir()), "it leaves files behind"
    code = "\n".join(cell.text for cell in chapter.cells if cell.kind == "code")
    prose = markdown(chapter).split("## Sources")[0]
    for number in set(re.findall(r"(?<![\d.])\d+\.\d{3,}", prose)):
        if number not in done.stdout + code:
            assert round(PLAIN_ARITHMETIC[number], len(number.split(".")[1])) == float(number), number


WITHOUT_BUGS = """
import runpy, sys
from scratchnn import ops
from scratchnn.check import catalogue
catalogue.plant = lambda bug: getattr(ops, catalogue.room_of(bug)).reference
runpy.run_path(sys.argv[1], run_name="__main__")
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "chapter", [chapter for chapter in CHAPTERS if "plant(" in chapter.text], ids=lambda chapter: chapter.name
)
def test_its_assertions_fail_when_the_bug_is_not_there(chapter, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_BUGS, str(chapter.path)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode != 0
    assert re.search(r"^AssertionError", done.stderr, re.MULTILINE), done.stderr


@each
def test_it_has_every_section_in_order(chapter):
    found = [words for words in headings(chapter, 2) if words in SECTIONS]
    if chapter.number in ("00", "70"):  # 00 hunts first, for the faults of the article; 70 must train before it steps
        assert sorted(found) == sorted(SECTIONS)
        found[3:6] = SECTIONS[3:6]
    assert tuple(found) == SECTIONS
    assert len([words for words in headings(chapter, 3) if words.startswith("Sub-goal")]) >= 3
    assert len(headings(chapter, 1)) == 1
    assert chapter.title
    assert chapter.cells[0].text.startswith(f"# {chapter.number} · ")


@each
def test_it_is_short(chapter):
    assert len(chapter.text.splitlines()) <= 400


@each
def test_its_sources_have_years(chapter):
    sources = markdown(chapter).split("## Sources")[1]
    entries = re.split(r"\n- ", sources)[1:]
    assert len(entries) >= 3
    assert sum(bool(re.search(r"\b(19|20)\d\d\b", entry)) for entry in entries) >= 3


@each
def test_it_ends_with_assertions_that_can_fail(chapter):
    last = [cell for cell in chapter.cells if cell.kind == "code"][-1]
    asserted = [node for node in ast.parse(last.text).body if isinstance(node, ast.Assert | ast.For)]
    tests = [node for one in asserted for node in ast.walk(one) if isinstance(node, ast.Assert)]
    assert len(tests) >= 5
    for test in tests:
        names = {node.id for node in ast.walk(test) if isinstance(node, ast.Name)}
        assert names - {"np", "abs", "all", "len"}, f"nothing is asserted of anything: {ast.unparse(test)}"


@each
def test_it_uses_public_names_only(chapter):
    tree = ast.parse(chapter.text)
    private = [node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr.startswith("_")]
    assert private in ([], ["_asdict"] * len(private), ["_fields"] * len(private)), private
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            assert {alias.name for alias in node.names} <= {"numpy", "ast"}
        elif isinstance(node, ast.ImportFrom):
            assert node.module.split(".")[0] == "scratchnn"
            for alias in node.names:
                assert is_public(node.module, alias.name), f"{node.module} does not offer {alias.name}"


def is_public(module, name):
    """Whether a module lists the name, or is a package with a module of that name."""
    parts = f"{module}.{name}".split(".")
    if any(part.startswith("_") for part in parts):
        return False
    opened = importlib.import_module(module)
    if name in getattr(opened, "__all__", dir(opened)):
        return True
    return hasattr(opened, "__path__") and importlib.util.find_spec(f"{module}.{name}") is not None


@each
def test_chance_is_seeded(chapter):
    for node in ast.walk(ast.parse(chapter.text)):
        if isinstance(node, ast.Call) and re.fullmatch(r"np\.random\.\w+", ast.unparse(node.func)):
            assert ast.unparse(node.func) == "np.random.default_rng"
            assert node.args, "default_rng without a seed"


@each
def test_its_formulas_can_be_drawn_and_read(chapter):
    found = list(formulas(chapter))
    assert len(found) > 5
    for latex in found:
        drawn = mathml(latex)
        assert "\\" not in drawn, latex
        for part in ElementTree.fromstring(drawn).iter():  # a browser draws another number of parts as a plain row
            wanted = PARTS.get(part.tag.rpartition("}")[2])
            assert wanted in (None, len(part)), (latex, drawn)
        assert not set("\\{}$") & set(plain(latex)), latex
    left = PIECES.sub("", markdown(chapter))
    assert "$" not in left, re.findall(r".*\$.*", left)


@each
def test_the_commands_it_names_exist(chapter):
    named = set(re.findall(r"`scratchnn ([a-z]+)", chapter.text))
    assert named <= set(COMMANDS), named - set(COMMANDS)


@each
def test_the_files_it_points_at_exist(chapter):
    root = Path(scratchnn.__file__).parents[1]
    for path in re.findall(r"`(scratchnn/[\w/.]+)`", markdown(chapter)):
        assert (root / path).exists(), path


@each
def test_it_asks_for_a_prediction_before_the_numbers(chapter):
    position = {cell.line: cell for cell in chapter.cells}
    lines = sorted(position)
    [ask] = [line for line in lines if any(words == "Predict, then run" for _, words in position[line].headings)]
    text = position[ask].text.split("## Predict, then run")[1]
    assert re.search(r"[Ww]rite down", text)
    assert position[lines[lines.index(ask) + 1]].kind == "code"
