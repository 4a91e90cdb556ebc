"""Differences beside, across and on a kink: the slope is that of the piece on which the point lies."""

import numpy as np
import pytest

from scratchnn import probe

WEIGHTS = np.array([1.0, 2.0, 3.0, 4.0])


def relu(inputs):
    x = inputs["x"]
    return np.sum(WEIGHTS * np.where(x.real > 0, x, 0) + 0.3 * np.sin(x))


def relu_slope(x):
    return WEIGHTS * (x > 0) + 0.3 * np.cos(x)


@pytest.mark.parametrize("distance", [10.0**-k for k in range(1, 13)])
@pytest.mark.parametrize("side", [-1, 1])
def test_a_kink_near_the_point_leaves_the_slope_right_and_is_found(distance, side):
    x = np.array([0.8, side * distance, -0.7, 1.3 * side * distance])
    found = probe.richardson(relu, {"x": x})
    assert np.all(np.abs(found.grads["x"] - relu_slope(x)) <= 10 * found.errors["x"])
    assert np.max(found.errors["x"]) < 1e-7
    assert not found.seated["x"]
    for index, jump in (((1,), 2.0), ((3,), 4.0)):
        if abs(x[index]) < found.steps["x"] / 8:  # well within the step
            kink = found.kinks["x"][index]
            assert kink.at == pytest.approx(-x[index], abs=kink.width)
            assert kink.jump == pytest.approx(jump, rel=0.02)


@pytest.mark.parametrize("distance", [1e-13, 1e-14, 1e-15, 1e-16, 1e-300])
def test_a_kink_nearer_than_rounding_lets_one_see_counts_as_being_on_it(distance):
    found = probe.richardson(relu, {"x": np.array([0.8, distance, -0.7, -1.3 * distance])})
    slopes = relu_slope(np.array([0.8, distance, -0.7, -1.3 * distance]))
    right = np.abs(found.grads["x"] - slopes) <= 10 * found.errors["x"]
    assert all(right[index] or index in found.seated["x"] for index in np.ndindex(4))
    assert np.all(right[[0, 2]])


def test_a_point_on_a_kink_is_said_to_sit_there():
    x = np.array([0.8, 0.0, -0.7, 0.0])
    found = probe.richardson(relu, {"x": x})
    assert found.seated["x"] == {(1,), (3,)}
    assert [found.kinks["x"][index].jump for index in ((1,), (3,))] == pytest.approx([2.0, 4.0])
    assert found.grads["x"] == pytest.approx(relu_slope(x) + WEIGHTS * (x == 0) / 2)  # there a mean of both slopes


def test_entries_beside_a_kink_do_not_spoil_the_others():
    """The step is sought along all entries at once, and that line has the kink of one of them right beside it."""
    x = np.array([0.8, 1e-9, -0.7, 1.1])
    found = probe.richardson(relu, {"x": x})
    assert found.steps["x"] > 1e-4
    assert np.max(found.errors["x"]) < 1e-9


@pytest.mark.parametrize(
    "smooth", [np.sin, np.exp, np.tanh, lambda v: v**4, lambda v: 1 / (1 + 25 * v**2), lambda v: np.sqrt(v**2 + 0.01)]
)
def test_smooth_code_has_no_kinks(smooth):
    x = np.random.default_rng(0).normal(size=20)
    found = probe.richardson(lambda inputs: np.sum(smooth(inputs["x"])), {"x": x})
    assert not found.kinks["x"]
    assert not found.seated["x"]


def test_a_jump_of_the_loss_is_not_taken_for_its_slope():
    """A hard threshold: where the step crosses it, the difference would be huge, and the slope is 1."""

    def loss(inputs):
        return np.sum(inputs["x"] + np.where(inputs["x"] > 0, 1.0, 0.0))

    x = np.array([1e-3, -0.02, 0.8])
    found = probe.richardson(loss, {"x": x})
    assert np.all(np.abs(found.grads["x"] - 1) <= 10 * found.errors["x"])
    assert np.max(found.errors["x"]) < 1e-6


def test_kinks_of_many_units_are_stepped_around_along_directions():
    """A layer of rectified units: every line through the weights crosses many kinks, at all distances."""
    rng = np.random.default_rng(1)
    inputs = {"x": rng.normal(size=(6, 8)), "W": rng.normal(size=(8, 9))}
    u = rng.normal(size=(6, 9))

    def loss(given):
        a = given["x"] @ given["W"]
        return np.sum(np.where(a.real > 0, a, 0) ** 1 * u)

    da = u * (inputs["x"] @ inputs["W"] > 0)
    expected = {"x": da @ inputs["W"].T, "W": inputs["x"].T @ da}
    for name, grad in expected.items():
        lines = probe.draw_directions(rng, grad.shape, 8)
        along = probe.differences_along(loss, inputs, name, lines)
        assert np.all(np.abs(along.slopes - [np.sum(line * grad) for line in lines]) <= 10 * along.errors)
        assert np.max(along.errors) < 1e-7 * np.linalg.norm(grad)
        assert not along.seated
        found = probe.richardson(loss, inputs, [name])
        assert np.all(np.abs(found.grads[name] - grad) <= 10 * found.errors[name])
