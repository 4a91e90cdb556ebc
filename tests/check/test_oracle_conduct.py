"""Behaviour: memory that is shared, numbers that are drawn, states that are kept; each beside what is right."""

import json

import numpy as np
import pytest

from scratchnn import check


def problem():
    """Give y = x @ W * s, and its gradients in memory of their own."""
    rng = np.random.default_rng(2)
    inputs = {"x": rng.normal(size=(4, 3)), "W": rng.normal(size=(3, 5)), "s": rng.normal(size=5)}

    def forward(inputs):
        p = inputs["x"] @ inputs["W"]
        return {"y": p * inputs["s"]}, {"x": inputs["x"], "W": inputs["W"], "s": inputs["s"], "p": p}

    def backward(upstream, cache):
        dp = upstream["y"] * cache["s"]
        return {"x": dp @ cache["W"].T, "W": cache["x"].T @ dp, "s": (upstream["y"] * cache["p"]).sum(axis=0)}

    return forward, backward, inputs


def test_the_problem_itself_passes_without_a_note():
    report = check.check_gradients(*problem())
    assert report.passed, str(report)
    assert not report.notes


# --- memory ---------------------------------------------------------------------------------------------------------


def test_a_gradient_that_is_a_view_is_noted_and_a_copy_is_not():
    inputs = {"x": np.random.default_rng(0).normal(size=(4, 3)), "bias": np.ones((4, 3))}

    def forward(given):
        return {"y": given["x"] + given["bias"]}, {"kept": np.zeros((4, 3))}

    def through(make):
        def backward(upstream, cache):
            cache["kept"][:] = upstream["y"]  # the same numbers each time
            return make(upstream, cache)

        return check.check_gradients(forward, backward, inputs)

    def views(upstream, cache):
        return {"x": upstream["y"][:], "bias": upstream["y"].copy()}

    assert through(views).notes == (
        "the gradient of x shares memory with its upstream y: changing one changes the other",
    )

    def same(upstream, cache):
        grad = upstream["y"].copy()
        return {"x": grad, "bias": grad.T.T}

    assert through(same).notes == ("the gradients of x and bias share memory: changing one changes the other",)

    def copies(upstream, cache):
        return {"x": upstream["y"].copy(), "bias": upstream["y"].copy()}

    assert not through(copies).notes


def test_a_view_of_the_cache_or_of_an_input_is_named_with_its_place():
    forward, backward, inputs = problem()

    def forward_with_room(given):
        outputs, cache = forward(given)
        return outputs, {**cache, "buffers": [np.zeros((2, 4, 3))]}

    def into_cache(upstream, cache):
        cache["buffers"][0][1] = backward(upstream, cache)["x"]
        return {**backward(upstream, cache), "x": cache["buffers"][0][1]}

    report = check.check_gradients(forward_with_room, into_cache, inputs)
    assert "the gradient of x shares memory with cache.buffers[0]: changing one changes the other" in report.notes
    assert "backward changed cache.buffers[0] in place" in report.failures


def test_arrays_that_only_interleave_are_not_said_to_share():
    both = np.zeros((4, 6))

    def backward(upstream, cache):
        both[:, ::2] = upstream["y"]
        return {"x": both[:, ::2]}

    kept = both[:, 1::2]
    report = check.check_gradients(
        lambda given: ({"y": 1.0 * given["x"]}, {"kept": kept}), backward, {"x": np.ones((4, 3))}
    )
    assert not any("shares memory" in note for note in report.notes)


def test_an_answer_that_the_next_call_overwrites_is_noted():
    forward, backward, inputs = problem()
    buffer = np.zeros((3, 5))

    def reusing(upstream, cache):
        grads = backward(upstream, cache)
        buffer[:] = grads["W"]
        return {**grads, "W": buffer}

    report = check.check_gradients(forward, reusing, inputs)
    assert report.passed
    assert report.notes == (
        "backward returns the gradient of W in the same memory each time: the next call overwrites the answer",
    )


# --- chance ---------------------------------------------------------------------------------------------------------


def dropping(draw):
    forward, backward, inputs = problem()

    def with_dropout(given):
        keep = draw(given["x"].shape) < 0.7
        outputs, cache = forward({**given, "x": given["x"] * keep})
        return outputs, {**cache, "keep": keep}

    def undo(upstream, cache):
        grads = backward(upstream, cache)
        return {**grads, "x": grads["x"] * cache["keep"]}

    return with_dropout, undo, inputs


def test_dropout_drawn_inside_is_said_in_one_sentence_and_no_number_is_judged():
    generator = np.random.default_rng(0)
    report = check.check_gradients(*dropping(generator.random))
    (sentence,) = report.failures
    assert sentence.startswith("forward called twice with the same inputs gave different outputs y (dropout,")
    assert not report.rows
    assert not report.notes
    assert json.dumps(report.as_dict())
    assert len(str(report).splitlines()) == 2


def test_numbers_from_the_global_state_are_named_and_the_state_is_left_as_it_was():
    np.random.seed(5)  # noqa: NPY002 - this state is what is tested
    before = np.random.get_state()  # noqa: NPY002
    report = check.check_gradients(*dropping(np.random.random))
    (sentence,) = report.failures
    assert "(it draws from NumPy's global random state)" in sentence
    assert all(np.array_equal(a, b) for a, b in zip(before, np.random.get_state(), strict=True))  # noqa: NPY002


