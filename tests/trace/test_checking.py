"""Checks of a trace: green on every right gradient, red from the first wrong one on, and no line of backward runs."""

import importlib
import sys

import numpy as np
import pytest

from scratchnn import ops
from scratchnn.check.catalogue import bugs
from scratchnn.errors import InputError
from scratchnn.trace import Trace, record
from scratchnn.trace.telling import TELLING, telling

BOUND = 1e-10
DEFAULT = {"T": 8, "B": 1, "D": 4, "H": 16}  # a page must have room for this
KINDS = {
    "lstm": {}, "gru": {}, "rnn": {}, "dot": {"score": "dot"}, "scaled_dot": {"score": "scaled_dot"},
    "general": {"score": "general"}, "additive": {"score": "additive"},
}  # fmt: skip


def backward(trace):
    return [event for event in trace.events if event.phase == "backward"]


@pytest.mark.parametrize("sizes", [DEFAULT, {"T": 4, "B": 3, "D": 2, "H": 5}, {"T": 1, "B": 1, "D": 2, "H": 2}])
@pytest.mark.parametrize("kind", KINDS)
def test_every_backward_event_is_checked_and_green(kind, sizes):
    trace = record("attention" if KINDS[kind] else kind, **KINDS[kind], **sizes)
    for event in backward(trace):
        assert event.check is not None, (event.node, event.t)
        assert event.check.passed, (event.node, event.t, event.check)
        assert event.check.error <= event.check.bound == BOUND
    for one in trace.gradients:
        assert one["check"].passed, one


def test_true_arrays_are_kept_beside_the_values():
    trace = record("lstm", T=3, B=2)
    for event in backward(trace):
        if event.value is None:
            assert (event.check.true, event.check.meaning) == (None, "sum so far")
            continue
        true, value = trace.array(event.check.true), trace.array(event.value)
        assert true.shape == value.shape
        np.testing.assert_allclose(true, value, rtol=1e-9, atol=1e-10 * np.abs(value).max())
        expected = {"dh_prev": "carried", "dc_prev": "carried"}.get(event.node, "total")
        assert event.check.meaning == expected
        assert event.check.method.startswith("complex step through")


def test_true_values_agree_with_differences():
    """The judge is judged: by extrapolated central differences of the reference's loss."""
    trace = record("lstm", T=3, B=2)
    module = importlib.import_module("scratchnn.ops.lstm.reference")
    given = {one["name"]: trace.array(one["array"]) for one in trace.inputs}
    inputs = {one["name"]: given[one["name"]] for one in trace.inputs if one["role"] != "upstream"}

    def loss(some):
        params = ops.lstm.Params(some["W_x"], some["W_h"], some["b"])
        cache = module.forward(some["x"], some["h0"], some["c0"], params)
        return np.sum(cache.h[1:] * given["dh"]) + np.sum(cache.c[-1] * given["dc_last"])

    true = {one["name"]: trace.array(one["check"].true) for one in trace.gradients}
    for name, gradient in true.items():
        np.testing.assert_allclose(gradient, _differences(loss, inputs, name), rtol=1e-6, atol=1e-8)


def _differences(loss, inputs, name):
    slopes = np.zeros(inputs[name].shape)
    for place in np.ndindex(slopes.shape):
        values = []
        for step in (1e-5, -1e-5):
            moved = inputs[name].copy()
            moved[place] += step
            values.append(loss({**inputs, name: moved}))
        slopes[place] = (values[0] - values[1]) / 2e-5
    return slopes


def test_no_line_of_a_backward_pass_runs_for_a_check():
    trace = record("gru", T=3, checks=False)
    ran = set()

    def watch(frame, what, _):
        if what == "call":
            ran.add(frame.f_code.co_name)

    sys.setprofile(watch)
    try:
        trace.judge.check(trace, trace.events)
        trace.judge.check_gradients(trace)
    finally:
        sys.setprofile(None)
    assert {"forward", "step"} <= ran
    assert not {name for name in ran if "backward" in name or name.endswith("_slope")}
    assert all(event.check.passed for event in backward(trace))


