"""The judge is judged: right gradients pass, every planted fault is caught and named, behaviour is watched."""

import json

import numpy as np
import pytest

from scratchnn import check

CHEAP = (
    "activations.tanh",
    "softmax.masked",
    "cross_entropy.weighted",
    "linear.bias",
    "rnn.tanh",
    "attention.article",
)


def two_layer_problem():
    """Give a small problem written down here: y = tanh(x W + b), loss outputs y and its square sum."""
    rng = np.random.default_rng(3)
    inputs = {"x": rng.normal(size=(4, 3)), "W": rng.normal(size=(3, 2)), "b": rng.normal(size=2)}

    def forward(inputs):
        y = np.tanh(inputs["x"] @ inputs["W"] + inputs["b"])
        return {"y": y, "square": (y**2).sum(axis=1)}, {"x": inputs["x"], "W": inputs["W"], "y": y}

    def backward(upstream, cache):
        dy = upstream["y"] + 2 * cache["y"] * upstream["square"][:, None]
        da = dy * (1 - cache["y"] ** 2)
        return {"x": da @ cache["W"].T, "W": cache["x"].T @ da, "b": da.sum(axis=0)}

    return forward, backward, inputs


def altered(alter):
    """Give the report on the small problem when ``alter`` spoils its gradients."""
    forward, backward, inputs = two_layer_problem()

    def spoiled(upstream, cache):
        grads = backward(upstream, cache)
        alter(grads)
        return grads

    return check.check_gradients(forward, spoiled, inputs)


def row(report, name):
    return next(row for row in report.rows if row.name == name)


# --- right gradients pass -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(50))
def test_right_gradients_pass_on_fifty_seeds(seed):
    subjects = [subject for subject in check.every_subject() if subject.name in CHEAP]
    assert len(subjects) == len(CHEAP)
    for report in (check.judge(subject, seed) for subject in subjects):
        assert report.passed, str(report)
        assert report.oracles == ("differences", "complex step")
        assert report.worst < 1e-13  # rounding: 1000 times nearer than the bound


# --- wrong numbers --------------------------------------------------------------------------------------------------


def test_one_entry_wrong_by_1e_8_of_the_largest_is_caught_and_shown():
    def alter(grads):
        grads["W"][2, 1] += 1e-8 * np.max(np.abs(grads["W"]))

    report = altered(alter)
    assert not report.passed
    assert [row.passed for row in report.rows] == [True, False, True]
    wrong = row(report, "W")
    assert wrong.worst == (2, 1)
    assert wrong.bad == 1
    assert wrong.error_complex == pytest.approx(1e-8, rel=1e-3)
    assert wrong.given - wrong.expected > 0
    assert "1 of 6 entries wrong; W[2, 1]" in wrong.remark


def flip_sign(grads):
    grads["b"] *= -1


def zero(grads):
    grads["W"] *= 0


def scale_a_little(grads):
    grads["x"] *= 1 + 1e-9


def swap_columns(grads):
    grads["W"] = grads["W"][:, ::-1]


@pytest.mark.parametrize(
    ("alter", "name"), [(flip_sign, "b"), (zero, "W"), (scale_a_little, "x"), (swap_columns, "W")]
)
def test_wrong_numbers_are_caught(alter, name):
    report = altered(alter)
    assert [row.name for row in report.rows if not row.passed] == [name]


def test_a_missing_term_is_caught():
    """The second output's share is left out: a check with upstream on one output only would pass this."""
    forward, _, inputs = two_layer_problem()

    def backward(upstream, cache):
        da = upstream["y"] * (1 - cache["y"] ** 2)
        return {"x": da @ cache["W"].T, "W": cache["x"].T @ da, "b": da.sum(axis=0)}

    report = check.check_gradients(forward, backward, inputs)
    assert not any(row.passed for row in report.rows)


def drop(grads):
    del grads["b"]


