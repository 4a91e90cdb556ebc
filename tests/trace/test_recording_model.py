"""A model made of our ops, recorded as one run."""

import numpy as np
import pytest

from scratchnn.trace import record

ORDER = ["embedding", "lstm", "model", "attention", "linear", "cross_entropy"]


@pytest.mark.parametrize("score", ["scaled_dot", "additive", "general"])
def test_every_backward_event_of_the_model_is_green(score):
    trace = record("model", T=3, B=2, D=3, H=4, score=score)
    for event in trace.events:
        if event.phase == "backward" and event.node != "from_query":  # a row of it is set; nothing bears its name
            assert event.check is not None, (event.op, event.node)
            assert event.check.passed, (event.op, event.node, event.t, event.check)
    assert all(one["check"].passed for one in trace.gradients)
    names = {one["name"] for one in trace.gradients}
    assert {"embedding.W", "lstm.W_x", "lstm.W_h", "lstm.b", "linear.W", "linear.b"} <= names


def test_the_parts_run_in_order_and_back():
    trace = record("model", T=2, checks=False)
    forward = [event.op for event in trace.events if event.phase == "forward"]
    assert list(dict.fromkeys(forward)) == ORDER
    back = [event.op for event in trace.events if event.phase == "backward"]
    assert list(dict.fromkeys(back)) == ["cross_entropy", "linear", "attention", "model", "lstm", "embedding"]


def test_the_gradient_of_the_states_adds_up_what_key_value_and_query_want():
    trace = record("model", T=3, B=2, checks=False)
    dh = trace.find("dh", op="model")
    assert [one["source"] for one in dh.addends] == ["from_keys", "from_values", "from_query"]
    total = sum(trace.array(one["array"]) for one in dh.addends)
    np.testing.assert_array_equal(total, trace.array(dh.value))
    given = next(one for one in trace.find("dh_t", 1, op="lstm").inputs if one["name"] == "dh[t]")
    assert given["event"] == dh.n


def test_what_one_part_makes_the_next_one_reads():
    trace = record("model", T=2, checks=False)
    x_t = next(one for one in trace.find("a_t", 1, "forward", "lstm").inputs if one["name"] == "x_t")
    assert trace.events[x_t["event"]].op == "embedding"
    logits = next(one for one in trace.find("log_p", op="cross_entropy").inputs if one["name"] == "logits")
    assert trace.events[logits["event"]].op == "linear"


def test_a_mistake_in_a_part_turns_the_parts_before_it_red():
    trace = record("model", T=3, plant="lstm-dc-next-not-carried")
    reds = [event for event in trace.events if event.check is not None and not event.check.passed]
    assert (reds[0].op, reds[0].node, reds[0].t) == ("lstm", "dc_t", 1)
    assert trace.planted["id"] == "lstm-dc-next-not-carried"
    assert {event.op for event in reds} == {"lstm", "embedding"}
    right = {one["name"] for one in trace.gradients if one["check"].passed}
    assert right == {"linear.W", "linear.b"}
