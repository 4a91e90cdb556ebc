"""The oracles against derivatives known on paper, and against their own word about their error."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scratchnn import probe

RNG = np.random.default_rng(5)


def softmax(z):
    e = np.exp(z - np.max(z.real, axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


# function, derivative: elementwise, and written independently of each other
FUNCTIONS = {
    "exp": (np.exp, np.exp),
    "sin": (np.sin, np.cos),
    "sin of 9x": (lambda x: np.sin(9 * x), lambda x: 9 * np.cos(9 * x)),
    "tanh": (np.tanh, lambda x: 1 / np.cosh(x) ** 2),
    "cubic": (lambda x: x**3 - 2 * x, lambda x: 3 * x**2 - 2),
    "tenth power": (lambda x: x**10, lambda x: 10 * x**9),
    "bell": (lambda x: np.exp(-(x**2)), lambda x: -2 * x * np.exp(-(x**2))),
    "Runge": (lambda x: 1 / (1 + 25 * x**2), lambda x: -50 * x / (1 + 25 * x**2) ** 2),
    "linear": (lambda x: 3 * x, lambda x: 3 + 0 * x),
    "a ripple on a slope": (lambda x: x + 1e-6 * np.sin(40 * x), lambda x: 1 + 4e-5 * np.cos(40 * x)),
    "cancelling": (lambda x: (1e4 + np.sin(x)) - 1e4, np.cos),
}


def loss_of(f, weight=1.0):
    return lambda inputs: np.sum(weight * f(inputs["x"]))


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name != "cancelling"])
def test_complex_step_is_right_to_the_last_digits(name):
    f, slope = FUNCTIONS[name]
    x = RNG.normal(size=(3, 4))
    grad = probe.complex_step(loss_of(f), {"x": x})["x"]
    expected = slope(x)
    assert np.max(np.abs(grad - expected)) <= 1e-15 * np.max(np.abs(expected))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_differences_are_right_and_say_how_right(name):
    f, slope = FUNCTIONS[name]
    x = RNG.normal(size=(3, 4))
    grads, errors = probe.richardson(loss_of(f), {"x": x})[:2]
    expected = slope(x)
    true_error = np.abs(grads["x"] - expected)
    assert np.all(true_error <= 10 * errors["x"])
    assert np.max(errors["x"]) <= (1e-8 if name == "cancelling" else 1e-9) * np.max(np.abs(expected))


@settings(max_examples=150, deadline=None)
@given(
    name=st.sampled_from(sorted(FUNCTIONS)),
    exponent=st.floats(-3, 3),
    height=st.floats(-3, 3),
    seed=st.integers(0, 10**6),
)
def test_the_estimate_is_honest_at_every_scale(name, exponent, height, seed):
    """Inputs from 1e-3 to 1e3 whose function stretches along with them, and losses from 1e-3 to 1e3 high."""
    f, slope = FUNCTIONS[name]
    rng = np.random.default_rng(seed)
    scale, weight = 10**exponent, 10**height * rng.normal(size=3)
    x = scale * rng.normal(size=3)
    grads, errors = probe.richardson(loss_of(lambda v: f(v / scale), weight), {"x": x})[:2]
    expected = weight * slope(x / scale) / scale
    assert np.all(np.abs(grads["x"] - expected) <= 10 * errors["x"])
    assert np.all(np.isfinite(errors["x"]))


@settings(max_examples=100, deadline=None)
@given(
    name=st.sampled_from(["sin", "sin of 9x", "cubic", "bell", "Runge", "linear", "a ripple on a slope"]),
    exponent=st.floats(-3, 3),
    seed=st.integers(0, 10**6),
)
def test_the_estimate_is_honest_when_inputs_are_large_and_the_function_is_not_stretched(name, exponent, seed):
    """sin(1000): a step in proportion to the input would jump over whole periods, and the values still agree.

    Without tanh: terms that saturate and cancel exactly, tanh(20) + tanh(-20), leave nothing to measure.
    """
    f, slope = FUNCTIONS[name]
    x = 10**exponent * np.random.default_rng(seed).normal(size=2)
    grads, errors = probe.richardson(loss_of(f), {"x": x})[:2]
    assert np.all(np.abs(grads["x"] - slope(x)) <= 10 * errors["x"])


def test_both_oracles_know_the_derivative_of_softmax():
    z, u = RNG.normal(size=(2, 5)), RNG.normal(size=(2, 5))

    def loss(inputs):
        return np.sum(softmax(inputs["z"]) * u)

    p = softmax(z)
    expected = np.stack([(np.diag(row) - np.outer(row, row)) @ up for row, up in zip(p, u, strict=True)])
    exact = probe.complex_step(loss, {"z": z})["z"]
    grads, errors = probe.richardson(loss, {"z": z})[:2]
    assert np.max(np.abs(exact - expected)) < 1e-15
    assert np.all(np.abs(grads["z"] - expected) <= 10 * errors["z"])
    assert np.max(errors["z"]) < 1e-10
    simple = probe.central_difference(loss, {"z": z})["z"]
    assert np.max(np.abs(simple - expected)) < 1e-8  # eps**(2/3) = 4e-11, with room for the third derivative


def test_polynomials_below_the_fifth_degree_have_no_truncation_error():
    """Richardson's column 2 is exact for them: what remains is rounding, as the estimate says."""
    x = RNG.normal(size=6)
    grads, errors = probe.richardson(loss_of(lambda v: v**4), {"x": x})[:2]
    assert np.max(np.abs(grads["x"] - 4 * x**3)) < 1e-12 * np.max(np.abs(4 * x**3))
    assert np.all(np.abs(grads["x"] - 4 * x**3) <= 10 * errors["x"])


