"""House rules on names and docstrings."""

import ast
import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import pytest

import scratchnn

PACKAGE = Path(scratchnn.__file__).parent
STUDENTS = "scratchnn.bench.doctor.styles."  # what the doctor is tried on, written as students write
MODULES = sorted(
    m.name
    for m in pkgutil.walk_packages([str(PACKAGE)], "scratchnn.")
    if "__main__" not in m.name and not m.name.startswith(STUDENTS)
)


def public_functions(module):
    """Yield (qualified name, function) defined in a module, methods of public classes included."""
    for name, thing in vars(module).items():
        if name.startswith("_") or getattr(thing, "__module__", None) != module.__name__:
            continue
        if inspect.isfunction(thing):
            yield name, thing
        elif inspect.isclass(thing):
            for method_name, method in vars(thing).items():
                if not method_name.startswith("_") and inspect.isfunction(method):
                    yield f"{name}.{method_name}", method


def documented_parameters(doc):
    """Give the names in a numpydoc Parameters section, or None when there is no such section."""
    found = re.search(r"^( *)Parameters\n\1-{5,}\n(.*?)(?=^\1\S[^\n]*\n\1-{3,}|\Z)", doc, re.S | re.M)
    if not found:
        return None
    indent = found[1]
    names = []
    for line in found[2].splitlines():
        entry = re.match(rf"{indent}(\*{{0,2}}[A-Za-z_][\w, *]*?)(?: : .*)?$", line)
        if entry and not line.startswith(indent + " "):
            names += [name.strip().lstrip("*") for name in entry[1].split(",")]
    return names


PEERS = ("torch", "jax")  # optional: the benchmark's modules about them need them


@pytest.mark.parametrize("name", MODULES)
def test_docstring_parameters_are_the_signature(name):
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name not in PEERS:
            raise
        pytest.skip(f"{error.name} is not installed")
    for label, function in public_functions(module):
        doc = inspect.cleandoc(function.__doc__ or "")
        assert doc, f"{name}.{label} has no docstring"
        documented = documented_parameters(doc)
        if documented is None:
            continue
        signature = [p for p in inspect.signature(function).parameters if p != "self"]
        assert documented == signature, f"{name}.{label}: documented {documented}, signature {signature}"


OPS = [m for m in MODULES if m.startswith("scratchnn.ops.") and m.endswith(".reference")]


@pytest.mark.parametrize("name", OPS)
def test_forward_and_backward_document_their_arguments(name):
    module = importlib.import_module(name)
    for label in ("forward", "backward"):
        function = getattr(module, label, None)
        if function is not None:
            assert documented_parameters(inspect.cleandoc(function.__doc__)), f"{name}.{label}: no Parameters section"


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_no_ambiguous_single_letters(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    bad = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and n.id in ("l", "O", "I")}
    bad |= {n.arg for n in ast.walk(tree) if isinstance(n, ast.arg) and n.arg in ("l", "O", "I")}
    assert not bad


def test_top_level_holds_only_the_agreed_entries():
    root = PACKAGE.parent
    if not (root / ".git").exists():
        pytest.skip("not a source checkout")
    agreed = {"pyproject.toml", "README.md", "LICENSE", "scratchnn", "tutorials", "tests"}
    ignored = {"runs", "build", "dist"}
    found = {p.name for p in root.iterdir() if not p.name.startswith(".")} - ignored
    assert found <= agreed