def test_a_check_on_demand_is_the_same_as_at_once():
    at_once, on_demand = record("lstm", T=3), record("lstm", T=3, checks=False)
    for event in backward(at_once):
        assert on_demand.events[event.n].check is None
        found = on_demand.check(event.n)
        assert (found.method, found.meaning, found.passed) == (event.check.method, event.check.meaning, True)
        if found.true is not None:
            np.testing.assert_array_equal(on_demand.array(found.true), at_once.array(event.check.true))
    assert on_demand.check(0) is None  # the forward is what the checks rely on
    with pytest.raises(InputError, match="there is no event 9999"):
        on_demand.check(9999)


def test_a_loaded_trace_keeps_its_checks_and_makes_no_new_ones(tmp_path):
    trace = record("rnn", T=2, checks=False)
    trace.check(len(trace.events) - 1)
    trace.save(tmp_path / "trace.json")
    loaded = Trace.load(tmp_path / "trace.json")
    assert loaded.check(len(trace.events) - 1).passed
    assert all(loaded.check(event.n) is None for event in loaded.events[:-1])


def test_a_page_has_room_for_the_mistakes_of_a_small_run_only():
    assert telling(record("lstm", **DEFAULT, checks=False)) == TELLING["lstm"]
    assert telling(record("lstm", T=100, H=32, checks=False)) == ()


def test_a_long_lstm_is_checked_on_demand():
    trace = record("lstm", T=200, H=64)
    assert not any(event.check for event in trace.events), "it would take minutes"
    for node, t in (("dc_t", 199), ("dW_h", 120)):
        check = trace.check(trace.find(node, t).n)
        assert check.passed, (node, t, check)
    assert "16 of its 16384 entries" in trace.find("dW_h", 120).check.method
    wrong = record("lstm", T=60, H=64, plant="lstm-dW-h-last-step")
    assert wrong.check(wrong.find("dW_h", 59).n).passed
    assert not wrong.check(wrong.find("dW_h", 58).n).passed


FIRST_WRONG = {  # what the mistake says itself: the node it spoils, and the first step at which that shows, of T=4
    "lstm-dc-next-dropped": ("dc_t", 3),  # dc_last is not zero
    "lstm-dh-next-not-carried": ("dh_t", 2),
    "lstm-dc-next-not-carried": ("dc_t", 2),
    "lstm-dc-prev-without-f": ("dc_prev", 3),
    "lstm-o-slope-missing": ("da_o", 3),
    "lstm-blocks-f-first": ("da_t", 3),
    "lstm-dh-prev-one-gate": ("dh_prev", 3),
    "lstm-dW-h-with-h-t": ("dW_h", 3),
    "lstm-db-last-step": ("db", 2),
    "lstm-dW-x-assigned": ("dW_x", 2),
    "lstm-dW-h-first-step-zero": ("dW_h", 0),
    "gru-dz-sign": ("dz", 3),
    "gru-r-missing": ("dm", 3),
    "gru-dh-next-dropped": ("dh_t", 2),
    "gru-r-missing-in-dW-h": ("dW_h", 3),
    "rnn-W-h-not-transposed": ("dh_prev", 3),
    "rnn-db-mean": ("db", 3),
    "attention-softmax-elementwise": ("dscores", None),
    "attention-additive-da_q-mean": ("da_q", None),
    "attention-additive-dv_a-last-query": ("dv_a", None),
    "attention-dot-dk-unscaled": ("dk", None),
}


@pytest.mark.parametrize("name", FIRST_WRONG)
def test_badges_are_red_from_the_first_wrong_node_on(name):
    op = name.partition("-")[0]
    options = {"T": 4, "B": 2, "score": "additive" if "additive" in name else "scaled_dot"}
    wrong, right = record(op, plant=name, **options), record(op, **options)
    reds = [event for event in backward(wrong) if not event.check.passed]
    assert (reds[0].node, reds[0].t) == FIRST_WRONG[name]
    assert reds[0].line == wrong.planted["line"] or reds[0].t != 3 or op == "attention"
    assert any(not one["check"].passed for one in wrong.gradients)
    _a_badge_is_green_where_the_value_is_right(wrong, right)


