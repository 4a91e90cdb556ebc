"""Error against step: truncation falls with the method's power, rounding rises with 1/h, the complex step stays."""

import numpy as np
import pytest

from scratchnn import probe

EPS = np.finfo(float).eps


def bell(inputs):
    return np.sum(np.exp(np.sin(3 * inputs["x"])))


@pytest.fixture(scope="module")
def curve():
    return probe.error_curve(bell, {"x": np.array([0.3, 0.9, -1.2])}, "x", (1,))


def order(curve, errors, high, low):
    """Give the power of h by which an error falls between two steps."""
    near = [int(np.argmin(np.abs(np.log(curve.steps / step)))) for step in (high, low)]
    return np.log(errors[near[0]] / errors[near[1]]) / np.log(curve.steps[near[0]] / curve.steps[near[1]])


def test_each_method_falls_with_its_own_power(curve):
    assert curve.truth == pytest.approx(3 * np.cos(2.7) * np.exp(np.sin(2.7)), rel=1e-14)
    assert order(curve, curve.forward, 1e-3, 1e-6) == pytest.approx(1, abs=0.1)
    assert order(curve, curve.central, 1e-2, 1e-4) == pytest.approx(2, abs=0.1)
    assert order(curve, curve.complex, 1e-2, 1e-6) == pytest.approx(2, abs=0.1)
    assert order(curve, curve.richardson, 1e-1, 3e-2) == pytest.approx(6, abs=0.7)


def test_rounding_rises_as_the_step_falls_but_not_for_the_complex_step(curve):
    tiny = (curve.steps < 1e-11) & (curve.steps > 1e-15)
    for errors in (curve.forward, curve.central, curve.richardson):
        assert np.max(errors[tiny]) > 1e-4
    assert np.max(curve.complex[curve.steps < 1e-9]) < 4 * EPS


def test_the_least_error_is_where_the_rule_of_thumb_says(curve):
    for errors, power in ((curve.forward, 1 / 2), (curve.central, 1 / 3)):
        best = curve.steps[np.argmin(errors)]
        predicted = curve.predicted["forward" if power == 1 / 2 else "central"]
        assert predicted == pytest.approx(EPS**power * np.sqrt(np.mean(np.array([0.3, 0.9, -1.2]) ** 2)))
        assert 1 / 30 < best / predicted < 30  # the rule leaves out the derivatives, whose ratio is about 30 here
        assert np.min(errors) < 10 * EPS ** (1 / 2 if power == 1 / 2 else 2 / 3)


def test_a_curve_along_all_entries():
    curve = probe.error_curve(bell, {"x": np.array([0.3, 0.9, -1.2])}, "x", steps=[1e-2, 1e-5])
    assert curve.index is None
    assert curve.steps.tolist() == [1e-2, 1e-5]
    assert len(curve.forward) == len(curve.central) == len(curve.richardson) == len(curve.complex) == 2
    assert curve.oracle.startswith("complex step")


def test_code_that_is_not_complex_safe_has_a_curve_without_it():
    curve = probe.error_curve(
        lambda inputs: np.sum(np.abs(inputs["x"]) ** 3), {"x": np.array([0.5, -2.0])}, "x", (1,)
    )
    assert curve.complex is None
    assert curve.truth == pytest.approx(-12.0, rel=1e-9)
    assert curve.oracle.startswith("differences")


def test_an_array_that_is_no_input_is_named():
    with pytest.raises(ValueError, match="'z' is no input"):
        probe.error_curve(bell, {"x": np.ones(2)}, "z")
    with pytest.raises(ValueError, match=r"x has no entry \(2,\), its shape is \(2,\)"):
        probe.error_curve(bell, {"x": np.ones(2)}, "x", (2,))