def test_a_kink_that_the_first_steps_cross_is_stepped_around():
    x = np.array([1.0, -2e-4, 3e-4])
    grads, errors = probe.richardson(loss_of(lambda v: np.where(v > 0, v, 0) * 2), {"x": x})[:2]
    assert np.all(np.abs(grads["x"] - [2, 0, 2]) <= 10 * errors["x"])
    assert np.max(errors["x"]) < 1e-9


def test_central_difference_takes_a_step_of_your_own():
    grad = probe.central_difference(loss_of(lambda v: v**3), {"x": np.array([2.0])}, step=0.5)["x"]
    assert grad[0] == pytest.approx(3 * 2.0**2 + 0.5**2)  # truncation of x**3 is exactly h**2


def test_noise_of_a_float32_loss_is_noticed():
    def loss(inputs):
        return np.sum(np.sin(inputs["x"].astype(np.float32)), dtype=np.float32)

    x = RNG.normal(size=8)
    assert 1e-9 < probe.noise_level(loss, {"x": x}) < 1e-5  # eps of float32 is 1.2e-7
    assert probe.noise_level(loss_of(np.sin), {"x": x}) < 1e-14
    grads, errors = probe.richardson(loss, {"x": x})[:2]
    assert np.all(np.abs(grads["x"] - np.cos(x)) <= 10 * errors["x"])


def test_a_constant_loss_has_gradient_zero():
    inputs = {"x": RNG.normal(size=3), "y": RNG.normal(size=2)}

    def loss(inputs):
        return np.sum(inputs["y"] ** 2)

    grads, errors = probe.richardson(loss, inputs)[:2]
    assert np.array_equal(grads["x"], np.zeros(3))
    assert np.all(errors["x"] >= 0)
    assert np.array_equal(probe.complex_step(loss, inputs)["x"], np.zeros(3))


def test_ids_masks_and_sizes_pass_through():
    inputs = {"W": RNG.normal(size=(4, 2)), "ids": np.array([1, 3, 3]), "mask": np.array([True, False, True]), "n": 2}

    def loss(inputs):
        assert inputs["ids"].dtype.kind == "i"
        assert inputs["mask"].dtype == bool
        assert inputs["n"] == 2
        return np.sum(inputs["W"][inputs["ids"]] * inputs["mask"][:, None]) * inputs["n"]

    expected = np.array([[0, 0], [2, 2], [0, 0], [2, 2]])
    assert probe.complex_step(loss, inputs)["W"] == pytest.approx(expected)
    grads, _ = probe.richardson(loss, inputs)[:2]
    assert list(grads) == ["W"]
    assert grads["W"] == pytest.approx(expected)


def test_padding_may_hold_nan():
    x = np.array([1.0, np.nan, 2.0, np.inf])

    def loss(inputs):
        return np.sum(np.where([True, False, True, False], inputs["x"], 0) ** 2)

    assert np.array_equal(probe.complex_step(loss, {"x": x})["x"], [2, 0, 4, 0])
    grads, errors = probe.richardson(loss, {"x": x})[:2]
    assert np.all(np.abs(grads["x"] - [2, 0, 4, 0]) <= 10 * errors["x"])


