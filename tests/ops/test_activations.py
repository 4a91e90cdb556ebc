"""Activations: sigmoid, tanh, relu, and their slopes written with the output."""

import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from scratchnn.ops import activations
from scratchnn.ops.activations import reference

NAMES = ("sigmoid", "tanh", "relu")
EPS = np.finfo(np.float64).eps
EPS32 = np.finfo(np.float32).eps


def scalar(name, x):
    """Compute one value with the math module, by formulas that differ from the code's."""
    if name == "relu":
        return max(x, 0.0)
    if name == "tanh":
        return math.copysign(-math.expm1(-2 * abs(x)) / (1 + math.exp(-2 * abs(x))), x)
    return 1 / (1 + math.exp(-x)) if x > 0 else math.exp(x) / (1 + math.exp(x))


# by hand


@pytest.mark.parametrize(
    ("name", "x", "y", "slope"),
    [
        ("sigmoid", 0.0, 1 / 2, 1 / 4),
        ("sigmoid", math.log(3), 3 / 4, 3 / 16),
        ("sigmoid", -math.log(3), 1 / 4, 3 / 16),
        ("tanh", 0.0, 0.0, 1.0),
        ("tanh", math.log(2), 3 / 5, 16 / 25),
        ("tanh", -math.log(3), -4 / 5, 9 / 25),
        ("relu", 2.5, 2.5, 1.0),
        ("relu", -2.5, 0.0, 0.0),
        ("relu", 0.0, 0.0, 0.0),
    ],
)
def test_value_and_slope_by_hand(name, x, y, slope):
    cache = reference.forward(np.array([x]), nonlinearity=name)
    assert cache.y == pytest.approx([y], abs=EPS)
    assert reference.backward(np.array([8.0]), cache).x == pytest.approx([8 * slope], abs=16 * EPS)


def test_tanh_is_the_default():
    x = np.array([0.3, -2.0])
    np.testing.assert_array_equal(reference.forward(x).y, reference.forward(x, nonlinearity="tanh").y)
    assert reference.forward(x).nonlinearity == "tanh"


# meaning


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("dtype", "eps"), [(np.float64, EPS), (np.float32, EPS32)])
def test_error_is_about_one_rounding(name, dtype, eps):
    """Bound: 2 eps for values up to 1 (a tanh good to a few units in its last place, a sum, a product)."""
    x = np.linspace(-60, 60, 4801).astype(dtype)
    y = reference.forward(x, nonlinearity=name).y
    exact = np.array([scalar(name, float(value)) for value in x])
    assert y.dtype == dtype
    assert np.max(np.abs(y - exact)) <= 2 * eps


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_no_input_overflows(name, dtype):
    """Warnings are errors here, so an overflow inside would raise."""
    huge = np.finfo(dtype).max
    x = np.array([-np.inf, -huge, -1e4, 1e4, huge, np.inf], dtype)
    y = reference.forward(x, nonlinearity=name).y
    low = {"sigmoid": 0.0, "tanh": -1.0, "relu": 0.0}[name]
    assert (y[:3] == low).all()
    np.testing.assert_array_equal(y[3:], x[3:] if name == "relu" else np.ones(3))


@pytest.mark.parametrize("name", NAMES)
def test_nan_stays_nan(name):
    y = reference.forward(np.array([np.nan, 1.0]), nonlinearity=name).y
    assert np.isnan(y[0])
    assert np.isfinite(y[1])


@given(arrays(np.float64, array_shapes(min_dims=0, max_dims=3, max_side=4), elements=st.floats(-40, 40)))
def test_symmetry(x):
    """Claims: sigmoid(x) + sigmoid(-x) = 1; tanh is odd; relu(x) - relu(-x) = x."""
    total = reference.sigmoid(x) + reference.sigmoid(-x)
    np.testing.assert_allclose(total, np.ones_like(x), rtol=0, atol=2 * EPS)
    np.testing.assert_array_equal(reference.tanh(-x), -reference.tanh(x))
    np.testing.assert_array_equal(reference.relu(x) - reference.relu(-x), x)


