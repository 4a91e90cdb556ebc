"""Correct code that is written otherwise is never rejected; each variant with one planted fault is.

Every file of ``variants/`` but drawing.py is one variant: ``draw(rng, size)``, ``forward``, ``backward``, what our
``reference`` gives for the same numbers, and a ``FAULT``: a piece of its source and what a mistake would put there.
All 200 seeds get the full check with

    VARIANT_SEEDS=200 pytest tests/check/test_correct_variants.py

In the ordinary suite the full check judges a few of the seeds, and on the others the gradients are held against the
complex step along a random direction through all arrays, which costs one evaluation instead of a hundred.
"""

import ast
import importlib
import os
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from scratchnn import check, probe
from scratchnn.check import bounds

FOLDER = Path(__file__).parent / "variants"
NAMES = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "drawing")
SEEDS = 200
FULL = int(os.environ.get("VARIANT_SEEDS", "2"))  # of them, evenly spread


def variant(name):
    return importlib.import_module(f"variants.{name}")


LIKE_OURS = [name for name in NAMES if variant(name).reference is not None]  # the others compute another function
COMPLEX_SAFE = [name for name in NAMES if getattr(variant(name), "COMPLEX_SAFE", True)]


def problem(module, seed, backward=None):
    """Draw a problem whose weights are 0.1 to 3 in size, and whose loss is scaled by 1e-4 to 1e4."""
    rng = np.random.default_rng(seed)
    inputs = module.draw(rng, 10 ** rng.uniform(-1, np.log10(3)))
    factor = 10 ** rng.uniform(-4, 4)
    backward = backward or module.backward

    def forward(inputs):
        outputs, cache = module.forward(inputs)
        return {name: _scaled(output, factor) for name, output in outputs.items()}, cache

    def scaled_backward(upstream, cache):
        return backward({name: _scaled(given, factor) for name, given in upstream.items()}, cache)

    return forward, scaled_backward, inputs


def _scaled(array, factor):
    return array * np.asarray(array).real.dtype.type(factor)  # single precision stays single


def spoiled(module):
    """Load a variant again with its fault planted."""
    source = Path(module.__file__).read_text(encoding="utf-8")
    old, new = module.FAULT
    named = next(n for n in ast.parse(source).body if isinstance(n, ast.Assign) and n.targets[0].id == "FAULT")
    code = "\n".join(source.splitlines()[named.end_lineno :])
    head = "\n".join(source.splitlines()[: named.end_lineno])
    assert code.count(old) == 1, f"{module.__name__}: the fault's place stands {code.count(old)} times in its source"
    wrong = ModuleType(module.__name__ + "_spoiled")
    exec(compile(head + "\n" + code.replace(old, new), module.__file__, "exec"), vars(wrong))
    return wrong


def test_there_are_enough_of_them():
    assert len(NAMES) >= 18


@pytest.mark.parametrize("name", LIKE_OURS)
def test_a_variant_computes_what_ours_computes(name):
    module = variant(name)
    for seed in range(5):
        inputs = module.draw(np.random.default_rng(seed), 0.7)
        ours, theirs = module.reference(inputs), module.forward(inputs)[0]
        # chains of some 20 roundings of numbers of order 1, in the precision of the inputs
        allowed = 100 * max(np.finfo(a.dtype).eps for a in inputs.values() if a.dtype.kind == "f")
        for output, found in zip(theirs.values(), ours.values(), strict=True):
            np.testing.assert_allclose(output, found, rtol=0, atol=allowed * max(1, np.abs(found).max()))


@pytest.mark.parametrize("name", NAMES)
def test_the_full_check_accepts(name):
    module = variant(name)
    for seed in range(0, SEEDS, -(-SEEDS // FULL)):
        report = check.check_gradients(*problem(module, seed), seed=seed, name=name)
        assert report.passed, f"seed {seed}\n{report}"
        assert (len(report.oracles) == 2) == (name in COMPLEX_SAFE), f"seed {seed}\n{report}"


@pytest.mark.parametrize("name", COMPLEX_SAFE)
def test_gradients_are_right_on_two_hundred_seeds(name):
    module = variant(name)
    for seed in range(SEEDS):
        error = error_along_a_line(*problem(module, seed), seed)
        assert error <= 1, f"seed {seed}: {error:.1e} times what is allowed"


def error_along_a_line(forward, backward, inputs, seed):
    """Compare along one random direction through all arrays; give the error in units of what is allowed.

    Each array's part of the direction is divided by the scale of its gradient, so that none drowns another. An entry
    may be wrong by what the check allows; along the line these add up with the entries of the direction.
    """
    rng = np.random.default_rng([seed, 1])
    outputs, cache = forward(inputs)
    upstream = {name: rng.choice([-1.0, 1.0], np.shape(out)).astype(out.dtype) for name, out in outputs.items()}
    grads = backward(upstream, cache)
    overall = max(bounds.largest(grad) for grad in grads.values())
    scales = {name: bounds.scale_of(bounds.largest(grad), overall) for name, grad in grads.items()}
    line = {name: rng.normal(size=grad.shape) / scales[name] for name, grad in grads.items()}
    moved = {name: array + 1e-30j * line[name] if name in line else array for name, array in inputs.items()}
    exact = np.imag(probe.project(forward(moved)[0], upstream)) / 1e-30
    given = sum((np.float64(grad) * line[name]).sum() for name, grad in grads.items())
    allowed = sum(
        max(bounds.COMPLEX_BOUND, bounds.rounding_of(grad.dtype)) * scales[name] * np.abs(line[name]).sum()
        for name, grad in grads.items()
    )
    return abs(given - exact) / allowed


@pytest.mark.parametrize("name", NAMES)
def test_its_planted_fault_is_caught(name):
    module = variant(name)
    forward, backward, inputs = problem(module, 7, spoiled(module).backward)
    report = check.check_gradients(forward, backward, inputs, seed=7, name=name)
    assert not report.failures, "the fault is not a wrong number but an error"
    assert not all(row.passed for row in report.rows)
    if name in COMPLEX_SAFE:
        assert error_along_a_line(forward, backward, inputs, 7) > 1
