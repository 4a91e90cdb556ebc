"""Single edits of one expression: drop, replace, negate, transpose, shift, swap, multiply, add.

Every edit is a text; whoever asks compiles it. What may be put in (``atoms``) comes with its value, so that what does
not fit by its shape is not tried.
"""

import ast
import functools
import itertools
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

SLOPES = (("(1 - {})", 2), ("(1 - {} ** 2)", 2), ("({0} * (1 - {0}))", 2))
OPERATORS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.MatMult: "@", ast.Pow: "**"}
REDUCING = {"sum", "mean", "max", "prod"}


class Change(NamedTuple):
    """An expression in place of another.

    Parameters
    ----------
    text : str
    words : str
        What was done.
    cost : float
        Small for what people often get wrong.
    """

    text: str
    words: str
    cost: float


def changes(text: str, atoms: dict[str, Any], functions: list[str], shapes: dict[str, Any]) -> Iterator[Change]:
    """List single edits of an expression.

    Parameters
    ----------
    text : str
    atoms : dict of str to object
        Names in scope, attributes and indexed arrays, with their values.
    functions : list of str
        Functions of one argument in scope.
    shapes : dict of str to object
        Values of parts of the expression, by their text, as far as they are known.

    Yields
    ------
    Change
    """
    tree = ast.parse(text, mode="eval").body
    seen = {ast.unparse(tree)}
    for change in _all(_Text(text, tree), atoms, functions, shapes):
        key = change.text
        if key not in seen:
            seen.add(key)
            yield change


class _Text:
    """An expression and the places of its parts."""

    def __init__(self, text, tree):
        self.text, self.tree = text, tree
        self.nodes = [node for node in ast.walk(tree) if isinstance(node, ast.expr) and not _stored(node)]
        self.bound = {
            name.id
            for node in ast.walk(tree)
            if isinstance(node, ast.comprehension)
            for name in ast.walk(node.target)
            if isinstance(name, ast.Name)
        }

    def of(self, node):
        return self.text[node.col_offset : node.end_col_offset]

    def put(self, node, new):
        """Replace a part, in brackets where it needs them."""
        whole = node is self.tree
        simple = _simple(new)
        if not whole and not simple and not (new.startswith("(") and new.endswith(")") and _closed(new)):
            new = f"({new})"
        return self.text[: node.col_offset] + new + self.text[node.end_col_offset :]


def _all(text, atoms, functions, shapes):
    for maker in (_drops, _operators, _indices, _calls, _orders, _transposes, _numbers):
        yield from maker(text)
    yield from _replacements(text, atoms, shapes)
    yield from _functions(text, functions, atoms, shapes)
    yield from _factors(text, atoms, shapes)
    yield from _terms(text, atoms, shapes)
    yield from _choices(text, atoms, shapes)


def _drops(text):
    for node in text.nodes:
        for part in ast.walk(node):
            if part is node or not isinstance(part, ast.expr) or _stored(part):
                continue
            if isinstance(part, ast.Constant) and not isinstance(node, ast.BinOp | ast.IfExp | ast.BoolOp):
                continue
            if any(isinstance(name, ast.Name) and name.id in text.bound for name in ast.walk(part)):
                continue
            cost = 2.0  # of what is dropped, an operand is the likeliest
            if part in list(ast.iter_child_nodes(node)):
                cost = 1.0 if isinstance(node, ast.BinOp | ast.UnaryOp | ast.IfExp | ast.BoolOp) else 1.5
            yield Change(text.put(node, text.of(part)), f"without what surrounds {text.of(part)}", cost)
        if isinstance(node, ast.Subscript):
            inner = text.of(node.value)
            for axis in (0, 1, 2, -1):
                yield Change(text.put(node, f"{inner}.sum(axis={axis})"), "a sum in place of one row", 2)


def _operators(text):
    for node in text.nodes:
        if isinstance(node, ast.BinOp):
            left, right = _side(text, node.left), _side(text, node.right)
            for other in ("+", "-", "*", "/", "@"):
                if other != OPERATORS.get(type(node.op)):
                    yield Change(text.put(node, f"{left} {other} {right}"), f"{other} in place of the operator", 2)
            if isinstance(node.op, ast.Sub | ast.Div | ast.MatMult):
                sign = OPERATORS[type(node.op)]
                yield Change(text.put(node, f"{right} {sign} {left}"), "both sides swapped", 1.5)
        if isinstance(node, ast.BinOp | ast.Name | ast.Attribute | ast.Call | ast.Subscript):
            yield Change(text.put(node, f"(-{_side(text, node)})"), f"the sign of {text.of(node)}", 2.2)
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            left, right = text.of(node.left), text.of(node.comparators[0])
            for other in ("==", "!=", "<", "<=", ">", ">="):
                yield Change(text.put(node, f"{left} {other} {right}"), f"{other} in the comparison", 3)


