"""Arrays too large for every entry: random directions accept what is right and catch one wrong entry of 100,000."""

import numpy as np
import pytest

from scratchnn import check
from scratchnn.check import bounds
from scratchnn.ops import lstm

T, B = 3, 2
LARGE, MIDDLING = (64, 128), (24, 40)  # D, H: 98,816 parameters, and 10,400


def large_lstm(spoil=lambda grads: None, safe=True, sizes=LARGE, dtype=np.float64):
    """Give the problem of an LSTM layer whose gradients ``spoil`` may change."""
    D, H = sizes
    x, h0, c0, params = lstm.sample(np.random.default_rng(0), T=T, B=B, D=D, H=H, dtype=dtype)

    def forward(inputs):
        if not safe:
            inputs = {name: array.real for name, array in inputs.items()}
        params = lstm.Params(inputs["W_x"], inputs["W_h"], inputs["b"])
        cache = lstm.reference.forward(inputs["x"], inputs["h0"], inputs["c0"], params)
        return {"h": cache.h[1:], "c_last": cache.c[-1]}, (cache, params)

    def backward(upstream, kept):
        grads = {
            name: np.array(grad)
            for name, grad in lstm.reference.backward(upstream["h"], upstream["c_last"], *kept)._asdict().items()
        }
        spoil(grads)
        return grads

    return forward, backward, {"x": x, "h0": h0, "c0": c0, **params._asdict()}


def row(report, name):
    return next(row for row in report.rows if row.name == name)


@pytest.mark.parametrize("safe", [True, False], ids=["both oracles", "differences alone"])
def test_the_right_gradient_of_a_large_layer_passes_and_the_report_says_what_was_not_seen(safe):
    report = check.check_gradients(*large_lstm(safe=safe))
    assert report.passed, str(report)
    assert sum(row.size for row in report.rows) > 98_000
    assert all(row.method == "8 random directions + 8 entries" for row in report.rows)
    assert all(0 < row.sees < 1e-8 for row in report.rows)
    assert all(row.truth is None and row.wrong is None for row in report.rows)
    assert all(row.given == pytest.approx(row.expected, rel=1e-6) for row in report.rows)  # a pair is shown
    assert "of the gradient's norm goes unseen with probability below 1e-9" in str(report)


@pytest.mark.parametrize("safe", [True, False], ids=["both oracles", "differences alone"])
def test_a_single_wrong_entry_is_caught_and_found(safe):
    def spoil(grads):
        grads["W_h"][77, 300] += 1e-7 * np.linalg.norm(grads["W_h"])

    report = check.check_gradients(*large_lstm(spoil, safe))
    assert [row.name for row in report.rows if not row.passed] == ["W_h"]
    wrong = row(report, "W_h")
    assert wrong.worst == (77, 300)
    assert wrong.given - wrong.expected > 0
    assert wrong.bad == 1
    assert "W_h[77, 300] is" in wrong.remark


def halve_the_forget_gate(grads):
    H = MIDDLING[1]
    grads["W_x"][:, H : 2 * H] *= 0.5


def zero(grads):
    grads["W_h"][:] = 0


def scale_a_little(grads):
    grads["W_x"] *= 1 + 1e-7


def swap_two(grads):
    grads["W_h"][[3, 39], 17] = grads["W_h"][[39, 3], 17]


@pytest.mark.parametrize(
    ("spoil", "name", "share"),
    [
        (halve_the_forget_gate, "W_x", 0.25),
        (zero, "W_h", 1.0),
        (scale_a_little, "W_x", None),
        (swap_two, "W_h", 2 / (40 * 160)),
    ],
)
def test_planted_faults_are_caught_with_an_entry_to_look_at(spoil, name, share):
    report = check.check_gradients(*large_lstm(spoil, sizes=MIDDLING))
    assert [row.name for row in report.rows if not row.passed] == [name]
    wrong = row(report, name)
    assert abs(wrong.given - wrong.expected) > bounds.COMPLEX_BOUND * wrong.largest
    assert wrong.gradient[wrong.worst] == wrong.given
    if share is not None:  # estimated from 64 entries: within 5 deviations of a counted share
        assert abs(wrong.bad / wrong.size - share) <= 5 * np.sqrt(share * (1 - share) / 64) + 2 / wrong.size


def test_the_entry_shown_is_really_wrong():
    def spoil(grads):
        grads["b"][5] *= -1

    report = check.check_gradients(*large_lstm(spoil, sizes=MIDDLING))
    wrong = row(report, "b")
    assert wrong.worst == (5,)
    assert wrong.given == pytest.approx(-wrong.expected)


def test_float32_code_is_judged_within_its_rounding():
    report = check.check_gradients(*large_lstm(sizes=MIDDLING, dtype=np.float32))
    assert report.passed, str(report)

    def spoil(grads):
        grads["W_x"][:, :40] *= np.float32(1.001)

    report = check.check_gradients(*large_lstm(spoil, sizes=MIDDLING, dtype=np.float32))
    assert [row.name for row in report.rows if not row.passed] == ["W_x"]


def test_both_ways_of_judging_can_be_asked_for():
    def forward(inputs):
        return {"y": np.sin(inputs["x"]) * inputs["s"]}, inputs

    def backward(upstream, cache):
        grad = upstream["y"] * np.cos(cache["x"]) * cache["s"]
        return {"x": grad, "s": np.sum(upstream["y"] * np.sin(cache["x"]), axis=0)}

    rng = np.random.default_rng(0)
    problem = forward, backward, {"x": rng.normal(size=(30, 7)), "s": rng.normal(size=7)}
    assert [row.method for row in check.check_gradients(*problem).rows] == ["every entry"] * 2
    report = check.check_gradients(*problem, directions=5)
    assert [row.method for row in report.rows] == ["5 random directions + 8 entries", "every entry"]  # s is small
    assert report.passed
    report = check.check_gradients(*problem, limit=216)
    assert [row.method for row in report.rows] == ["8 random directions + 8 entries", "every entry"]
    assert [row.method for row in check.check_gradients(*problem, limit=217).rows] == ["every entry"] * 2
    report = check.check_gradients(*problem, limit=10, directions=0)
    assert [row.method for row in report.rows] == ["every entry"] * 2


def test_a_slow_forward_is_judged_along_directions(monkeypatch):
    from scratchnn.check import gradients

    monkeypatch.setattr(gradients, "SECONDS", 0.0)

    def forward(inputs):
        return {"y": inputs["x"] ** 3}, inputs

    report = check.check_gradients(
        forward, lambda up, cache: {"x": 3 * up["y"] * cache["x"] ** 2}, {"x": np.linspace(1, 2, 80)}
    )
    assert report.passed
    assert report.rows[0].method == "8 random directions + 8 entries"


def test_too_few_directions_for_a_judgement_do_not_pass():
    """Where one direction is sure to 1e-11 of the norm, it misses errors of 1 % with probability 1e-9: no proof."""

    def forward(inputs):
        return {"y": np.sin(9 * inputs["x"].real)}, inputs

    def backward(upstream, cache):
        return {"x": 9 * upstream["y"] * np.cos(9 * cache["x"])}

    report = check.check_gradients(forward, backward, {"x": np.linspace(1, 2, 80)}, directions=1)
    assert not report.passed
    assert "cannot be judged" in report.rows[0].remark
