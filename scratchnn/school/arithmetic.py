"""Formulas that a student types, worked out without running them as code: numbers, names, and a few functions."""

import ast
import operator
from collections.abc import Mapping
from typing import Any

import numpy as np

FUNCTIONS = {"exp": np.exp, "log": np.log, "tanh": np.tanh, "sqrt": np.sqrt, "sum": np.sum, "mean": np.mean}
SIGNS = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.Pow: operator.pow, ast.USub: operator.neg, ast.UAdd: operator.pos,
}  # fmt: skip
LONGEST = 400  # characters


class NotUnderstood(ValueError):
    """A formula that cannot be worked out; the message is one sentence."""


def value(formula: str, names: Mapping[str, Any]) -> Any:
    """Work out a formula.

    Parameters
    ----------
    formula : str
        For instance "p * (dp - sum(dp * p))"; ``^`` is no power, ``**`` is.
    names : dict of str to number or array

    Returns
    -------
    number or array

    Raises
    ------
    NotUnderstood
        It is no formula, holds a name that is not there, or overflows.
    """
    if len(formula) > LONGEST:
        raise NotUnderstood(f"the formula has {len(formula)} characters, expected at most {LONGEST}")
    try:
        tree = ast.parse(formula.strip(), mode="eval")
        with np.errstate(all="ignore"):
            return _worked_out(tree.body, names)
    except SyntaxError:
        raise NotUnderstood(f"{formula!r} is no formula") from None
    except (OverflowError, ZeroDivisionError, RecursionError, MemoryError) as error:
        raise NotUnderstood(f"{formula!r} cannot be worked out: {error}") from None


def number(node: ast.expr) -> float:
    """Work out a number that stands in a student's file: 3, -0.5, 2 * 0.25, 1 / 3.

    Parameters
    ----------
    node : ast.expr

    Returns
    -------
    float

    Raises
    ------
    NotUnderstood
        It is none.
    """
    try:
        return float(value(ast.unparse(node), {}))
    except (TypeError, ValueError, RecursionError) as error:
        sentence = str(error) if isinstance(error, NotUnderstood) else f"{ast.unparse(node)} is no number"
        raise NotUnderstood(sentence) from None


def _worked_out(node, names):
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        return float(node.value)
    if isinstance(node, ast.Name):
        if node.id not in names:
            listed = ", ".join(names) or "numbers only"
            raise NotUnderstood(f"{node.id!r} is not known here, expected {listed}")
        return names[node.id]
    if isinstance(node, ast.BinOp) and type(node.op) in SIGNS:
        return SIGNS[type(node.op)](_worked_out(node.left, names), _worked_out(node.right, names))
    if isinstance(node, ast.UnaryOp) and type(node.op) in SIGNS:
        return SIGNS[type(node.op)](_worked_out(node.operand, names))
    if isinstance(node, ast.Call):
        return _called(node, names)
    raise NotUnderstood(f"{ast.unparse(node)!r} is not understood, expected + - * / ** and {', '.join(FUNCTIONS)}")


def _called(node, names):
    """Call one of the functions: sum(x), np.sum(x), or x.sum(); axes are those of one row and make no difference."""
    name, arguments = node.func, list(node.args)
    if isinstance(name, ast.Attribute):
        if not (isinstance(name.value, ast.Name) and name.value.id == "np"):
            arguments.insert(0, name.value)
        name = ast.Name(name.attr)
    if not isinstance(name, ast.Name) or name.id not in FUNCTIONS or len(arguments) != 1:
        raise NotUnderstood(f"{ast.unparse(node)!r} is not understood, expected one of {', '.join(FUNCTIONS)}")
    return FUNCTIONS[name.id](_worked_out(arguments[0], names))
