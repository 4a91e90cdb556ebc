"""Kinks do not convict right code, nor acquit wrong code; which entries met one is said."""

import numpy as np
import pytest

from scratchnn import check
from scratchnn.ops import rnn

U = np.array([1.0, 2.0, -3.0, 4.0, 0.5])


def relu_problem(x, at_zero=0.0, complex_safe=True, spoil=lambda grad: grad):
    """Give y = relu(x) + sin(x); ``at_zero`` is the code's convention for relu'(0)."""

    def forward(given):
        v = given["x"]
        positive = v.real > 0 if complex_safe else v > 0
        y = np.where(positive, v, 0) if complex_safe else np.where(positive, v.real, 0)
        return {"y": y * U + np.sin(v if complex_safe else v.real)}, given

    def backward(upstream, cache):
        v = cache["x"]
        slope = (v > 0) + at_zero * (v == 0)
        return {"x": spoil(upstream["y"] * (U * slope + np.cos(v)))}

    return forward, backward, {"x": np.array(x)}


@pytest.mark.parametrize("distance", [0.1, 1e-2, 1e-4, 1e-6, 1e-8, 1e-10, 1e-12, 1e-15])
@pytest.mark.parametrize("complex_safe", [True, False])
def test_beside_a_kink_right_code_passes_and_wrong_code_does_not(distance, complex_safe):
    x = [0.8, distance, -0.7, -distance, 1.2]
    report = check.check_gradients(*relu_problem(x, complex_safe=complex_safe))
    assert report.passed, str(report)

    def other_side(grad):
        grad = grad.copy()
        grad[1] *= 0.4
        return grad

    if distance > 5e-12 or complex_safe:  # nearer than rounding lets differences see, they do not judge
        wrong = check.check_gradients(*relu_problem(x, complex_safe=complex_safe, spoil=other_side))
        assert not wrong.passed
        assert wrong.rows[0].worst == (1,)
        assert wrong.rows[0].bad == 1


@pytest.mark.parametrize("distance", [1e-3, 1e-6, 1e-9])
@pytest.mark.parametrize("complex_safe", [True, False])
def test_the_mean_of_both_slopes_is_wrong_beside_a_kink(distance, complex_safe):
    """It is what a central difference across the kink says: the answer that must not be acquitted."""
    x = [0.8, distance, -0.7, -0.9, 1.2]
    forward, backward, inputs = relu_problem(x, complex_safe=complex_safe)

    def mean(upstream, cache):
        grad = backward(upstream, cache)["x"]
        grad[1] -= upstream["y"][1] * U[1] / 2
        return {"x": grad}

    report = check.check_gradients(forward, mean, inputs)
    assert [row.passed for row in report.rows] == [False]
    assert report.rows[0].worst == (1,)


def test_a_kink_within_the_step_is_named_with_its_distance_and_slopes():
    report = check.check_gradients(*relu_problem([0.8, 1e-6, -0.7, -0.9, 1.2]))
    (note,) = report.notes
    assert note.startswith("kink at x[1] within the step: 1.0e-06 away, slopes ")
    assert "judged by steps that do not cross it" in note
    assert note in str(report)
    assert not check.check_gradients(*relu_problem([0.8, 0.6, -0.7, -0.9, 1.2])).notes


@pytest.mark.parametrize("at_zero", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("complex_safe", [True, False])
def test_on_a_kink_every_convention_passes_and_the_report_says_so(at_zero, complex_safe):
    x = [0.8, 0.0, -0.7, 0.0, 1.2]
    report = check.check_gradients(*relu_problem(x, at_zero, complex_safe))
    assert report.passed, str(report)
    assert any(note.startswith("x[1] sits on a kink, slopes ") and "1 more such" in note for note in report.notes)
    judged = "judged by the complex step and the slopes on both sides" if complex_safe else "not judged"
    assert any(note.endswith(judged) for note in report.notes)


def test_on_a_kink_a_gradient_that_no_convention_gives_is_wrong():
    x = [0.8, 0.0, -0.7, 0.0, 1.2]
    for at_zero in (-1.0, 1.5, 2.0):
        report = check.check_gradients(*relu_problem(x, at_zero))
        assert not report.passed
        assert report.rows[0].bad == 2


def test_wrong_entries_elsewhere_are_caught_although_some_sit_on_a_kink():
    def spoil(grad):
        return grad * np.array([1, 1, 1 + 1e-6, 1, 1])

    for complex_safe in (True, False):
        report = check.check_gradients(*relu_problem([0.8, 0.0, -0.7, 0.0, 1.2], 0.0, complex_safe, spoil))
        assert not report.passed
        assert report.rows[0].worst == (2,)


def test_an_array_that_sits_on_kinks_altogether_is_not_passed_by_differences_alone():
    report = check.check_gradients(*relu_problem(np.zeros(5), 0.0, complex_safe=False))
    assert not report.passed
    assert "cannot be judged: every entry sits on a kink" in report.rows[0].remark


def zero_start(spoil=lambda grads: grads):
    """Give a relu RNN whose first step is all zeros: units sit on their kink, with weights of either sign below."""
    x, h0, params = rnn.sample(np.random.default_rng(0), T=3, B=2, D=4, H=5)
    x[0], h0[:], b = 0.0, 0.0, np.zeros(5)

    def forward(given):
        cache = rnn.reference.forward(
            given["x"], given["h0"], rnn.Params(given["W_x"], given["W_h"], given["b"]), nonlinearity="relu"
        )
        return {"h": cache.h[1:]}, (cache, rnn.Params(given["W_x"], given["W_h"], given["b"]))

    def backward(upstream, kept):
        return spoil(rnn.reference.backward(upstream["h"], *kept)._asdict())

    return forward, backward, {"x": x, "h0": h0, "W_x": params.W_x, "W_h": params.W_h, "b": b}


def test_a_relu_rnn_that_starts_at_zero_passes_and_its_mistakes_do_not():
    report = check.check_gradients(*zero_start())
    assert report.passed, str(report)
    assert any("sits on a kink" in note for note in report.notes)

    def no_carry(grads):
        return {**grads, "W_h": grads["W_h"] * 0.5}

    assert [row.name for row in check.check_gradients(*zero_start(no_carry)).rows if not row.passed] == ["W_h"]


def test_a_large_layer_of_rectified_units_is_judged_along_directions():
    rng = np.random.default_rng(4)
    inputs = {"x": rng.normal(size=(6, 30)), "W": rng.normal(size=(30, 90)), "b": rng.normal(size=90)}

    def forward(given):
        a = given["x"] @ given["W"] + given["b"]
        return {"y": np.where(a.real > 0, a, 0)}, (given, a)

    def backward(upstream, cache, extra=0.0):
        given, a = cache
        da = upstream["y"] * (a > 0)
        dW = given["x"].T @ da
        dW[7, 11] += extra * np.linalg.norm(dW)
        return {"x": da @ given["W"].T, "W": dW, "b": da.sum(axis=0)}

    report = check.check_gradients(forward, backward, inputs)
    assert report.passed, str(report)
    assert report.rows[1].method == "8 random directions + 8 entries"
    wrong = check.check_gradients(forward, lambda up, cache: backward(up, cache, 1e-7), inputs)
    assert [row.name for row in wrong.rows if not row.passed] == ["W"]
    assert wrong.rows[1].worst == (7, 11)
