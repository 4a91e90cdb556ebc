"""A backend is a module: the same two functions with the same arguments in reference, cpu and gpu."""

import ast
from pathlib import Path

import pytest

import scratchnn
from scratchnn.ops import ROOMS

OPS = Path(scratchnn.__file__).parent / "ops"
PAIRS = [
    (room, name)
    for room in ROOMS
    for name in ("cpu", "gpu")
    if (OPS / room / f"{name}.py").exists() and (OPS / room / "reference.py").exists()
]
KERNELS = sorted(OPS.glob("*/gpu*.py"))


def functions(path):
    return {n.name: n for n in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(n, ast.FunctionDef)}


def arguments(function):
    """Names, order, which are by name only, and defaults."""
    given = function.args
    defaults = [ast.unparse(d) if d else None for d in (*given.defaults, *given.kw_defaults)]
    return [a.arg for a in given.args], [a.arg for a in given.kwonlyargs], defaults


@pytest.mark.parametrize(("room", "name"), PAIRS, ids="/".join)
def test_backends_take_the_same_arguments(room, name):
    reference, backend = (functions(OPS / room / f"{module}.py") for module in ("reference", name))
    for label in ("forward", "backward"):
        if label in reference:
            assert arguments(backend[label]) == arguments(reference[label]), f"{room}.{name}.{label}"


@pytest.mark.parametrize("path", KERNELS, ids=lambda p: f"{p.parent.name}/{p.name}")
def test_kernels_are_named_after_their_room_and_idea(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        for decorator in getattr(node, "decorator_list", []):
            if getattr(getattr(decorator, "func", None), "id", "") == "kernel":
                assert node.name.startswith(f"{path.parent.name}_kernel_"), node.name


def test_a_changed_argument_is_noticed():
    one, other = (ast.parse(f"def forward(x, h0, *, {name}=1): pass").body[0] for name in ("kind", "sort"))
    assert arguments(one) != arguments(other)
    assert arguments(one) == arguments(ast.parse("def forward(x: int, h0, *, kind=1): return x").body[0])