def test_a_loss_that_is_not_finite_gives_an_infinite_error():
    grads, errors = probe.richardson(loss_of(lambda v: v * np.nan), {"x": np.ones(2)})[:2]
    assert np.isnan(grads["x"]).all()
    assert np.isinf(errors["x"]).all()


def test_inputs_are_never_changed_even_by_a_loss_that_changes_them():
    x = RNG.normal(size=3)
    kept = x.copy()

    def loss(inputs):
        inputs["x"] *= 2
        return np.sum(inputs["x"] ** 2)

    grads, _ = probe.richardson(loss, {"x": x})[:2]
    assert np.array_equal(x, kept)
    assert grads["x"] == pytest.approx(8 * x)
    assert probe.complex_step(loss, {"x": x})["x"] == pytest.approx(8 * x)


def test_float32_inputs_are_differentiated_in_float64():
    x = RNG.normal(size=3).astype(np.float32)
    grad = probe.complex_step(loss_of(np.sin), {"x": x})["x"]
    assert grad.dtype == np.float64
    assert np.max(np.abs(grad - np.cos(x.astype(np.float64)))) < 1e-15


def test_only_the_names_asked_for():
    inputs = {"x": np.ones(2), "y": np.ones(2), "ids": np.arange(2)}

    def loss(inputs):
        return np.sum(inputs["x"] * inputs["y"])

    assert list(probe.complex_step(loss, inputs, names=["y"])) == ["y"]
    grads, errors = probe.richardson(loss, inputs, names=["y"])[:2]
    assert list(grads) == list(errors) == ["y"]
    with pytest.raises(ValueError, match="'z' is no input, expected one of x, y, ids"):
        probe.complex_step(loss, inputs, names=["z"])
    with pytest.raises(TypeError, match="ids is no floating-point array"):
        probe.richardson(loss, inputs, names=["ids"])


def into_float_buffer(inputs):
    y = np.zeros(3)
    y[:] = inputs["x"] ** 2
    return y.sum() + 0 * inputs["x"].sum()


def through_a_cast(inputs):
    return np.sum(inputs["x"].astype(float) ** 2)


def through_abs(inputs):
    return np.sum(np.abs(inputs["x"]))


def through_float(inputs):
    return float(np.sum(inputs["x"]))


def through_a_function_of_reals(inputs):
    return np.sum(np.logaddexp(inputs["x"], 0))


@pytest.mark.parametrize(
    ("loss", "sentence"),
    [
        (into_float_buffer, "stored a complex number in a float array"),
        (through_a_cast, "stored a complex number in a float array"),
        (through_abs, "returned a real number for complex input"),
        (through_float, "stored a complex number|refused complex numbers"),
        (through_a_function_of_reals, "refused complex numbers"),
    ],
)
def test_a_lost_imaginary_part_is_an_error(loss, sentence):
    with pytest.raises(probe.ImaginaryPartLost, match=sentence) as caught:
        probe.complex_step(loss, {"x": RNG.normal(size=3)})
    assert "not complex-safe" in str(caught.value)
    assert isinstance(caught.value, ValueError)


def test_a_lost_imaginary_part_is_an_error_even_where_warnings_are_silenced():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(probe.ImaginaryPartLost):
            probe.complex_step(into_float_buffer, {"x": RNG.normal(size=3)})


def test_a_loss_that_is_no_number_is_named():
    with pytest.raises(TypeError, match="the loss returned ndarray"):
        probe.richardson(lambda inputs: inputs["x"], {"x": np.ones(2)})
    with pytest.raises(TypeError, match="x has dtype complex128"):
        probe.richardson(loss_of(np.sin), {"x": np.ones(2, dtype=complex)})


def test_project_adds_over_all_outputs():
    outputs = {"y": np.arange(3.0), "n": np.float64(2.0), "ids": np.arange(4)}
    assert probe.project(outputs, {"y": np.array([1.0, -1.0, 2.0]), "n": 10.0}) == 0 - 1 + 4 + 20
    with pytest.raises(ValueError, match=r"y has shape \(3,\), expected the shape of its upstream \(2,\)"):
        probe.project(outputs, {"y": np.ones(2)})
    with pytest.raises(ValueError, match="no output 'z'"):
        probe.project(outputs, {"z": np.ones(2)})


def test_a_single_number_is_an_input_like_any_other():
    found = probe.richardson(lambda inputs: np.sin(inputs["a"]), {"a": np.array(1.5)})
    assert found.grads["a"].shape == ()
    assert abs(found.grads["a"] - np.cos(1.5)) < 1e-11