def _a_badge_is_green_where_the_value_is_right(wrong, right):
    """The wrong trace's verdicts, from the right one's values: every event, by node and step."""
    values = {(event.node, event.t): event for event in backward(right)}
    for event in backward(wrong):
        known = values.get((event.node, event.t))
        if known is None or known.value is None or event.value is None:
            continue
        value, true = wrong.array(event.value), right.array(known.value)
        same = value.shape == true.shape and np.abs(value - true).max() <= BOUND * np.abs(true).max()
        assert event.check.passed == same, (event.node, event.t, event.check)


@pytest.mark.parametrize("op", TELLING)
def test_the_mistakes_of_a_page_show_in_the_default_run(op):
    for name in TELLING[op]:
        reds = [event for event in backward(record(op, plant=name)) if event.check and not event.check.passed]
        assert reds, name


@pytest.mark.slow
@pytest.mark.parametrize("op", ["lstm", "gru", "rnn"])
def test_every_mistake_of_the_catalogue_gets_the_right_badges(op):
    sizes = {"T": 2, "B": 2, "D": 2, "H": 3}
    right = record(op, **sizes)
    for bug in bugs(op):
        wrong = record(op, **sizes, plant=bug)
        if bug.kind == "gradient" and "buffer" not in bug.id:
            _a_badge_is_green_where_the_value_is_right(wrong, right)
        wrong_gradients = {one["name"] for one in wrong.gradients if not one["check"].passed}
        expected = {
            one["name"]
            for one, true in zip(wrong.gradients, right.gradients, strict=True)
            if not np.allclose(wrong.array(one["array"]), right.array(true["array"]), rtol=1e-8, atol=1e-12)
        }
        assert wrong_gradients == expected, bug.id


def test_a_gradient_lost_on_the_last_line_turns_its_own_badge_red():
    trace = record("lstm", plant="lstm-dh0-dc0-swapped")
    assert all(event.check.passed for event in backward(trace))
    assert {one["name"] for one in trace.gradients if not one["check"].passed} == {"h0", "c0"}


def test_a_mistake_that_spoils_its_arguments_does_not_spoil_the_truth():
    trace = record("lstm", plant="lstm-weights-updated-inside", T=3)
    right = record("lstm", T=3)
    for one, true in zip(trace.gradients, right.gradients, strict=True):
        np.testing.assert_allclose(trace.array(one["check"].true), right.array(true["array"]), rtol=1e-9, atol=1e-12)


def test_nan_is_red():
    trace = record("rnn", T=2, checks=False)
    trace.judge.records[-1].value[...] = np.nan
    check = trace.check(len(trace.events) - 1)
    assert not check.passed
    assert check.error >= 1e300


def test_a_number_that_cancels_is_not_blamed_for_its_rounding():
    """One query, one unit: the gradients of two sources cancel, so that few digits of their sum are left."""
    trace = record("attention", T=1, D=1, H=1, score="additive")
    checks = [event.check for event in backward(trace)]
    assert all(check.passed for check in checks)
    wide = [check for check in checks if check.bound > BOUND]
    assert wide
    assert all("the last digit of the inputs alone moves it" in check.method for check in wide)
    wrong = record("attention", T=1, D=1, H=1, score="additive", plant="attention-additive-da_q-mean")
    assert not wrong.find("da_q").check.passed


def test_a_small_fault_is_a_fault():
    """An error of 1e-9 of a gradient that does not cancel is none of rounding."""
    trace = record("lstm", T=3, checks=False)
    event = trace.find("dc_t", 1)
    trace.judge.records[event.n].value[...] *= 1 + 1e-9
    check = trace.check(event.n)
    assert not check.passed
    assert check.bound == BOUND
