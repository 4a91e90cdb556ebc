"""Parts of an expression: each knows its whole array, its axes by letter, and how to write itself at one place."""

import ast
import itertools
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


def leaf(array, axes):
    """Stand for a named array."""

    def write(position, most):
        return number(float(array[tuple(position[letter] for letter in axes)]))

    return Part(np.asarray(array, float), tuple(axes), write)


def held(part, position, most, rank):
    """Write a part inside a stronger one: in brackets when it would fall apart or begins with a minus."""
    text = part.write(position, most)
    return f"({text})" if part.rank < rank or (text.startswith("-") and rank > SUM) else text


def _aligned(part, axes):
    present = [letter for letter in axes if letter in part.axes]
    value = np.transpose(part.value, [part.axes.index(letter) for letter in present])
    return value.reshape([value.shape[present.index(x)] if x in present else 1 for x in axes])


def _union(*parts):
    return tuple(dict.fromkeys(itertools.chain(*(part.axes for part in parts))))


def binary(operator, left, right):
    """Put two parts together, entry by entry; axes are matched by letter."""
    function, sign, rank = OPERATORS[type(operator)]
    axes = _union(*sorted((left, right), key=lambda part: -len(part.axes)))
    tight = rank + (not isinstance(operator, ast.Add | ast.Mult))  # a - (b - c), a / (b * c)

    def write(position, most):
        first, second = held(left, position, most, rank), held(right, position, most, tight)
        if rank == POWER and first.startswith("-"):
            first = f"({first})"
        if second.startswith("-"):
            second = f"({second})"
        return f"{first}{sign}{second}"

    return Part(function(_aligned(left, axes), _aligned(right, axes)), axes, write, rank)


def product(left, right):
    """A matrix product: what both share at the joint gets a letter of its own and is summed over."""
    joint = f"{left.axes[-1]} summed"
    left = _renamed(left, left.axes[-1], joint)
    right = _renamed(right, right.axes[-1] if len(right.axes) == 1 else right.axes[-2], joint)
    rest = tuple(letter for letter in right.axes if letter != joint)
    if len(left.axes) > 1 and rest and left.axes[-2] == rest[-1]:  # (H, B) @ (B, H): rows and columns of a matrix
        left = _renamed(left, rest[-1], f"{rest[-1]}{ROWS}")
    elif rest and rest[-1].endswith(ROWS) and rest[-1].rstrip(ROWS) not in left.axes:  # W_h.T
        right = _renamed(right, rest[-1], rest[-1].rstrip(ROWS))
        rest = (*rest[:-1], rest[-1].rstrip(ROWS))
    axes = tuple(dict.fromkeys((*left.axes[:-1], *rest)))
    every = (*axes, joint)
    value = (_aligned(left, every) * _aligned(right, every)).sum(axis=-1)
    size = left.value.shape[-1]

    def write(position, most):
        def term(k):
            at = {**position, joint: k}
            return f"{held(left, at, most, PRODUCT)}*{held(right, at, most, PRODUCT)}"

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


def turned(part):
    """Swap the last two axes."""
    if len(part.axes) < 2:
        raise UnknownError("a transpose of a vector")
    *rest, one, other = part.axes
    return part._replace(value=np.swapaxes(part.value, -1, -2), axes=(*rest, other, one))


def summed(part, letters):
    """Sum over axes, named by their letters."""
    axes = tuple(letter for letter in part.axes if letter not in letters)
    over = [letter for letter in part.axes if letter in letters]
    if len(over) != len(letters):
        raise UnknownError("a sum over an axis that is not there")
    sizes = [range(part.value.shape[part.axes.index(letter)]) for letter in over]
    places = list(itertools.product(*sizes))

    def write(position, most):
        def term(k):
            return held(part, {**position, **dict(zip(over, places[k], strict=True))}, most, SUM)

        return _terms(term, len(places), most)

    return Part(part.value.sum(axis=tuple(part.axes.index(x) for x in over)), axes, write, SUM)


def softmax(letter, scores, mask):
    """Share out over one axis what may be seen."""
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


def chosen(condition, yes, no):
    """Take one or the other, entry by entry."""
    axes = _union(*sorted((yes, no, condition), key=lambda part: -len(part.axes)))
    value = np.where(_aligned(condition, axes) != 0, _aligned(yes, axes), _aligned(no, axes))

    def write(position, most):
        at = tuple(position[letter] for letter in condition.axes)
        return (yes if condition.value[at] else no).write(position, most)

    return Part(value, axes, write, SUM)


def blocks(parts):
    """Lay parts side by side."""
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