def give_none(grads):
    grads["b"] = None


def transpose(grads):
    grads["W"] = grads["W"].T


def put_nan(grads):
    grads["x"][1, 2] = np.nan


def give_complex(grads):
    grads["b"] = grads["b"] + 0j


@pytest.mark.parametrize(
    ("alter", "name", "sentence"),
    [
        (drop, "b", "no gradient was returned"),
        (give_none, "b", "no gradient was returned"),
        (transpose, "W", "the gradient has shape (2, 3), expected (3, 2)"),
        (put_nan, "x", "the gradient is not finite at x[1, 2]"),
        (give_complex, "b", "the gradient has dtype complex128, expected floating-point numbers"),
    ],
)
def test_what_cannot_be_compared_fails_with_a_sentence(alter, name, sentence):
    report = altered(alter)
    assert not report.passed
    assert [row.name for row in report.rows if not row.passed] == [name]
    assert sentence in row(report, name).remark
    assert sentence in str(report)


def give_float32(grads):
    grads["W"] = grads["W"].astype(np.float32)


def rename(grads):
    grads["bias"] = grads["b"]


@pytest.mark.parametrize(
    ("alter", "sentence"),
    [
        (give_float32, "the gradient of W is float32, although the input is float64"),
        (rename, "backward returned a gradient of bias, which is no floating-point input"),
    ],
)
def test_a_wrong_dtype_or_name_is_a_failure(alter, sentence):
    report = altered(alter)
    assert not report.passed
    assert sentence in report.failures


# --- wrong behaviour ------------------------------------------------------------------------------------------------


def spoil(grads_of=lambda grads, upstream, cache, inputs: grads):
    forward, backward, inputs = two_layer_problem()
    seen = {}

    def watched_forward(given):
        seen["inputs"] = given
        return forward(given)

    def spoiled(upstream, cache):
        grads = backward(upstream, cache)
        return grads_of(grads, upstream, cache, seen["inputs"])

    return check.check_gradients(watched_forward, spoiled, inputs)


def change_upstream(grads, upstream, cache, inputs):
    upstream["square"] *= 2
    return grads


def change_cache(grads, upstream, cache, inputs):
    cache["y"] **= 2
    return grads


def change_input(grads, upstream, cache, inputs):
    inputs["b"] += 1
    return grads


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (change_upstream, "backward changed its upstream square in place"),
        (change_cache, "backward changed cache.y in place"),
        (change_input, "backward changed the input b in place"),
    ],
)
def test_a_backward_that_changes_what_it_was_given_fails(change, sentence):
    report = spoil(change)
    assert sentence in report.failures
    assert not report.passed


def test_a_forward_that_changes_its_input_fails():
    forward, backward, inputs = two_layer_problem()
    kept = {name: array.copy() for name, array in inputs.items()}

    def greedy(given):
        result = forward(given)
        given["x"] *= 0.5
        return result

    report = check.check_gradients(greedy, backward, inputs)
    assert "forward changed its input x in place" in report.failures
    assert all(np.array_equal(inputs[name], kept[name]) for name in inputs)


def test_a_backward_that_remembers_fails():
    total = {}

    def add_up(grads, upstream, cache, inputs):
        for name, grad in grads.items():
            total[name] = total.get(name, 0) + grad
        return dict(total)

    report = spoil(add_up)
    assert all(row.passed for row in report.rows)  # the first answer is right
    assert "backward called twice on one cache gave different gradients of W" in report.failures


def test_a_forward_that_draws_afresh_fails():
    forward, backward, inputs = two_layer_problem()
    rng = np.random.default_rng(0)

    def noisy(given):
        outputs, cache = forward(given)
        return {**outputs, "y": outputs["y"] * (rng.random(outputs["y"].shape) < 0.5)}, cache

    report = check.check_gradients(noisy, backward, inputs)
    (sentence,) = report.failures
    assert sentence.startswith("forward called twice with the same inputs gave different outputs y (")
    assert "no number is judged" in sentence
    assert not report.rows
    assert not report.passed


