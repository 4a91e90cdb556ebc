"""Each numbered line of reference.py is one equation of equations.py: same name, same ingredients."""

import ast
import importlib
import inspect
import re

import numpy as np
import pytest

from scratchnn import ops

# functions of the formulas, and helpers that are spelled out in an equation's text
FUNCTIONS = {
    "sigmoid", "tanh", "relu", "sigmoid_slope", "tanh_slope", "relu_slope", "exp", "log", "sqrt", "softmax", "max",
    "sum", "mean", "over", "of", "if", "else", "not", "and", "or", "for", "in", "is", "where", "slope", "all", "row",
    "log_softmax", "concat", "np", "t",
}  # fmt: skip
SIZES = {"T", "B", "D", "H", "V", "C", "Q", "S", "E", "F", "A", "N", "M", "K"}
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
    numbered = {int(n) for line in source.splitlines() for n in NUMBERED.findall(line)}
    numbered |= {int(n) for n in re.findall(r'^    """[^"]*\. \((\d+)\)', source, re.M)}  # a function is one equation
    assert numbered == set(equations(name)), f"{name}: lines {sorted(numbered)}, sheet {sorted(equations(name))}"


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


def computed(sheet, values, numbers):
    """Evaluate the plain texts of some equations one after the other, as a reader would; give all values."""
    values = dict(values)
    for number in numbers:
        name, text = sheet[number].text.split(" = ", 1)
        values[name] = eval(text.replace("[", "concatenate([").replace("]", "])"), FUNCTIONS_OF_TEXT, values)
        for gate, block in BLOCKS.get((name, number), {}).items():
            values[gate] = values[name][:, block]
    return values


H = 5
FUNCTIONS_OF_TEXT = {
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "tanh": np.tanh,
    "relu": lambda x: np.maximum(x, 0),
    "concatenate": lambda parts: np.concatenate(parts, axis=1),
}
BLOCKS = {("a_t", 1): {f"a_{gate}": slice(k * H, (k + 1) * H) for k, gate in enumerate("ifgo")}}


def test_the_texts_of_the_lstm_compute_the_lstm():
    lstm = room("lstm")
    rng = np.random.default_rng(0)
    x, h0, c0, params = lstm.sample(rng, H=H)
    nodes = lstm.reference.step(x[0], h0, c0, params)
    given = {"x_t": x[0], "h_prev": h0, "c_prev": c0, **params._asdict()}
    forward = computed(equations("lstm"), given, range(1, 9))
    np.testing.assert_allclose(forward["h_t"], nodes.h_t, rtol=1e-13)
    np.testing.assert_allclose(forward["c_t"], nodes.c_t, rtol=1e-13)
    upstream = {"dh_t": rng.normal(size=(3, H)), "dc_next": rng.normal(size=(3, H))}
    backward = computed(equations("lstm"), forward | upstream, range(10, 24))
    found = lstm.reference.step_backward(upstream["dh_t"], upstream["dc_next"], nodes, params)
    for name, value in zip(("dx_t", "dh_prev", "dc_prev", "da_t"), found, strict=True):
        np.testing.assert_allclose(backward[name], value, rtol=1e-12, atol=1e-14, err_msg=name)


def test_the_texts_of_the_gru_compute_the_gru():
    gru = room("gru")
    rng = np.random.default_rng(0)
    x, h0, params = gru.sample(rng, H=H)
    nodes = gru.reference.step(x[0], h0, params)
    given = {"x_t": x[0], "h_prev": h0, **params._asdict()}
    for k, gate in enumerate("rzn"):
        block = slice(k * H, (k + 1) * H)
        given |= {
            f"W_x{gate}": params.W_x[:, block],
            f"W_h{gate}": params.W_h[:, block],
            f"b_{gate}": params.b[block],
        }
    forward = computed(equations("gru"), given, range(1, 9))
    np.testing.assert_allclose(forward["h_t"], nodes.h_t, rtol=1e-13)
    dh_t = rng.normal(size=(3, H))
    backward = computed(equations("gru"), forward | {"dh_t": dh_t}, range(10, 20))
    found = gru.reference.step_backward(dh_t, nodes, params)
    for name, value in zip(("dx_t", "dh_prev", "da_t", "dm"), found, strict=True):
        np.testing.assert_allclose(backward[name], value, rtol=1e-12, atol=1e-14, err_msg=name)