def _indices(text):
    for node in text.nodes:
        if isinstance(node, ast.Subscript):
            parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
            for part in parts:
                if isinstance(part, ast.Slice):
                    yield Change(_cut(text, part), "all of it", 2)
                    for cut in ("1:", ":-1"):
                        yield Change(_cut(text, part, cut), f"[{cut}] in place of [{text.of(part)}]", 1.5)
                    continue
                inner = text.of(part)
                for name in [name for name in ast.walk(part) if isinstance(name, ast.Name)]:
                    yield Change(_cut(text, part, text.of(name)), f"[{name.id}] in place of [{inner}]", 1)
                    for shift in ("{} - 1", "{} + 1"):
                        yield Change(_cut(text, part, shift.format(name.id)), "the index moved by one", 2)
                if isinstance(part, ast.Constant) and isinstance(part.value, int):
                    for k in (part.value - 1, part.value + 1):
                        yield Change(_cut(text, part, str(k)), "the index moved by one", 2)
        if isinstance(node, ast.Call) and text.of(node.func) == "range":
            inner = [text.of(one) for one in node.args]
            for last in (inner[-1], *(text.of(name) for arg in node.args for name in ast.walk(arg) if _name(name))):
                yield Change(text.put(node, f"range({last})"), "all steps", 1)
                for shift in ("{} - 1", "{} + 1"):
                    yield Change(text.put(node, f"range({shift.format(last)})"), "one step more or less", 3)
    yield from _directions(text)
    yield from _slices(text)


def _directions(text):
    whole = text.of(text.tree)
    if "range(" in whole:
        inner = next((n for n in text.nodes if isinstance(n, ast.Call) and text.of(n.func) == "range"), None)
        if inner is not None and "reversed" not in whole:
            yield Change(f"reversed({text.of(inner)})", "the steps from the last to the first", 1)


def _slices(text):
    """The same slice, or index, of several arrays: all of each."""
    cut: dict[str, list[ast.expr]] = {}
    for node in text.nodes:
        if isinstance(node, ast.Subscript):
            cut.setdefault(text.of(node.slice), []).append(node)
    for some in cut.values():
        new = text.text
        if len(some) > 1:
            for node in sorted(some, key=lambda one: -one.col_offset):
                new = new[: node.col_offset] + text.of(node.value) + new[node.end_col_offset :]
            yield Change(new, "all rows", 1.5)


def _calls(text):
    for node in text.nodes:
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Attribute) and node.func.attr in REDUCING:
            for other in sorted(REDUCING - {node.func.attr}):
                start, end = node.func.end_col_offset - len(node.func.attr), node.func.end_col_offset
                new = text.text[:start] + other + text.text[end:]
                yield Change(new, f"{other} in place of {node.func.attr}", 1 if other == "sum" else 3)
            value = text.of(node.func.value)
            for axis in ("axis=0", "axis=1", "axis=2", "axis=-1", "axis=(0, 1)"):
                yield Change(text.put(node, f"{value}.{node.func.attr}({axis})"), f"{axis}", 3)
                yield Change(text.put(node, f"{value}.{node.func.attr}({axis}, keepdims=True)"), f"{axis}", 3)
        for one in node.keywords:
            if one.arg == "axis":
                for axis in ("0", "1", "2", "-1", "None"):
                    yield Change(_cut(text, one.value, axis), f"axis={axis}", 1)
        names = [one.value for one in node.keywords] if len(node.keywords) > 1 else []
        for pair in itertools.combinations(names, 2):
            yield Change(_swapped(text, *pair), f"{text.of(pair[0])} and {text.of(pair[1])} swapped", 1)
        for pair in itertools.combinations(node.args, 2):
            yield Change(_swapped(text, *pair), f"{text.of(pair[0])} and {text.of(pair[1])} swapped", 2)