def test_exceptions_are_failures_not_crashes():
    forward, _, inputs = two_layer_problem()
    report = check.check_gradients(forward, lambda upstream, cache: {"x": np.ones(2) @ np.ones(3)}, inputs)
    assert not report.passed
    assert report.failures[0].startswith("backward raised ValueError: matmul")
    report = check.check_gradients(lambda inputs: inputs["q"], lambda upstream, cache: {}, inputs)
    assert report.failures[0].startswith("forward raised KeyError: 'q' (line ")
    assert len(report.failures) == 1
    report = check.check_gradients(lambda inputs: inputs["x"], lambda upstream, cache: {}, inputs)
    assert "expected (outputs, cache) with a dict of outputs" in report.failures[0]
    report = check.check_gradients(forward, lambda upstream, cache: np.ones(3), inputs)
    assert "expected a dict of gradients keyed as the inputs" in report.failures[0]


def test_nothing_to_check_is_not_a_pass():
    forward, backward, inputs = two_layer_problem()
    assert not check.check_gradients(lambda given: ({"n": np.arange(3)}, None), lambda up, cache: {}, inputs).passed
    assert not check.check_gradients(forward, backward, {}).passed
    assert not check.Report(name="empty").passed


def test_outputs_that_are_not_finite_are_a_failure():
    forward, backward, inputs = two_layer_problem()

    def broken(given):
        outputs, cache = forward(given)
        return {**outputs, "square": outputs["square"] + np.inf}, cache

    report = check.check_gradients(broken, backward, inputs)
    assert "output square is inf somewhere, so no gradient exists" in report.failures
    assert not report.passed


# --- code that is not complex-safe --------------------------------------------------------------------------------


def test_one_output_that_lost_its_imaginary_part_is_noticed():
    forward, backward, inputs = two_layer_problem()

    def half_real(given):
        outputs, cache = forward(given)
        return {**outputs, "square": outputs["square"].real}, cache

    report = check.check_gradients(half_real, backward, inputs)
    assert report.passed, str(report)
    assert report.oracles == ("differences",)
    assert "output square came back real from complex inputs" in report.notes[0]


def test_an_imaginary_part_dropped_without_a_trace_shows_in_the_disagreement():
    """abs of one term: complex numbers get through, and the complex step is wrong without any warning."""
    inputs = {"x": np.array([1.5, 2.5, -0.5]), "w": np.array([0.5, 1.0, 2.0])}

    def forward(given):
        return {"y": np.abs(given["x"]) * given["w"]}, given

    def right(upstream, cache):
        return {"x": upstream["y"] * cache["w"] * np.sign(cache["x"]), "w": upstream["y"] * np.abs(cache["x"])}

    def wrong(upstream, cache):  # what the complex step would say
        return {**right(upstream, cache), "x": 0 * cache["x"]}

    report = check.check_gradients(forward, right, inputs)
    assert report.passed, str(report)
    assert report.oracles == ("differences",)
    assert "the oracles disagree at x[0]" in report.notes[0]
    assert not check.check_gradients(forward, wrong, inputs).passed


def test_differences_that_cannot_tell_do_not_pass():
    inputs = {"x": np.array([0.3, 0.7])}

    def forward(given):
        x = np.array([float(v) for v in given["x"]])
        return {"y": x + 1e-4 * np.sin(1e9 * x)}, None

    report = check.check_gradients(forward, lambda upstream, cache: {"x": upstream["y"]}, inputs)
    assert not report.passed
    assert "cannot be judged: at x[0] the differences are sure only to" in report.rows[0].remark


# --- where the true gradient is zero ------------------------------------------------------------------------------


