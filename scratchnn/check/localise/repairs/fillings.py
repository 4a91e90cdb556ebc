"""What may be put into an expression from its scope: another array, a function, a factor, a term, a mask."""

import ast
from collections.abc import Iterator
from typing import Any

import numpy as np

from .parts import Change, Text, side

SLOPES = (("(1 - {})", 2), ("(1 - {} ** 2)", 2), ("({0} * (1 - {0}))", 2))


def fillings(text: Text, atoms: dict[str, Any], functions: list[str], shapes: dict[str, Any]) -> Iterator[Change]:
    """List edits that put something in.

    Parameters
    ----------
    text : Text
    atoms : dict of str to object
        What may be put in.
    functions : list of str
        Of one argument.
    shapes : dict of str to object
        Values of parts of the expression.

    Yields
    ------
    Change
    """
    yield from _replacements(text, atoms, shapes)
    yield from _functions(text, functions, atoms, shapes)
    yield from _factors(text, atoms, shapes)
    yield from _terms(text, atoms, shapes)
    yield from _choices(text, atoms, shapes)


def _replacements(text, atoms, shapes):
    for node in text.nodes:
        if not isinstance(node, ast.Name | ast.Attribute | ast.Subscript | ast.Call):
            continue
        old = text.of(node)
        value = shapes.get(old, atoms.get(old))
        if value is None or callable(value):
            continue
        cost = 2 if isinstance(node, ast.Name | ast.Attribute) else 2.5
        for name, other in atoms.items():
            if name != old and _alike(value, other):
                yield Change(text.put(node, name), f"{name} in place of {old}", cost)


def _functions(text, functions, atoms, shapes):
    for node in text.nodes:
        old = text.of(node)
        if isinstance(node, ast.Call) and len(node.args) == 1 and not node.keywords:
            inner = text.of(node.args[0])
            for function in functions:
                if text.of(node.func) != function:
                    yield Change(text.put(node, f"{function}({inner})"), f"{function} in place of {old}", 2)
        value = shapes.get(old, atoms.get(old))
        if isinstance(value, np.ndarray) and value.dtype.kind == "f" and not isinstance(node, ast.Constant):
            for function in functions:
                yield Change(text.put(node, f"{function}({old})"), f"{function} of {old}", 2.5)
            for slope, cost in SLOPES:
                yield Change(text.put(node, slope.format(side(text, node))), f"the slope made of {old}", cost)
            yield Change(text.put(node, f"({side(text, node)} ** 2)"), f"the square of {old}", 2)


def _factors(text, atoms, shapes):
    """A factor is missing: of the whole, or of one term or factor."""
    for node in text.nodes:
        value = shapes.get(text.of(node))
        if node is not text.tree and not isinstance(value, np.ndarray):
            continue
        beside = side(text, node)
        for name, other in atoms.items():
            if isinstance(other, np.ndarray) and other.dtype.kind == "f" and other.ndim and _fits(value, other):
                for form in ("{}", *(slope for slope, _ in SLOPES)):
                    factor = form.format(name)
                    cost = 2 if form == "{}" else 2.5
                    yield Change(text.put(node, f"{beside} * {factor}"), f"the factor {factor}", cost)
            elif isinstance(other, int | float) and not isinstance(other, bool) and other not in (0, 1):
                for new in (f"{beside} * {name}", f"{beside} / {name}"):
                    yield Change(text.put(node, new), f"the factor {name}", 3)


def _terms(text, atoms, shapes):
    whole = side(text, text.tree)
    value = shapes.get(text.of(text.tree))
    for name, other in atoms.items():
        if isinstance(other, np.ndarray) and other.dtype.kind == "f" and _alike(value, other):
            yield Change(f"{whole} + {name}", f"the term {name}", 1.5)
            yield Change(f"{whole} - {name}", f"the term {name}", 3)


def _choices(text, atoms, shapes):
    """A mask is missing: np.where(mask, what stands there, something else)."""
    masks = [name for name, value in atoms.items() if isinstance(value, np.ndarray) and value.dtype.kind == "b"]
    for node in text.nodes:
        value = shapes.get(text.of(node), atoms.get(text.of(node)))
        if not isinstance(value, np.ndarray) or value.dtype.kind != "f":
            continue
        others = [name for name, other in atoms.items() if _alike(value, other)]
        for mask in masks:
            if not _fits(value, atoms[mask]):
                continue
            for other in ("0", *others):
                yield Change(text.put(node, f"np.where({mask}, {text.of(node)}, {other})"), f"where {mask}", 2)


def _alike(value, other):
    if isinstance(value, np.ndarray) and isinstance(other, np.ndarray):
        return value.shape == other.shape and value.dtype.kind == other.dtype.kind
    number = int | float | np.number
    if isinstance(value, number) and isinstance(other, number):
        return isinstance(value, int) == isinstance(other, int)
    return value is not None and type(value) is type(other) and not isinstance(value, np.ndarray)


def _fits(value, other):
    """Whether a product has the shape of the value."""
    if not isinstance(value, np.ndarray):
        return value is None
    try:
        return np.broadcast_shapes(value.shape, other.shape) == value.shape
    except ValueError:
        return False
