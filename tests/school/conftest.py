"""Solutions of the exercises, made of the answer book: reference.py. Nothing of this kind is in the package."""

import ast
import re

import pytest

from scratchnn.check.catalogue import planting
from scratchnn.school import exercise
from scratchnn.school.cutting import written
from scratchnn.school.kinds.coded import Coded
from scratchnn.school.kinds.derive import Derive
from scratchnn.school.kinds.own_test import OwnTest
from scratchnn.school.kinds.parsons import Parsons
from scratchnn.school.kinds.predict import Predict

OWN_TEST = """
    arrays = {name: rng.normal(size=array.shape) for name, array in arrays.items()}
    dh = rng.normal(size=dh.shape)
"""
COMPARED = """given, again = dh.copy(), [grad.copy() for grad in grads]
    twice = module.backward(given, cache, params)
    good = all(np.abs(getattr(grads, n) - right[n]).max() <= 1e-6 * np.abs(right[n]).max() for n in right)
    return good and np.array_equal(given, dh) and all(map(np.array_equal, again, twice))
"""


def solved(one):
    """Write an exercise's file as somebody would who has solved it."""
    if isinstance(one, Parsons):
        return one.stub().replace('order = "..."', f'order = "{one.solution()}"')
    if isinstance(one, Coded):
        return with_source(one, planting.source_of(one.op))
    if isinstance(one, Derive):
        text = one.stub()
        for formula in one.formulas:
            text = text.replace(f'{formula.name} = "..."', f'{formula.name} = "{right_of(one.op, formula)}"')
        return text
    if isinstance(one, Predict):
        text = one.stub()
        for name in one.names():
            text = text.replace(f"{name} = ...", f"{name} = {one.right(name):.3f}")
        return text
    assert isinstance(one, OwnTest)
    text = one.stub().replace("1, 1, 1, 1", "3, 2, 4, 5").replace("    def loss", OWN_TEST + "\n    def loss")
    return text.replace("module.backward(dh, cache", "module.backward(dh.copy(), cache").replace(
        "return ...", COMPARED
    )


def with_source(one, source):
    """Write the file of an exercise whose answer is code, with the functions of some source."""
    functions = [written(one.op, piece, False, source) for piece in one.pieces]
    return one.imports() + "\n\n".join(functions)


def right_of(op, formula):
    """Look up a formula in the reference."""
    body = ast.parse(planting.source_of(op)).body
    node = next(one for one in body if getattr(one, "name", "") == formula.function)
    lines = ast.get_source_segment(planting.source_of(op), node).splitlines()
    numbered = [line for line in lines if re.search(rf"# \({formula.equation}\)$", line)]
    line = (
        (numbered or [line for line in lines if line.strip().startswith("return ")])[-1].partition("  #")[0].strip()
    )
    return line.removeprefix("return ").partition(" = ")[2] or line.removeprefix("return ")


@pytest.fixture
def solution():
    return lambda name: solved(exercise(name))