def unused_problem(value):
    forward, backward, inputs = two_layer_problem()

    def with_unused(upstream, cache):
        return {**backward(upstream, cache), "unused": np.full(2, value)}

    return forward, with_unused, {**inputs, "unused": np.ones(2)}


def test_a_gradient_of_zero_must_be_zero_by_the_overall_scale():
    overall = max(row.largest for row in check.check_gradients(*two_layer_problem()).rows)
    assert check.check_gradients(*unused_problem(0.0)).passed
    assert check.check_gradients(*unused_problem(1e-12 * overall)).passed
    assert not check.check_gradients(*unused_problem(1e-8 * overall)).passed


def test_a_small_gradient_is_judged_by_its_own_scale():
    """Wrong by a thousandth, and 1e-9 of everything else: no overall scale would see it."""
    inputs = {"x": np.array([1.0, 2.0]), "far": np.array([0.5, 0.25])}

    def forward(given):
        return {"y": np.sin(given["x"]) + 1e-9 * np.sin(given["far"])}, given

    def backward(upstream, cache, factor=1.0):
        far = factor * 1e-9 * upstream["y"] * np.cos(cache["far"])
        return {"x": upstream["y"] * np.cos(cache["x"]), "far": far}

    assert check.check_gradients(forward, backward, inputs).passed
    report = check.check_gradients(forward, lambda upstream, cache: backward(upstream, cache, 1.001), inputs)
    assert [row.passed for row in report.rows] == [True, False]


def test_a_problem_without_any_gradient_accepts_only_zeros():
    def forward(given):
        return {"y": 0 * given["x"]}, None

    inputs = {"x": np.ones(3)}
    assert check.check_gradients(forward, lambda upstream, cache: {"x": np.zeros(3)}, inputs).passed
    assert not check.check_gradients(forward, lambda upstream, cache: {"x": np.full(3, 1e-12)}, inputs).passed


# --- the report -----------------------------------------------------------------------------------------------------


def test_upstream_is_random_on_every_output_and_comes_from_the_seed():
    seen = []
    forward, backward, inputs = two_layer_problem()

    def watching(upstream, cache):
        seen.append(upstream)
        return backward(upstream, cache)

    for seed in (0, 0, 1):
        check.check_gradients(forward, watching, inputs, seed=seed)
    first, again, other = seen[0], seen[2], seen[4]
    assert set(first) == {"y", "square"}
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert not any(np.array_equal(first[name], other[name]) for name in first)
    assert all(len(np.unique(u)) == u.size and np.all(np.abs(u) >= 0.5) for u in first.values())


def test_the_report_is_plain_data_and_a_plain_table():
    report = altered(put_nan)
    read_back = json.loads(json.dumps(report.as_dict(), allow_nan=False))
    assert read_back["passed"] is False
    assert [row["name"] for row in read_back["rows"]] == ["x", "W", "b"]
    assert read_back["rows"][0]["worst"] == [1, 2]
    assert read_back["rows"][0]["given"] is None
    table = str(check.check_gradients(*two_layer_problem(), name="two layers"))
    assert table.splitlines()[0] == "two layers: passed (differences and complex step, seed 0)"
    assert [line.split()[0] for line in table.splitlines()[1:]] == ["array", "x", "W", "b", "judged"]


def test_assert_gradients_raises_the_table():
    forward, backward, inputs = two_layer_problem()
    report = check.assert_gradients(forward, backward, inputs, name="fine")
    assert report.passed
    with pytest.raises(AssertionError, match=r"(?s)wrong: FAILED.*x.*entries wrong"):
        check.assert_gradients(
            forward, lambda up, cache: {**backward(up, cache), "x": cache["x"]}, inputs, name="wrong"
        )


def test_complex_inputs_are_refused():
    forward, backward, inputs = two_layer_problem()
    with pytest.raises(TypeError, match="b has dtype complex128"):
        check.check_gradients(forward, backward, {**inputs, "b": inputs["b"] + 0j})
