"""The helpers of this folder are themselves checked: what they must notice, they notice."""

import numpy as np
import pytest

from scratchnn.probe import ImaginaryPartLost

X = np.array([[0.5, -1.5], [2.0, 0.25]])


def outputs(inputs):
    return {"y": inputs["x"] ** 3, "total": np.sum(inputs["x"])}


def gradients(inputs, upstream):
    return {"x": 3 * inputs["x"] ** 2 * upstream["y"] + upstream["total"]}


def test_compare_accepts_the_right_gradient_and_returns_it(compare):
    got, upstream = compare(outputs, gradients, {"x": X, "ids": np.arange(2)}, seed=5)
    np.testing.assert_array_equal(got["x"], gradients({"x": X}, upstream)["x"])


@pytest.mark.parametrize(
    "wrong",
    [
        lambda i, d: {"x": gradients(i, d)["x"] * (1 + 1e-9)},
        lambda i, d: {"x": gradients(i, d)["x"].astype(np.float32)},
        lambda i, d: {"x": gradients(i, d)["x"][:1]},
        lambda i, d: {"x": gradients(i, {**d, "total": 0})["x"]},
        lambda i, d: {"x": gradients(i, d)["x"] * np.nan},
        lambda i, d: {},
    ],
    ids=["a billionth off", "float32", "shape", "an output forgotten", "nan", "an input forgotten"],
)
def test_compare_notices(compare, wrong):
    with pytest.raises(AssertionError):
        compare(outputs, wrong, {"x": X})


def test_compare_does_not_trust_one_oracle_alone(compare):
    """Taking .real drops the imaginary part: the complex step and a backward that forgot the same path agree."""
    with pytest.raises(AssertionError, match="off the differences"):
        compare(
            lambda i: {"y": i["x"] ** 2 + np.exp(i["x"].real)},
            lambda i, d: {"x": 2 * i["x"] * d["y"]},
            {"x": X},
        )


def test_compare_notices_an_exact_kink(compare):
    """At the kink of a relu the complex step sees one side, the differences both."""
    with pytest.raises(AssertionError, match="off the differences"):
        compare(
            lambda i: {"y": np.where(i["x"].real > 0, i["x"], 0 * i["x"])},
            lambda i, d: {"x": np.where(i["x"] > 0, d["y"], 0)},
            {"x": np.array([0.0, 1.0])},
        )


def test_compare_refuses_differences_that_prove_nothing(compare):
    with pytest.raises(AssertionError, match="prove nothing"):
        compare(
            lambda i: {"y": i["x"] + 1e-4 * np.sin(1e13 * i["x"].real)},
            lambda i, d: {"x": d["y"]},
            {"x": X},
        )


def test_compare_refuses_code_that_stores_into_float_buffers(compare):
    def stores(inputs):
        y = np.zeros((2, 2))
        y[...] = inputs["x"]
        return {"y": y}

    with pytest.raises(ImaginaryPartLost):
        compare(stores, lambda i, d: {"x": d["y"]}, {"x": X})


def test_compare_hands_out_read_only_arrays(compare):
    def careless(inputs, upstream):
        upstream["y"] *= 2
        return gradients(inputs, upstream)

    with pytest.raises(ValueError, match="read-only"):
        compare(outputs, careless, {"x": X})


def test_untouched_notices_a_changed_entry(untouched):
    array = X.copy()
    with pytest.raises(AssertionError, match="was changed"), untouched({"deep": [(array,)]}):
        array[1, 1] += 1
    with untouched(array):
        array[1, 1] *= 1
