"""Random directions: what they see, and that the stated probability bounds what they miss."""

import numpy as np
import pytest

from scratchnn import probe


def test_both_oracles_measure_slopes_along_directions():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(30, 40))

    def loss(inputs):
        return np.sum(np.sin(inputs["x"]) * inputs["x"])

    grad = np.cos(x) * x + np.sin(x)
    lines = [*probe.draw_directions(rng, x.shape, 5), (3, 4), (29, 0)]
    expected = [np.sum(line * grad) for line in lines[:5]] + [grad[3, 4], grad[29, 0]]
    exact = probe.complex_step_along(loss, {"x": x}, "x", lines)
    along = probe.differences_along(loss, {"x": x}, "x", lines)
    assert np.max(np.abs(exact - expected)) <= 64 * np.finfo(float).eps * np.linalg.norm(grad)
    assert np.all(np.abs(along.slopes - expected) <= 10 * along.errors + 64 * np.finfo(float).eps * np.abs(expected))
    assert np.max(along.errors) < 1e-8 * np.linalg.norm(grad)


@pytest.mark.parametrize("spread", ["one entry", "two alike", "all entries"])
def test_what_stays_unseen_does_so_no_more_often_than_stated(spread):
    """With coarse tolerances, so that misses can be counted; the bound holds however the error is spread."""
    error = np.zeros(50)
    error[:] = 1.0 if spread == "all entries" else 0.0
    error[:2] = {"one entry": (1, 0), "two alike": (1, -1), "all entries": (1, 1)}[spread]
    rng = np.random.default_rng(3)
    size, trials = float(np.linalg.norm(error)), 5_000
    for tolerance in (0.05, 0.2):  # in parts of the error; the measured slope may be as wrong as that, either way
        worst = np.array([np.sum(line * error) for line in probe.draw_directions(rng, (50,), 2 * trials)])
        missed = np.mean((np.abs(worst.reshape(trials, 2)) <= 2 * tolerance * size).all(axis=1))
        stated = probe.unseen_probability(size, [tolerance * size] * 2)
        assert missed <= stated + 3 * np.sqrt(stated / trials)  # three deviations of a counted share
        assert missed >= 0.8 * stated - 3 * np.sqrt(stated / trials)  # and the bound is no exaggeration


def test_the_error_that_is_seen_solves_for_the_probability():
    tolerances = [1e-10, 3e-10, 2e-11, 1e-10]
    seen = probe.seen_error(1e-9, tolerances)
    assert probe.unseen_probability(seen, tolerances) == pytest.approx(1e-9)
    assert probe.unseen_probability(2 * seen, tolerances) == pytest.approx(1e-9 / 16)
    assert probe.unseen_probability(1e-12, tolerances) == 1.0
    assert probe.unseen_probability(0.0, tolerances) == 1.0


def test_directions_that_say_nothing_do_not_count():
    assert probe.seen_error(1e-9, [1e-10, np.inf]) == pytest.approx(probe.seen_error(1e-9, [1e-10]))
    assert probe.seen_error(1e-9, [np.inf]) == np.inf
    assert probe.seen_error(1e-9, []) == np.inf
    assert probe.seen_error(1e-9, [0.0, 1e-10]) == 0.0