@given(st.sampled_from(NAMES), arrays(np.float64, array_shapes(max_dims=3, max_side=4), elements=st.floats(-30, 30)))
def test_every_shape_agrees_with_scalar_code(name, x):
    y = reference.forward(x, nonlinearity=name).y
    assert y.shape == x.shape
    exact = np.array([scalar(name, value) for value in x.ravel()]).reshape(x.shape)
    np.testing.assert_allclose(y, exact, rtol=0, atol=2 * EPS)


# backward


@pytest.mark.parametrize("name", NAMES)
def test_backward(name, compare):
    x = np.random.default_rng(3).normal(size=(3, 5))
    x += 0.1 * np.sign(x)  # away from the kink of relu

    def outputs(inputs):
        return {"y": reference.forward(inputs["x"], nonlinearity=name).y}

    def gradients(inputs, upstream):
        return reference.backward(upstream["y"], reference.forward(inputs["x"], nonlinearity=name))._asdict()

    compare(outputs, gradients, {"x": x})


@pytest.mark.parametrize("name", NAMES)
def test_slopes_take_the_output(name):
    """At x = 2 the two conventions differ: f'(y) is another number than f'(x)."""
    function, slope = reference.FUNCTIONS[name]
    h = 1e-30
    x = np.array([2.0, -0.5])
    exact = np.imag(function(x + 1j * h)) / h
    np.testing.assert_allclose(slope(function(x)), exact, rtol=4 * EPS)


@pytest.mark.parametrize("name", NAMES)
def test_imaginary_part_survives_saturation(name):
    """The complex step also works where the function is flat: a slope of 0 (or 1), no NaN."""
    x = np.array([-800.0, 800.0]) + 1e-30j
    slope = np.imag(reference.forward(x, nonlinearity=name).y) / 1e-30
    np.testing.assert_allclose(slope, [0.0, 1.0 if name == "relu" else 0.0], atol=EPS)


@pytest.mark.parametrize("name", NAMES)
def test_backward_is_linear_repeatable_and_leaves_its_arguments(name, untouched):
    rng = np.random.default_rng(4)
    (x,) = activations.sample(rng)
    first, second = rng.normal(size=(2, *x.shape))
    with untouched(x):
        cache = reference.forward(x, nonlinearity=name)
    with untouched(x, cache, first, second):
        one = reference.backward(first, cache).x
        two = reference.backward(second, cache).x
        both = reference.backward(2 * first - 3 * second, cache).x
        np.testing.assert_array_equal(reference.backward(first, cache).x, one)
    np.testing.assert_allclose(both, 2 * one - 3 * two, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("name", NAMES)
def test_float32_stays_float32(name):
    (x,) = activations.sample(np.random.default_rng(5), dtype=np.float32)
    cache = reference.forward(x, nonlinearity=name)
    assert cache.y.dtype == np.float32
    assert reference.backward(np.ones_like(x), cache).x.dtype == np.float32


@pytest.mark.parametrize("name", NAMES)
def test_layout_does_not_matter(name):
    x = np.random.default_rng(6).normal(size=(4, 6))
    x.flags.writeable = False
    expected = reference.forward(x, nonlinearity=name).y
    for other, same in ((np.asfortranarray(x), expected), (x[::-1, ::2], expected[::-1, ::2])):
        np.testing.assert_allclose(reference.forward(other, nonlinearity=name).y, same, rtol=0, atol=2 * EPS)


# errors


def test_error_sentences():
    x = np.ones((2, 3))
    cache = reference.forward(x)
    for error, sentence, call in (
        (ValueError, "activations.forward: nonlinearity is 'gelu', expected one of 'sigmoid', 'tanh', 'relu'",
         lambda: reference.forward(x, nonlinearity="gelu")),
        (TypeError, "activations.forward: x has dtype int64, expected float32, float64 or complex",
         lambda: reference.forward(np.ones(3, np.int64))),
        (ValueError, "activations.backward: dy has shape (3,), expected the shape of y (2, 3)",
         lambda: reference.backward(np.ones(3), cache)),
        (TypeError, "activations.backward: dy is a list, expected a NumPy array of floats",
         lambda: reference.backward([1.0], cache)),
    ):  # fmt: skip
        with pytest.raises(error, match=f"^{re.escape(sentence)}$"):
            call()
