"""Optimisers on the CPU: the reference's numbers, pure and in place."""

import inspect

import numpy as np
import pytest

from scratchnn import jit
from scratchnn.ops import optimizers
from scratchnn.ops.optimizers import cpu, reference

EPS32 = float(np.finfo(np.float32).eps)
RULES = {
    "sgd": [{}, {"momentum": 0.9}, {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1}],
    "adam": [{}, {"betas": (0.5, 0.75), "eps": 1e-3, "weight_decay": 0.1}],
    "adamw": [{}, {"weight_decay": 0.5}],
    "adagrad": [{}, {"lr_decay": 0.1, "weight_decay": 0.1}],
    "rmsprop": [{}, {"momentum": 0.9, "weight_decay": 0.1}, {"centered": True, "alpha": 0.5}],
}
CASES = [(rule, options) for rule, choices in RULES.items() for options in choices]


def problem(dtype, shape=(13, 97)):
    """Rows of no whole number of vectors."""
    rng = np.random.default_rng(1)
    return [rng.normal(size=shape).astype(dtype) for _ in range(4)]  # a parameter and three gradients


def steps(module, rule, p, grads, options):
    state = None
    for grad in grads:
        p, state = getattr(module, rule)(p, grad, state, lr=0.05, **options)
    return p, state


def arrays(p, state):
    return [p, *(value for value in state if isinstance(value, np.ndarray))]


@pytest.mark.parametrize("rule", RULES)
def test_the_signatures_are_the_references(rule):
    mine, theirs = getattr(cpu, rule), getattr(reference, rule)
    assert str(inspect.signature(mine)) == str(inspect.signature(theirs))


@pytest.mark.parametrize(("rule", "options"), CASES)
def test_three_steps_equal_the_reference(rule, options):
    p, *grads = problem(np.float64)
    mine, theirs = (steps(module, rule, p, grads, options) for module in (cpu, reference))
    assert type(mine[1]) is type(theirs[1])
    for found, expected in zip(arrays(*mine), arrays(*theirs), strict=True):
        assert np.abs(found - expected).max() <= 1e-12 * np.abs(expected).max()
    assert [v for v in mine[1] if isinstance(v, int)] == [v for v in theirs[1] if isinstance(v, int)]


@pytest.mark.parametrize(("rule", "options"), CASES)
def test_single_precision_keeps_within_its_roundings(rule, options):
    """The reference in float32 does the same operations; a contracted multiply-add may spare one rounding of ten."""
    p, *grads = problem(np.float32)
    mine, theirs = (steps(module, rule, p, grads, options) for module in (cpu, reference))
    exact = steps(reference, rule, p.astype(np.float64), [g.astype(np.float64) for g in grads], options)
    for found, expected, true in zip(arrays(*mine), arrays(*theirs), arrays(*exact), strict=True):
        assert found.dtype == np.float32
        own = np.abs(expected - true).max()  # what the reference itself loses to float32
        assert np.abs(found - expected).max() <= own + 30 * EPS32 * np.abs(expected).max()