def _orders(text):
    for node in text.nodes:
        if isinstance(node, ast.List | ast.Tuple) and 2 <= len(node.elts) <= 12:
            for pair in itertools.combinations(node.elts, 2):
                yield Change(_swapped(text, *pair), f"{text.of(pair[0])} and {text.of(pair[1])} swapped", 1)
            if 3 <= len(node.elts) <= 4:
                parts = [text.of(one) for one in node.elts]
                for order in itertools.permutations(parts):
                    inner = ", ".join(order)
                    new = f"[{inner}]" if isinstance(node, ast.List) else f"({inner})"
                    yield Change(text.put(node, new), f"the order {inner}", 3)
            if isinstance(node, ast.List):
                for axis in ("1", "-1", "0"):
                    new = f"np.concatenate({text.of(node)}, axis={axis})"
                    yield Change(text.put(text.tree, new), "blocks side by side", 3)
        if isinstance(node, ast.Dict) and 2 <= len(node.values) <= 8:
            for pair in itertools.combinations(node.values, 2):
                yield Change(_swapped(text, *pair), f"{text.of(pair[0])} and {text.of(pair[1])} swapped", 1)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult) and isinstance(node.left, ast.List):
            made = text.of(node.left.elts[0]) if node.left.elts else ""
            yield Change(text.put(node, f"[{made} for _ in range({text.of(node.right)})]"), "an array for each", 1)


def _transposes(text):
    for node in text.nodes:
        if isinstance(node, ast.Constant | ast.List | ast.Tuple | ast.ListComp | ast.GeneratorExp):
            continue
        yield Change(text.put(node, f"{_side(text, node)}.T"), f"{text.of(node)} transposed", 2)
        yield Change(text.put(node, f"{_side(text, node)}.swapaxes(-1, -2)"), f"{text.of(node)} transposed", 3)
        yield Change(text.put(node, f"{_side(text, node)}.copy()"), f"a copy of {text.of(node)}", 1.2)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "reshape":
            yield Change(text.put(node, f"{_side(text, node.func.value)}.T"), "transposed, not reshaped", 1)
            new = f"{_side(text, node.func.value)}.swapaxes(1, 2)"
            yield Change(text.put(node, new), "transposed, not reshaped", 1)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
            left, right = _side(text, node.left), _side(text, node.right)
            for one, two in ((f"{left}.T", right), (left, f"{right}.T"), (f"{right}.T", left), (right, f"{left}.T")):
                yield Change(text.put(node, f"{one} @ {two}"), "the other transpose", 2)


def _numbers(text):
    for node in text.nodes:
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, int | float)
            and not isinstance(node.value, bool)
        ):
            for other in (0, 1, 2, -node.value, node.value + 1, node.value - 1):
                if other != node.value:
                    yield Change(text.put(node, str(other)), f"{other} in place of {node.value}", 3)


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
                yield Change(text.put(node, slope.format(_side(text, node))), f"the slope made of {old}", cost)
            yield Change(text.put(node, f"({_side(text, node)} ** 2)"), f"the square of {old}", 2)


def _factors(text, atoms, shapes):
    """A factor is missing: of the whole, or of one term or factor."""
    for node in text.nodes:
        value = shapes.get(text.of(node))
        if node is not text.tree and not isinstance(value, np.ndarray):
            continue
        side = _side(text, node)
        for name, other in atoms.items():
            if isinstance(other, np.ndarray) and other.dtype.kind == "f" and other.ndim and _fits(value, other):
                for form in ("{}", *(slope for slope, _ in SLOPES)):
                    factor = form.format(name)
                    cost = 2 if form == "{}" else 2.5
                    yield Change(text.put(node, f"{side} * {factor}"), f"the factor {factor}", cost)
            elif isinstance(other, int | float) and not isinstance(other, bool) and other not in (0, 1):
                for new in (f"{side} * {name}", f"{side} / {name}"):
                    yield Change(text.put(node, new), f"the factor {name}", 3)


def _terms(text, atoms, shapes):
    whole = _side(text, text.tree)
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


@functools.lru_cache(4096)
def _simple(new):
    try:
        tree = ast.parse(new, mode="eval").body
    except SyntaxError:
        return True
    return isinstance(tree, ast.Name | ast.Attribute | ast.Subscript | ast.Call | ast.Constant)


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


def _side(text, node):
    """A part as it can stand beside an operator."""
    simple = isinstance(node, ast.Name | ast.Attribute | ast.Subscript | ast.Call | ast.Constant)
    return text.of(node) if simple else f"({text.of(node)})"


def _cut(text, node, new=":"):
    return text.text[: node.col_offset] + new + text.text[node.end_col_offset :]


def _swapped(text, one, other):
    if one.col_offset > other.col_offset:
        one, other = other, one
    return (
        text.text[: one.col_offset]
        + text.of(other)
        + text.text[one.end_col_offset : other.col_offset]
        + text.of(one)
        + text.text[other.end_col_offset :]
    )


def _closed(new):
    depth = 0
    for k, letter in enumerate(new):
        depth += (letter == "(") - (letter == ")")
        if depth == 0:
            return k == len(new) - 1
    return False


def _name(node):
    return isinstance(node, ast.Name) and node.id not in ("range", "reversed", "len")


def _stored(node):
    return isinstance(getattr(node, "ctx", None), ast.Store)
