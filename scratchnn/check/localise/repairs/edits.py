"""Single edits of one expression: drop, replace, negate, transpose, shift, swap, multiply, add.

Every edit is a text; whoever asks compiles it. What may be put in (``atoms``) comes with its value, so that what does
not fit by its shape is not tried.
"""

import ast
import itertools
from collections.abc import Iterator
from typing import Any

from .fillings import fillings
from .parts import Change, Text, cut, is_name, side, stored, swapped

OPERATORS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.MatMult: "@", ast.Pow: "**"}
REDUCING = {"sum", "mean", "max", "prod"}


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
    for change in _all(Text(text, tree), atoms, functions, shapes):
        key = change.text
        if key not in seen:
            seen.add(key)
            yield change


def _all(text, atoms, functions, shapes):
    for maker in (_drops, _operators, _indices, _calls, _orders, _transposes, _numbers):
        yield from maker(text)
    yield from fillings(text, atoms, functions, shapes)


def _drops(text):
    for node in text.nodes:
        for part in ast.walk(node):
            if part is node or not isinstance(part, ast.expr) or stored(part):
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
            left, right = side(text, node.left), side(text, node.right)
            for other in ("+", "-", "*", "/", "@"):
                if other != OPERATORS.get(type(node.op)):
                    yield Change(text.put(node, f"{left} {other} {right}"), f"{other} in place of the operator", 2)
            if isinstance(node.op, ast.Sub | ast.Div | ast.MatMult):
                sign = OPERATORS[type(node.op)]
                yield Change(text.put(node, f"{right} {sign} {left}"), "both sides swapped", 1.5)
        if isinstance(node, ast.BinOp | ast.Name | ast.Attribute | ast.Call | ast.Subscript):
            yield Change(text.put(node, f"(-{side(text, node)})"), f"the sign of {text.of(node)}", 2.2)
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
                    yield Change(cut(text, part), "all of it", 2)
                    for rows in ("1:", ":-1"):
                        yield Change(cut(text, part, rows), f"[{rows}] in place of [{text.of(part)}]", 1.5)
                    continue
                inner = text.of(part)
                for name in [name for name in ast.walk(part) if isinstance(name, ast.Name)]:
                    yield Change(cut(text, part, text.of(name)), f"[{name.id}] in place of [{inner}]", 1)
                    for shift in ("{} - 1", "{} + 1"):
                        yield Change(cut(text, part, shift.format(name.id)), "the index moved by one", 2)
                if isinstance(part, ast.Constant) and isinstance(part.value, int):
                    for k in (part.value - 1, part.value + 1):
                        yield Change(cut(text, part, str(k)), "the index moved by one", 2)
        if isinstance(node, ast.Call) and text.of(node.func) == "range":
            inner = [text.of(one) for one in node.args]
            for last in (inner[-1], *(text.of(name) for arg in node.args for name in ast.walk(arg) if is_name(name))):
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
    by_slice: dict[str, list[ast.expr]] = {}
    for node in text.nodes:
        if isinstance(node, ast.Subscript):
            by_slice.setdefault(text.of(node.slice), []).append(node)
    for some in by_slice.values():
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
                    yield Change(cut(text, one.value, axis), f"axis={axis}", 1)
        names = [one.value for one in node.keywords] if len(node.keywords) > 1 else []
        for pair in itertools.combinations(names, 2):
            yield Change(swapped(text, *pair), f"{text.of(pair[0])} and {text.of(pair[1])} swapped", 1)
        for pair in itertools.combinations(node.args, 2):
            yield Change(swapped(text, *pair), f"{text.of(pair[0])} and {text.of(pair[1])} swapped", 2)


def _orders(text):
    for node in text.nodes:
        if isinstance(node, ast.List | ast.Tuple) and 2 <= len(node.elts) <= 12:
            for pair in itertools.combinations(node.elts, 2):
                yield Change(swapped(text, *pair), f"{text.of(pair[0])} and {text.of(pair[1])} swapped", 1)
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
                yield Change(swapped(text, *pair), f"{text.of(pair[0])} and {text.of(pair[1])} swapped", 1)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult) and isinstance(node.left, ast.List):
            made = text.of(node.left.elts[0]) if node.left.elts else ""
            yield Change(text.put(node, f"[{made} for _ in range({text.of(node.right)})]"), "an array for each", 1)


def _transposes(text):
    for node in text.nodes:
        if isinstance(node, ast.Constant | ast.List | ast.Tuple | ast.ListComp | ast.GeneratorExp):
            continue
        yield Change(text.put(node, f"{side(text, node)}.T"), f"{text.of(node)} transposed", 2)
        yield Change(text.put(node, f"{side(text, node)}.swapaxes(-1, -2)"), f"{text.of(node)} transposed", 3)
        yield Change(text.put(node, f"{side(text, node)}.copy()"), f"a copy of {text.of(node)}", 1.2)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "reshape":
            yield Change(text.put(node, f"{side(text, node.func.value)}.T"), "transposed, not reshaped", 1)
            new = f"{side(text, node.func.value)}.swapaxes(1, 2)"
            yield Change(text.put(node, new), "transposed, not reshaped", 1)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
            left, right = side(text, node.left), side(text, node.right)
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
