"""Each numbered line of reference.py is one equation of equations.py: same name, same ingredients."""

import ast
import importlib
import inspect
import re

import pytest

from scratchnn import ops

# functions of the formulas, and helpers that are spelled out in an equation's text
FUNCTIONS = {
    "sigmoid", "tanh", "relu", "sigmoid_slope", "tanh_slope", "relu_slope", "exp", "log", "sqrt", "softmax", "max",
    "sum", "mean", "over", "of", "if", "else", "not", "and", "or", "for", "in", "is", "where", "slope", "all", "row",
    "log_softmax", "concat", "np", "t",
}  # fmt: skip
SIZES = {"T", "B", "D", "H", "V", "C", "Q", "S", "E", "F", "A", "N"}
NUMBERED = re.compile(r"#\s*\((\d+)\)\s*$")


def room(name):
    return importlib.import_module(f"scratchnn.ops.{name}")


def equations(name):
    module = room(name).equations
    found = [*module.FORWARD, *module.BACKWARD]
    return {equation.number: equation for equation in found}


def node_of(target):
    """Give the name that an assignment target stands for: dx[t] is dx, cache.p is p."""
    while isinstance(target, ast.Subscript):
        target = target.value
    return target.attr if isinstance(target, ast.Attribute) else target.id


def names_in_code(tree):
    """Collect variable names of an expression; nodes.i, cache.i and params.i count as i."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            names.add(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.value.id in ("nodes", "cache", "params"):
                names.add(node.attr)
            elif node.value.id == "np":
                names.discard("np")
    called = {n.func.attr for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute)}
    return names - FUNCTIONS - SIZES - {"nodes", "cache", "params", "np"} - called


def names_in_text(text):
    side = text.split("=", 1)[1]
    return set(re.findall(r"[A-Za-z_]\w*", side.replace(".T", ""))) - FUNCTIONS - SIZES


def numbered_lines(name):
    """Give (number, node, names on the right) of every numbered assignment in reference.py."""
    source = inspect.getsource(room(name).reference)
    lines = source.splitlines()
    statements = [n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Assign | ast.AugAssign)]
    for number, line in enumerate(lines, 1):
        found = NUMBERED.search(line)
        if found:
            statement = [s for s in statements if s.lineno <= number <= s.end_lineno]
            assert len(statement) == 1, f"{name}/reference.py:{number}: a numbered line is one assignment"
            target = getattr(statement[0], "target", None) or statement[0].targets[0]
            yield int(found[1]), node_of(target), names_in_code(statement[0].value)


@pytest.mark.parametrize("name", ops.ROOMS)
def test_numbers_run_from_one_without_gaps(name):
    module = room(name).equations
    numbers = [equation.number for equation in (*module.FORWARD, *module.BACKWARD)]
    assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize("name", ops.ROOMS)
def test_every_equation_has_its_line(name):
    source = inspect.getsource(room(name).reference)
    for number in equations(name):
        assert f"({number})" in source, f"equation ({number}) of {name} stands nowhere in reference.py"


@pytest.mark.parametrize("name", ops.ROOMS)
def test_code_and_text_agree(name):
    sheet = equations(name)
    for number, node, names in numbered_lines(name):
        equation = sheet[number]
        assert node == equation.node, f"{name} ({number}): code computes {node}, the sheet says {equation.node}"
        written = names_in_text(equation.text)
        assert names == written, f"{name} ({number}): code uses {sorted(names)}, the sheet {sorted(written)}"


@pytest.mark.parametrize("name", ops.ROOMS)
def test_backward_equations_say_what_they_undo(name):
    module = room(name).equations
    forward = {equation.number for equation in module.FORWARD}
    for equation in module.BACKWARD:
        assert set(equation.undoes) <= forward
        assert equation.undoes, f"{name} ({equation.number}) undoes nothing"
        assert equation.source
        assert equation.latex


def test_the_tie_notices_a_drifted_line():
    """The checker is itself checked: a changed right-hand side gives another set of names."""
    right = ast.parse("dc_next + ds * tanh_slope(s)", mode="eval")
    wrong = ast.parse("ds * tanh_slope(s)", mode="eval")
    text = "dc_t = dc_next + ds * (1 - s**2)"
    assert names_in_code(right) == names_in_text(text)
    assert names_in_code(wrong) != names_in_text(text)
