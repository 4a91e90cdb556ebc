"""Put numbers into an equation: "dc_next + ds * (1 - s**2)" becomes "0.12 + 0.30 * (1 - 0.55**2)".

The right side is read as Python, with the few words that equations use ("sum over B of ...", "softmax over S"). Each
part knows its whole array, its axes by letter, and how to write itself at one position. So what is written can be
compared with what was recorded: whoever calls shows it only when both agree.
"""

import ast
import re

import numpy as np

from .written import (
    ATOM,
    FUNCTIONS,
    OPERATORS,
    SIGN,
    Part,
    UnknownError,
    binary,
    blocks,
    chosen,
    held,
    leaf,
    product,
    softmax,
    summed,
    turned,
)


def part_of(text: str, leaves: dict) -> Part | None:
    """Read the right side of an equation.

    Parameters
    ----------
    text : str
        An equation or a line of source.
    leaves : dict of str to (array, axes)
        What is known by name.

    Returns
    -------
    Part or None
        None when the text holds something else than known names and plain mathematics.
    """
    try:
        with np.errstate(all="ignore"):
            return _read(ast.parse(_as_python(text), mode="eval").body, leaves)
    except (UnknownError, SyntaxError, ValueError, IndexError):
        return None


def _as_python(text):
    right = re.split(r"(?<![=<>!])(?:\+=|=)(?!=)", text, maxsplit=1)[-1].split("#")[0].strip()
    right = re.sub(r"softmax\((\w+), (\w+)\) over (\w+)", r"_softmax('\3', \1, \2)", right)
    right = re.sub(r"^(.*) where (\w+), else (\w+)$", r"_where(\2, \1, \3)", right)
    while found := list(re.finditer(r"sum over ([A-Z](?:, [A-Z])*) of ", right)):
        last = found[-1]
        end = _closing(right, last.end())
        right = f"{right[: last.start()]}_sum('{last[1]}', {right[last.end() : end]}){right[end:]}"
    return right


def _closing(text, start):
    """Find where the bracket closes that stands around a place."""
    depth = 0
    for k in range(start, len(text)):
        depth += text[k] in "([" and 1
        depth -= text[k] in ")]" and 1
        if depth < 0:
            return k
    return len(text)


def _read(node, leaves):
    name = ast.unparse(node)
    for known in (name, name.rsplit(".", 1)[-1] if isinstance(node, ast.Attribute) else name):
        if known in leaves and known != "T":
            return leaf(*leaves[known])
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return Part(np.asarray(float(node.value)), (), lambda position, most: f"{node.value}")
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = _read(node.operand, leaves)
        return inner._replace(value=-inner.value, write=lambda p, most: "-" + held(inner, p, most, SIGN), rank=SIGN)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
        return product(_read(node.left, leaves), _read(node.right, leaves))
    if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
        return binary(node.op, _read(node.left, leaves), _read(node.right, leaves))
    if isinstance(node, ast.Attribute) and node.attr == "T":
        return turned(_read(node.value, leaves))
    if isinstance(node, ast.List):
        return blocks([_read(one, leaves) for one in node.elts])
    if isinstance(node, ast.Call):
        return _call(node, leaves)
    raise UnknownError(name)


def _call(node, leaves):
    name = ast.unparse(node.func)
    short = name.rsplit(".", 1)[-1]
    if name == "_sum":
        return summed(_read(node.args[1], leaves), node.args[0].value.split(", "))
    if name == "_softmax":
        return softmax(node.args[0].value, *(_read(one, leaves) for one in node.args[1:]))
    if short in ("_where", "where"):
        return chosen(*(_read(one, leaves) for one in node.args))
    if name == "np.concatenate":
        return blocks([_read(one, leaves) for one in node.args[0].elts])
    if short == "sum" and not name.startswith("np.") and [k.arg for k in node.keywords] == ["axis"]:
        inner = _read(node.func.value, leaves)
        return summed(inner, [inner.axes[ast.literal_eval(node.keywords[0].value)]])
    if short in FUNCTIONS and len(node.args) == 1 and not node.keywords:
        inner = _read(node.args[0], leaves)
        return inner._replace(
            value=FUNCTIONS[short](inner.value), write=lambda p, most: f"{short}({inner.write(p, most)})", rank=ATOM
        )
    raise UnknownError(name)
