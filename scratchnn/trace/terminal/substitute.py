"""Put numbers into an equation: "dc_next + ds * (1 - s**2)" becomes "0.12 + 0.30 * (1 - 0.55**2)".

The right side is read as Python, with the few words that equations use ("sum over B of ...", "softmax over S"). Each
part knows its whole array, its axes by letter, and how to write itself at one position. So what is written can be
compared with what was recorded: whoever calls shows it only when both agree.
"""

import ast
import itertools
import re
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from .axes import ROWS

SUM, PRODUCT, SIGN, POWER, ATOM = range(5)  # how strongly a written part holds together
OPERATORS = {
    ast.Add: (np.add, " + ", SUM),
    ast.Sub: (np.subtract, " - ", SUM),
    ast.Mult: (np.multiply, " * ", PRODUCT),
    ast.Div: (np.divide, " / ", PRODUCT),
    ast.Pow: (np.power, "**", POWER),
}
FUNCTIONS = {
    "sigmoid": lambda a: 0.5 * (1 + np.tanh(a / 2)),
    "tanh": np.tanh,
    "exp": np.exp,
    "log": np.log,
    "sqrt": np.sqrt,
    "relu": lambda a: np.where(a > 0, a, 0),
    "sigmoid_slope": lambda s: s * (1 - s),
    "tanh_slope": lambda s: 1 - s**2,
}


class UnknownError(Exception):
    """The text holds something that numbers cannot be put into."""


class Part(NamedTuple):
    """A part of an expression."""

    value: np.ndarray
    axes: tuple[str, ...]
    write: Callable  # (position: dict of letter to index, most: terms of a sum) -> str
    rank: int = ATOM


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


def number(value: float, digits: int = 4) -> str:
    """Write a number for an expression.

    Parameters
    ----------
    value : float
    digits : int
        Significant ones.

    Returns
    -------
    str
    """
    text = f"{value:.{digits}g}"
    return "0" if text == "-0" else text


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
            return _leaf(*leaves[known])
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return Part(np.asarray(float(node.value)), (), lambda position, most: f"{node.value}")
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = _read(node.operand, leaves)
        return inner._replace(value=-inner.value, write=lambda p, most: "-" + _held(inner, p, most, SIGN), rank=SIGN)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
        return _product(_read(node.left, leaves), _read(node.right, leaves))
    if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
        return _binary(node.op, _read(node.left, leaves), _read(node.right, leaves))
    if isinstance(node, ast.Attribute) and node.attr == "T":
        return _turned(_read(node.value, leaves))
    if isinstance(node, ast.List):
        return _blocks([_read(one, leaves) for one in node.elts])
    if isinstance(node, ast.Call):
        return _call(node, leaves)
    raise UnknownError(name)


def _call(node, leaves):
    name = ast.unparse(node.func)
    short = name.rsplit(".", 1)[-1]
    if name == "_sum":
        return _summed(_read(node.args[1], leaves), node.args[0].value.split(", "))
    if name == "_softmax":
        return _softmax(node.args[0].value, *(_read(one, leaves) for one in node.args[1:]))
    if short in ("_where", "where"):
        return _chosen(*(_read(one, leaves) for one in node.args))
    if name == "np.concatenate":
        return _blocks([_read(one, leaves) for one in node.args[0].elts])
    if short == "sum" and not name.startswith("np.") and [k.arg for k in node.keywords] == ["axis"]:
        inner = _read(node.func.value, leaves)
        return _summed(inner, [inner.axes[ast.literal_eval(node.keywords[0].value)]])
    if short in FUNCTIONS and len(node.args) == 1 and not node.keywords:
        inner = _read(node.args[0], leaves)
        return inner._replace(
            value=FUNCTIONS[short](inner.value), write=lambda p, most: f"{short}({inner.write(p, most)})", rank=ATOM
        )
    raise UnknownError(name)


def _leaf(array, axes):
    def write(position, most):
        return number(float(array[tuple(position[letter] for letter in axes)]))

    return Part(np.asarray(array, float), tuple(axes), write)


def _held(part, position, most, rank):
    """Write a part inside a stronger one: in brackets when it would fall apart or begins with a minus."""
    text = part.write(position, most)
    return f"({text})" if part.rank < rank or (text.startswith("-") and rank > SUM) else text


def _aligned(part, axes):
    present = [letter for letter in axes if letter in part.axes]
    value = np.transpose(part.value, [part.axes.index(letter) for letter in present])
    return value.reshape([value.shape[present.index(x)] if x in present else 1 for x in axes])


def _union(*parts):
    return tuple(dict.fromkeys(itertools.chain(*(part.axes for part in parts))))


def _binary(operator, left, right):
    function, sign, rank = OPERATORS[type(operator)]
    axes = _union(*sorted((left, right), key=lambda part: -len(part.axes)))
    tight = rank + (not isinstance(operator, ast.Add | ast.Mult))  # a - (b - c), a / (b * c)

    def write(position, most):
        first, second = _held(left, position, most, rank), _held(right, position, most, tight)
        if rank == POWER and first.startswith("-"):
            first = f"({first})"
        if second.startswith("-"):
            second = f"({second})"
        return f"{first}{sign}{second}"

    return Part(function(_aligned(left, axes), _aligned(right, axes)), axes, write, rank)


