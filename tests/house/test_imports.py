"""Who may import whom. This table is the law; the README's drawing shows it."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import scratchnn

PACKAGE = Path(scratchnn.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))

# room -> rooms of ours it may import (itself is always allowed)
ROOMS = {
    "notation": set(),
    "errors": set(),
    "files": {"errors"},
    "shapes": set(),
    "jit": {"errors"},
    "device": {"errors"},
    "arrays": {"device"},
    "misconceptions": set(),
    "ops": {"arrays", "device", "jit", "misconceptions", "notation", "shapes"},
    "probe": set(),
    "layers": {"arrays", "ops", "notation", "shapes"},
    "models": {"arrays", "layers", "notation"},
    "data": {"errors"},
    "training": {"arrays", "errors", "files", "notation", "ops"},
    "draw": {"files", "layers", "notation"},
    "interop": {"layers", "notation"},
    "check": {
        "arrays",
        "errors",
        "probe",
        "ops",
        "layers",
        "misconceptions",
        "models",
        "training",
        "draw",
        "notation",
    },
    "gradflow": {"arrays", "draw", "errors", "layers", "models", "notation", "ops", "runs", "shapes", "training"},
    "trace": {
        "check",
        "draw",
        "errors",
        "files",
        "layers",
        "misconceptions",
        "models",
        "notation",
        "ops",
        "probe",
        "shapes",
    },
    "runs": {"arrays", "data", "draw", "errors", "files", "jit", "layers", "models", "notation", "training"},
    "bench": {"arrays", "check", "device", "errors", "jit", "layers", "models", "notation", "ops", "training"},
    "lessons": {"errors", "files"},
    "school": {"check", "errors", "files", "misconceptions", "ops", "probe"},
    "cli": {
        "bench",
        "check",
        "data",
        "device",
        "draw",
        "errors",
        "files",
        "gradflow",
        "jit",
        "layers",
        "lessons",
        "misconceptions",
        "models",
        "notation",
        "ops",
        "probe",
        "runs",
        "school",
        "trace",
        "training",
    },
    "__main__": {"cli"},
    "__init__": set(),
}
OTHER_OPS = {"attention": {"softmax"}, "cross_entropy": {"softmax"}}  # beside activations, open to all


def imported(path):
    """Give the dotted modules that a file imports, relative ones made absolute."""
    package = ["scratchnn", *path.relative_to(PACKAGE).parent.parts]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def ours(path):
    return [name.split(".") for name in imported(path) if name.startswith("scratchnn.")]


def relative(path):
    return path.relative_to(PACKAGE).as_posix()


FAST = ("cpu", "gpu", "ladder")  # compiled code
COMPILED = [p for p in FILES if p.parent.parent.name == "ops" and p.name.startswith((*FAST, "formula"))]


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_a_room_imports_only_what_the_table_allows(path):
    room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    assert room in ROOMS, f"{room} has no row in the import table"
    wanted = {name[1] for name in ours(path)} - {room, "__version__"}
    assert wanted <= ROOMS[room], f"{relative(path)} imports {sorted(wanted - ROOMS[room])}"


@pytest.mark.parametrize("path", [p for p in FILES if p.parent.parent.name == "ops"], ids=relative)
def test_one_op_does_not_import_another(path):
    op = path.parent.name
    allowed = {op, "activations"} | OTHER_OPS.get(op, set())
    if path.name.startswith(FAST):
        allowed |= {"matmul"}  # the one product that all kernels use
    others = {name[2] for name in ours(path) if name[1] == "ops" and len(name) > 2}
    assert others <= allowed, f"{relative(path)} imports {sorted(others - allowed)}"


@pytest.mark.parametrize(
    "path", [p for p in FILES if p.parent.parent.name == "ops" and p not in COMPILED], ids=relative
)
def test_only_compiled_code_knows_the_compiler(path):
    if path.parent.name == "matmul":
        pytest.skip("tile and called are the compiler's own corner; reference and equations are judged as oracles")
    heavy = {"numba", "llvmlite"} & {name.split(".")[0] for name in imported(path)}
    assert not heavy
    assert not {"arrays", "device", "jit"} & {name[1] for name in ours(path)}


@pytest.mark.parametrize("path", [p for p in COMPILED if p.parent.name != "matmul"], ids=relative)
def test_a_backend_imports_no_other(path):
    """Kernels for the device know the device, the others do not; the two meet in formula.py."""
    names = list(ours(path))
    if path.name.startswith("gpu"):
        assert not [name for name in names if name[-1].startswith(("cpu", "ladder"))]
    else:
        assert not {"arrays", "device"} & {name[1] for name in names}
        assert not [name for name in names if name[-1].startswith("gpu")]


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_one_file_imports_numba_cuda_and_one_room_copies(path):
    names = [name for name in imported(path) if name == "cuda" or name.startswith(("numba.cuda", "cuda."))]
    if path.parent.name == "device":  # its corners of Numba are imported where they are used
        lines = re.findall(
            r"^ *(?:from numba import cuda|import numba\.cuda)", path.read_text(encoding="utf-8"), re.M
        )
        assert len(lines) == (path.name == "presence.py")
        return
    assert not names, f"{relative(path)}: the device's room knows numba.cuda, others import it from there"
    code = path.read_text(encoding="utf-8")
    assert not re.search(r"\.copy_to_host\(|cuda\.to_device\(|cuda\.device_array|cuda\.jit", code)


@pytest.mark.parametrize("path", [p for p in COMPILED if p.name == "formula.py"], ids=relative)
def test_a_formula_is_a_transcription_of_its_own(path):
    """It may not lean on the reference, with which it is compared."""
    roots = {name.split(".")[0] for name in imported(path)}
    assert roots <= {"math", "numpy", "numba", "scratchnn"}
    allowed = (["jit"], ["ops", "activations"])
    strangers = [name for name in ours(path) if not any(name[1:4][: len(a)] == a for a in allowed)]
    assert not strangers
    assert not [name for name in ours(path) if "reference" in name]


BUGS = [p for p in FILES if p.parent.parent.name == "ops" and p.name.startswith("bugs")]  # a long list may be two


@pytest.mark.parametrize("path", BUGS, ids=relative)
def test_known_bugs_are_plain_data(path):
    others = [name for name in ours(path) if name[1] != "misconceptions"]
    assert all(name[2] == path.parent.name and name[3].startswith("bugs") for name in others)
    assert "numpy" not in set(imported(path))


@pytest.mark.parametrize("path", [p for p in FILES if p.parent.parent.name == "ops" and p not in BUGS], ids=relative)
def test_only_lists_of_bugs_know_the_misconceptions(path):
    assert "misconceptions" not in {name[1] for name in ours(path)}


ORACLES = [p for p in FILES if p.name in ("reference.py", "equations.py") or "probe" in p.parts]


@pytest.mark.parametrize("path", ORACLES, ids=relative)
def test_an_oracle_imports_no_code_that_it_judges(path):
    names = list(imported(path))
    assert not [n for n in names if n.split(".")[0] in ("numba", "torch", "jax", "scipy")]
    if path.name == "equations.py":
        assert "numpy" not in names
    assert not [
        n for n in names if n.split(".")[-1] in ("cpu", "gpu", "formula", "jit") and n.startswith("scratchnn")
    ]


def test_import_is_cheap():
    """Importing the package brings neither numba nor matplotlib nor rich, and NumPy only when a room is opened."""
    code = (
        "import sys, scratchnn; heavy = {'numba','matplotlib','rich','typer','scipy','safetensors'};"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules);"
        "from scratchnn.ops import lstm; import scratchnn.layers, scratchnn.models, scratchnn.training;"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