def test_dropout_from_a_generator_made_inside_passes():
    assert check.check_gradients(*dropping(lambda shape: np.random.default_rng(7).random(shape))).passed


def test_a_backward_that_draws_is_not_judged():
    forward, backward, inputs = problem()
    rng = np.random.default_rng(0)

    def noisy(upstream, cache):
        grads = backward(upstream, cache)
        return {**grads, "W": grads["W"] * rng.normal(size=(3, 5))}

    report = check.check_gradients(forward, noisy, inputs)
    (sentence,) = report.failures
    assert sentence.startswith("backward called twice gave different gradients of W (")
    assert "not deterministic, so no number is judged" in sentence
    assert not report.rows


def test_a_backward_that_uses_up_its_cache_is_judged_by_its_first_answer():
    forward, backward, inputs = problem()

    def once(upstream, cache):
        grads = backward(upstream, cache)
        return grads if cache.pop("fresh", None) else {name: 0 * grad for name, grad in grads.items()}

    def remembering(given):
        outputs, cache = forward(given)
        return outputs, {**cache, "fresh": True}

    report = check.check_gradients(remembering, once, inputs)
    assert "backward changed cache.fresh in place" in report.failures
    assert all(row.passed for row in report.rows)


def test_a_state_that_drifts_is_noticed_even_if_two_calls_agree():
    """Running averages that move by less than rounding in two calls, and add up over the check."""
    forward, backward, inputs = problem()
    calls = [0]

    def drifting(given):
        calls[0] += 1
        outputs, cache = forward(given)
        return {"y": outputs["y"] * (1 + 1e-3 * (calls[0] > 60))}, cache

    report = check.check_gradients(drifting, backward, inputs)
    assert not report.passed
    assert not report.rows
    assert report.failures[0].startswith("forward remembers: the loss of the same inputs was")


# --- precision ------------------------------------------------------------------------------------------------------


def test_outputs_with_fewer_digits_than_the_inputs_are_noted():
    forward, backward, inputs = problem()

    def narrow(given):
        outputs, cache = forward(given)
        if outputs["y"].dtype == np.float64:
            outputs["y"] = outputs["y"].astype(np.float32)
        return outputs, cache

    report = check.check_gradients(narrow, backward, inputs)
    assert "output y is float32, although inputs are float64" in report.notes


@pytest.mark.parametrize(("dtype", "word"), [(np.int64, "int64"), (object, "object"), (bool, "bool")])
def test_gradients_that_are_no_floats_are_named(dtype, word):
    forward, backward, inputs = problem()

    def cast(upstream, cache):
        grads = backward(upstream, cache)
        return {**grads, "W": grads["W"].astype(dtype)}

    report = check.check_gradients(forward, cast, inputs)
    wrong = next(row for row in report.rows if row.name == "W")
    assert not wrong.passed
    assert f"the gradient has dtype {word}, expected floating-point numbers" in wrong.remark


def test_float32_gradients_of_float64_inputs_are_named():
    forward, backward, inputs = problem()
    report = check.check_gradients(
        forward, lambda up, c: {k: g.astype("f4") for k, g in backward(up, c).items()}, inputs
    )
    assert "the gradient of W is float32, although the input is float64" in report.failures


def test_a_gradient_of_zeros_is_called_that():
    forward, backward, inputs = problem()
    report = check.check_gradients(forward, lambda up, cache: {**backward(up, cache), "W": np.zeros((3, 5))}, inputs)
    assert "the gradient is zero everywhere; W[" in next(row for row in report.rows if row.name == "W").remark


@pytest.mark.parametrize("scale", [1e-150, 1e-30, 1e-8, 1.0, 1e8, 1e30, 1e150])
def test_the_verdict_does_not_depend_on_the_scale(scale):
    """Losses and inputs of any size: what is right passes, and a part per million too much does not."""
    rng = np.random.default_rng(0)
    inputs = {"x": scale * rng.normal(size=(3, 4)), "w": rng.normal(size=4) / scale}

    def forward(given):
        return {"y": np.tanh(given["x"] / scale) * scale, "z": given["x"] @ given["w"]}, given

    def backward(upstream, cache, factor=1.0):
        slope = 1 - np.tanh(cache["x"] / scale) ** 2
        return {
            "x": factor * (upstream["y"] * slope + upstream["z"][:, None] * cache["w"]),
            "w": cache["x"].T @ upstream["z"],
        }

    if scale in (1e-150, 1e-30, 1e30, 1e150):  # one output drowns the other in the loss: judge it alone
        only = (
            (lambda given: ({"y": forward(given)[0]["y"]}, given)),
            (
                lambda upstream, cache, factor=1.0: {
                    "x": factor * upstream["y"] * (1 - np.tanh(cache["x"] / scale) ** 2),
                    "w": np.zeros(4),
                }
            ),
        )
    else:
        only = forward, backward
    report = check.check_gradients(*only, inputs)
    assert report.passed, str(report)
    wrong = check.check_gradients(only[0], lambda up, cache: only[1](up, cache, 1 + 1e-6), inputs)
    assert [row.name for row in wrong.rows if not row.passed] == ["x"]