@pytest.mark.parametrize(("rule", "options"), CASES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_in_place_is_the_same_arithmetic(rule, options, dtype):
    p, *grads = problem(dtype)
    start = {"sgd": "sgd", "adam": "adam", "adamw": "adam", "adagrad": "adagrad", "rmsprop": "rmsprop"}[rule]
    moving, state = p.copy(), getattr(reference, f"{start}_start")(p)
    held = arrays(moving, state)
    for grad in grads:
        assert cpu.fits(moving, grad, state)
        state = getattr(cpu, f"{rule}_into")(moving, grad, state, lr=0.05, **options)
    for found, kept, expected in zip(
        arrays(moving, state), held, arrays(*steps(cpu, rule, p, grads, options)), strict=True
    ):
        np.testing.assert_array_equal(found, expected)
        assert found is kept  # nothing was allocated


@pytest.mark.parametrize("rule", RULES)
def test_arguments_are_left_alone(rule):
    p, *grads = problem(np.float64)
    _, state = steps(cpu, rule, p, grads[:1], {})
    given = [p, grads[1], *arrays(p, state)[1:]]
    before = [array.copy() for array in given]
    for array in given:
        array.flags.writeable = False
    first, second = (getattr(cpu, rule)(p, grads[1], state, lr=0.05) for _ in range(2))
    for array, kept in zip(given, before, strict=True):
        np.testing.assert_array_equal(array, kept)
    for one, other in zip(arrays(*first), arrays(*second), strict=True):
        np.testing.assert_array_equal(one, other)
        assert not any(np.shares_memory(one, array) for array in given)


@pytest.mark.parametrize("rule", RULES)
def test_any_layout(rule):
    p, *grads = problem(np.float64)
    expected = steps(reference, rule, p, grads, {})
    odd = np.asfortranarray(p), [np.asfortranarray(grads[0]), np.repeat(grads[1], 2, axis=1)[:, ::2], grads[2]]
    for found, right in zip(arrays(*steps(cpu, rule, *odd, {})), arrays(*expected), strict=True):
        assert np.abs(found - right).max() <= 1e-12 * np.abs(right).max()


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("dtype", [np.complex128, np.float16, np.longdouble])
def test_other_numbers_go_to_the_reference(rule, dtype):
    p, *grads = problem(dtype, shape=(2, 3))
    if rule == "rmsprop" and dtype == np.complex128:
        grads = [grad + 0j for grad in grads]
    for found, right in zip(
        arrays(*steps(cpu, rule, p, grads, {})), arrays(*steps(reference, rule, p, grads, {})), strict=True
    ):
        np.testing.assert_array_equal(found, right)
        assert found.dtype == right.dtype


def test_a_mixture_of_precisions_promotes_as_in_numpy():
    p, grad, *_ = problem(np.float64)
    p = p.astype(np.float32)
    found, state = cpu.adam(p, grad, lr=0.05)
    expected, theirs = reference.adam(p, grad, lr=0.05)
    assert found.dtype == expected.dtype
    assert state.m.dtype == theirs.m.dtype
    assert not cpu.fits(p, grad, reference.adam_start(p))
    assert cpu.adam(p, p, lr=np.float64(0.05))[0].dtype == reference.adam(p, p, lr=np.float64(0.05))[0].dtype


def test_nan_stays_where_it_is():
    for rule, options in CASES:
        p, grad, *_ = problem(np.float32)
        grad[3, 5] = np.nan
        moved, _ = getattr(cpu, rule)(p, grad, lr=0.05, **options)
        assert np.argwhere(np.isnan(moved)).tolist() == [[3, 5]], rule


def test_the_sentences_are_the_references():
    p, grad, *_ = problem(np.float64)
    for arguments in ((p, grad[:2]), (p.astype(int), grad), (p.tolist(), grad)):
        told = []
        for module in (cpu, reference):
            with pytest.raises((ValueError, TypeError)) as caught:
                module.adam(*arguments, lr=0.1)
            told.append(str(caught.value))
        assert told[0] == told[1]


def test_threads_change_nothing(monkeypatch):
    monkeypatch.setattr(cpu, "PIECE", 1000)
    monkeypatch.setattr(jit.threads, "WORTH", 1.0)
    p, grad = (np.random.default_rng(k).normal(size=4_321).astype(np.float32) for k in range(2))
    before = jit.get_num_threads()
    try:
        found = []
        for threads in (1, 3):
            jit.set_num_threads(threads)
            found.append(arrays(*cpu.adamw(p, grad, lr=0.1)))
    finally:
        jit.set_num_threads(before)
    for one, many in zip(*found, strict=True):
        np.testing.assert_array_equal(one, many)


def test_scalars_and_empty_parameters():
    for shape in ((), (0,), (1, 1)):
        p = np.ones(shape)
        np.testing.assert_array_equal(cpu.adam(p, p, lr=0.1)[0], reference.adam(p, p, lr=0.1)[0])


def test_the_room_hands_out_the_backend():
    from scratchnn import ops

    assert ops.backend(optimizers, "cpu") is cpu
