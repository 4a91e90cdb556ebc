"""What clipping does to a step and to a short training, and what it leaves as it was."""

import numpy as np
import pytest

from scratchnn.gradflow import clipping_run, clipping_sentence, clipping_step, make_pupil, power, sequences
from scratchnn.gradflow.clipping import Pupil, loss_and_grads


def exploding():
    return make_pupil(np.random.default_rng(0), radius=3.0), sequences(np.random.default_rng(1))


def test_the_gradients_of_the_pupil_are_right():
    """Along a random direction of all weights, against the complex step."""
    rng = np.random.default_rng(2)
    pupil = make_pupil(rng, D=3, H=4, radius=1.2)
    x, targets = sequences(rng, T=5, B=3, D=3)
    _, grads, *_ = loss_and_grads(pupil, x, targets)
    for name, weight in pupil.weights.items():
        towards = rng.normal(size=weight.shape)
        moved = Pupil({**pupil.weights, name: weight + 1e-30j * towards}, "reference")
        exact = complex_loss(moved, x, targets).imag / 1e-30
        assert np.sum(grads[name] * towards) == pytest.approx(exact, rel=1e-11), name


def complex_loss(pupil, x, targets):
    w = pupil.weights
    h = np.zeros((x.shape[1], len(w["b"])))
    for x_t in x:
        h = np.tanh(x_t @ w["W_x"] + h @ w["W_h"] + w["b"])
    logits = h @ w["W"] + w["b_y"]
    return np.mean(np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(targets)), targets])


def test_clipping_shortens_the_step_and_keeps_its_direction():
    pupil, batch = exploding()
    weights = {name: weight.copy() for name, weight in pupil.weights.items()}
    free, clipped = (clipping_step(pupil, *batch, clip=clip, lr=0.1) for clip in (None, 0.5))
    assert free.norm > 100, "this network does not explode"
    assert free.used == free.norm
    assert clipped.norm == free.norm
    assert 0.5 * (1 - 1e-6) < clipped.used <= 0.5
    assert clipped.step == pytest.approx(0.05, rel=1e-6)
    assert clipped.cosine == pytest.approx(1, abs=1e-12)
    assert clipped.before == free.before
    for name, weight in pupil.weights.items():
        np.testing.assert_array_equal(weight, weights[name])


def test_the_path_back_through_time_stays_as_it_is():
    pupil, batch = exploding()
    free, clipped = (clipping_step(pupil, *batch, clip=clip) for clip in (None, 0.5))
    np.testing.assert_array_equal(clipped.state_norms, free.state_norms)
    grown = clipped.state_norms[0] - clipped.state_norms[-1]
    assert grown > 5
    told = clipping_sentence(clipped, 0.5)
    assert f"{free.norm / 0.5:,.0f} times shorter and kept its direction" in told
    assert f"changed by a factor of {power(grown)} all the same" in told


def test_clipping_does_nothing_for_a_gradient_that_vanishes():
    pupil = make_pupil(np.random.default_rng(3), radius=0.3)
    batch = sequences(np.random.default_rng(4))
    free, clipped = (clipping_step(pupil, *batch, clip=clip) for clip in (None, 5.0))
    assert free.norm < 5.0
    assert clipped.used == free.used
    assert clipped.after == free.after
    assert clipping_sentence(clipped, 5.0).endswith("is below 5: nothing was clipped.")
    assert clipped.state_norms[0] - clipped.state_norms[-1] < -30


def test_a_clipped_run_learns_where_the_other_one_is_thrown_about():
    """No step of a clipped run is longer than lr * clip, so its loss cannot leap as the other one's does."""
    free, clipped = (clipping_run(clip=clip, steps=120, T=20) for clip in (None, 1.0))
    assert clipped.losses[0] == free.losses[0]
    assert clipped.losses[-40:].mean() < 0.5 * clipped.losses[0]
    assert np.nanmax(free.losses) > 2 * clipped.losses.max()
    assert np.nanmax(free.norms) > 10


def test_a_run_is_repeatable():
    one, two = (clipping_run(clip=1.0, steps=5, T=6, seed=3) for _ in range(2))
    np.testing.assert_array_equal(one.losses, two.losses)