def _product(left, right):
    """A matrix product: what both share at the joint gets a letter of its own and is summed over."""
    joint = f"{left.axes[-1]} summed"
    left = _renamed(left, left.axes[-1], joint)
    right = _renamed(right, right.axes[-1] if len(right.axes) == 1 else right.axes[-2], joint)
    rest = tuple(letter for letter in right.axes if letter != joint)
    if len(left.axes) > 1 and rest and left.axes[-2] == rest[-1]:  # (H, B) @ (B, H): rows and columns of a matrix
        left = _renamed(left, rest[-1], f"{rest[-1]}{ROWS}")
    elif (
        rest and rest[-1].endswith(ROWS) and rest[-1].rstrip(ROWS) not in left.axes
    ):  # W_h.T: its rows are the columns
        right = _renamed(right, rest[-1], rest[-1].rstrip(ROWS))
        rest = (*rest[:-1], rest[-1].rstrip(ROWS))
    axes = tuple(dict.fromkeys((*left.axes[:-1], *rest)))
    every = (*axes, joint)
    value = (_aligned(left, every) * _aligned(right, every)).sum(axis=-1)
    size = left.value.shape[-1]

    def write(position, most):
        def term(k):
            at = {**position, joint: k}
            return f"{_held(left, at, most, PRODUCT)}*{_held(right, at, most, PRODUCT)}"

        return _terms(term, size, most)

    return Part(value, axes, write, SUM)


def _renamed(part, old, new):
    return part._replace(
        axes=tuple(new if letter == old else letter for letter in part.axes),
        write=lambda position, most: part.write({**position, old: position[new]}, most),
    )


def _terms(term, size, most):
    shown = " + ".join(term(k) for k in range(min(size, most)))
    return shown if size <= most else f"{shown} + … {size - most} more"


def _turned(part):
    if len(part.axes) < 2:
        raise UnknownError("a transpose of a vector")
    *rest, one, other = part.axes
    return part._replace(value=np.swapaxes(part.value, -1, -2), axes=(*rest, other, one))


def _summed(part, letters):
    axes = tuple(letter for letter in part.axes if letter not in letters)
    over = [letter for letter in part.axes if letter in letters]
    if len(over) != len(letters):
        raise UnknownError("a sum over an axis that is not there")
    sizes = [range(part.value.shape[part.axes.index(letter)]) for letter in over]
    places = list(itertools.product(*sizes))

    def write(position, most):
        def term(k):
            return _held(part, {**position, **dict(zip(over, places[k], strict=True))}, most, SUM)

        return _terms(term, len(places), most)

    return Part(part.value.sum(axis=tuple(part.axes.index(x) for x in over)), axes, write, SUM)


def _softmax(letter, scores, mask):
    axis = scores.axes.index(letter)
    seen = _aligned(mask, scores.axes) != 0
    powers = np.where(seen, np.exp(scores.value), 0)
    total = powers.sum(axis=axis, keepdims=True)
    value = np.where(total > 0, powers / np.where(total > 0, total, 1), 0)
    seen = np.broadcast_to(seen, scores.value.shape)

    def write(position, most):
        at = {axis: position[letter] for axis, letter in enumerate(scores.axes)}
        row = seen[tuple(slice(None) if k == axis else at[k] for k in range(seen.ndim))]
        if not row[position[letter]]:
            return "0 (not to be seen)"
        one = f"exp({scores.write(position, most)})"
        others = np.flatnonzero(row)
        below = _terms(
            lambda k: f"exp({scores.write({**position, letter: int(others[k])}, most)})", len(others), most
        )
        return f"{one} / ({below})"

    return Part(value, scores.axes, write, PRODUCT)


def _chosen(condition, yes, no):
    axes = _union(*sorted((yes, no, condition), key=lambda part: -len(part.axes)))
    value = np.where(_aligned(condition, axes) != 0, _aligned(yes, axes), _aligned(no, axes))

    def write(position, most):
        at = tuple(position[letter] for letter in condition.axes)
        return (yes if condition.value[at] else no).write(position, most)

    return Part(value, axes, write, SUM)


def _blocks(parts):
    if not all(part.axes and part.axes[:-1] == parts[0].axes[:-1] for part in parts):
        raise UnknownError("blocks of different shapes")
    widths = [part.value.shape[-1] for part in parts]
    last = f"{len(parts)}{parts[0].axes[-1]}"

    def write(position, most):
        column, k = position[last], 0
        while column >= widths[k]:
            column, k = column - widths[k], k + 1
        return parts[k].write({**position, parts[k].axes[-1]: column}, most)

    return Part(np.concatenate([part.value for part in parts], axis=-1), (*parts[0].axes[:-1], last), write)
