"""Activations on the CPU against the reference, and the scalar formulas against the math module."""

import inspect
import math

import numpy as np
import pytest
from numba import njit

from scratchnn import jit
from scratchnn.ops.activations import cpu, formula, reference

NAMES = ("tanh", "sigmoid", "relu")


def problem(dtype, shape=(7, 131)):
    rng = np.random.default_rng(0)
    x = (4 * rng.normal(size=shape)).astype(dtype)
    x.flat[:5] = (0, np.inf, -np.inf, 100, -100)
    return x, rng.normal(size=shape).astype(dtype)


@pytest.mark.parametrize("name", NAMES)
def test_float64_equals_the_reference(name):
    x, dy = problem(np.float64)
    cache, expected = cpu.forward(x, nonlinearity=name), reference.forward(x, nonlinearity=name)
    np.testing.assert_allclose(cache.y, expected.y, rtol=0, atol=1e-15 if name != "relu" else 0)
    grads = cpu.backward(dy, cache)
    np.testing.assert_allclose(grads.x, reference.backward(dy, expected).x, rtol=0, atol=1e-14)


@pytest.mark.parametrize("name", NAMES)
def test_float32_within_a_few_roundings(name):
    """tanh is off by at most 4e-7 (formula.py), a slope by twice that and a rounding, times |dy| below 5."""
    x, dy = problem(np.float32)
    cache, expected = cpu.forward(x, nonlinearity=name), reference.forward(x.astype(float), nonlinearity=name)
    assert cache.y.dtype == np.float32
    np.testing.assert_allclose(cache.y, expected.y, rtol=0, atol=4e-7)
    wanted = reference.backward(dy.astype(float), expected).x
    np.testing.assert_allclose(cpu.backward(dy, cache).x, wanted, rtol=0, atol=5 * (2 * 4e-7 + 2e-7))


def test_tanh32_over_the_whole_line():
    x = np.linspace(-20, 20, 400_001).astype(np.float32)
    y = cpu.forward(x).y
    exact = np.tanh(x.astype(float))
    assert np.max(np.abs(y - exact)) < 4e-7
    assert np.max(np.abs(y)) <= 1
    np.testing.assert_allclose(y[x != 0], exact[x != 0], rtol=4e-7)
    assert (np.diff(y) >= -2 * 4e-7).all(), "it falls by more than two errors of a neighbour each"


@pytest.mark.parametrize("name", NAMES)
def test_nan_stays_nan(name):
    x = np.array([np.nan, 1.0, np.nan])
    for dtype in (np.float32, np.float64):
        assert np.isnan(cpu.forward(x.astype(dtype), nonlinearity=name).y).tolist() == [True, False, True]


def test_any_shape_layout_and_precision(untouched):
    x, dy = problem(np.float32, (4, 5, 6))
    frozen = x.copy()
    frozen.flags.writeable = False
    for array in (np.asfortranarray(x), x[::2, :, ::3], frozen, x[:0], np.array(x[0, 1, 2])):
        with untouched(array):
            y = cpu.forward(array).y
        np.testing.assert_allclose(y, np.tanh(array), rtol=0, atol=4e-7)
    cache = cpu.forward(x)
    with untouched(cache.x, cache.y, dy):
        grads = cpu.backward(dy, cache)
    assert cpu.backward(dy.astype(float), cache).x.dtype == np.float64
    np.testing.assert_array_equal(cpu.backward(dy, cache).x, grads.x)
    z = x.astype(complex)
    np.testing.assert_array_equal(cpu.forward(z).y, np.tanh(z))


def test_threads_change_no_bit(monkeypatch):
    monkeypatch.setattr(jit.threads, "WORTH", 1.0)
    x, _ = problem(np.float64)
    before = jit.get_num_threads()
    try:
        jit.set_num_threads(1)
        alone = cpu.forward(x).y
        jit.set_num_threads(3)
        np.testing.assert_array_equal(cpu.forward(x).y, alone)
    finally:
        jit.set_num_threads(before)


def test_the_sentences_are_the_references():
    with pytest.raises(ValueError, match="nonlinearity is 'swish'"):
        cpu.forward(np.ones(3), nonlinearity="swish")
    with pytest.raises(TypeError, match="x has dtype int64"):
        cpu.forward(np.ones(3, np.int64))
    with pytest.raises(ValueError, match=r"dy has shape \(2,\)"):
        cpu.backward(np.ones(2), cpu.forward(np.ones(3)))
    for label in ("forward", "backward"):
        assert inspect.signature(getattr(cpu, label)) == inspect.signature(getattr(reference, label))


@pytest.mark.skipif(jit.PLAIN, reason="plain Python has no types of kernels")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", [*NAMES, "sigmoid_slope", "tanh_slope", "relu_slope"])
def test_formulas_keep_the_precision_of_their_argument(name, dtype):
    """An untyped literal would turn a float32 kernel into a float64 one."""
    function = getattr(formula, name)
    call = njit(lambda x: function(x))
    call(dtype(0.5))
    (signature,) = call.nopython_signatures
    assert str(signature.return_type) == np.dtype(dtype).name


def test_formulas_are_those_of_the_math_module():
    for x in (-3.0, -0.5, 0.0, 0.25, 2.0):
        assert formula.sigmoid(x) == pytest.approx(1 / (1 + math.exp(-x)), rel=1e-14)
        assert formula.tanh(x) == math.tanh(x)
        assert formula.relu(x) == max(x, 0)
        assert formula.sigmoid_slope(0.25) == 0.1875
        assert formula.tanh_slope(0.5) == 0.75
