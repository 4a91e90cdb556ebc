"""What a student's file may import.

A rule against accidents, not a lock: the answer book lies on the same machine as the exercise, and whoever wants to
look into it can. What this catches is an import that an editor completed, or a gradient that a library made.
"""

import ast
import sys

from .cutting import HOLE

AUTOGRAD = (
    "aesara", "autograd", "casadi", "cupy", "flax", "jax", "keras", "mindspore", "mxnet", "paddle", "pytensor",
    "tensorflow", "theano", "tinygrad", "torch",
)  # fmt: skip
INDIRECT = ("__import__", "importlib", "runpy")
GIVEN = "scratchnn.school.given"


def refusal(text: str, stub: str) -> str:
    """Say why a file is refused.

    Parameters
    ----------
    text : str
        The student's file.
    stub : str
        The file as it was handed out; what it imports may be imported.

    Returns
    -------
    str
        One sentence, empty if nothing is wrong.
    """
    tree, allowed = ast.parse(text), set(_imports(ast.parse(stub)))
    for module, line in _imports(tree).items():
        root = module.partition(".")[0]
        if module in allowed or any(module.startswith(f"{one}.") for one in allowed - {"scratchnn"}):
            continue
        if root == "scratchnn":
            return f"line {line} imports {module}: the exercise is to write this yourself; take that line out"
        if root in AUTOGRAD:
            return f"line {line} imports {root}, which makes gradients itself; take that line out"
        if root in INDIRECT or (root not in sys.stdlib_module_names and root != "numpy"):
            return f"line {line} imports {root}; NumPy and Python's own modules are all you need here"
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in INDIRECT:
            return f"line {node.lineno} uses {node.id}; write imports at the top of the file, as the exercise does"
    return ""


def holes(text: str) -> list[tuple[int, str]]:
    """Find what is still to be written.

    Parameters
    ----------
    text : str

    Returns
    -------
    list of (int, str)
        The line of each ``...``, and what is assigned there; empty for a statement of its own.
    """
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign | ast.Expr | ast.Return) and node.value:
            inside = [one for one in ast.walk(node.value) if isinstance(one, ast.Constant)]
            if any(one.value is Ellipsis or one.value == HOLE for one in inside):
                target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
                found.append((node.lineno, ast.unparse(target) if target is not None else ""))
    return sorted(set(found))


def _imports(tree):
    """Give the modules that are imported, names of ``from`` included, each with its line."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name: node.lineno for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            found |= {f"{module}.{alias.name}": node.lineno for alias in node.names}
    return found
