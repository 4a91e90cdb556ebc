"""A trace shows what the reference computes: its numbers, its lines, its equations."""

import gzip
import importlib
import inspect
import json
import time

import numpy as np
import pytest

from scratchnn import ops
from scratchnn.errors import InputError
from scratchnn.trace import Trace, record

RECURRENT = ("lstm", "gru", "rnn")


def reference(trace, score=None):
    """Run the reference on the trace's inputs, apart from the trace: its Cache and Grads."""
    room = getattr(ops, trace.op)
    module = importlib.import_module(f"scratchnn.ops.{trace.op}.reference")
    given = {one["name"]: trace.array(one["array"]) for one in trace.inputs}
    params = {one["name"]: given[one["name"]] for one in trace.inputs if one["role"] == "parameter"}
    params = room.Params(**params) if params else None
    plain = [given[one["name"]] for one in trace.inputs if one["role"] == "input"]
    upstream = [given[one["name"]] for one in trace.inputs if one["role"] == "upstream"]
    options = {"score": score} if score else {}
    cache = module.forward(*plain, params, **options)
    return cache, module.backward(*upstream, cache, params)


@pytest.mark.parametrize("op", RECURRENT)
def test_forward_values_are_those_of_the_cache(op):
    trace = record(op, T=4, B=2, D=3, H=5, checks=False)
    cache, _ = reference(trace)
    fields = {"lstm": "ifgos", "gru": "mrzn", "rnn": ""}[op]
    for t in range(4):
        for name in fields:
            np.testing.assert_array_equal(trace.array(trace.find(name, t, "forward").value), getattr(cache, name)[t])
        np.testing.assert_array_equal(trace.array(trace.find("h_t", t, "forward").value), cache.h[t + 1])
    if op == "lstm":
        np.testing.assert_array_equal(trace.array(trace.find("c_t", 2, "forward").value), cache.c[3])


@pytest.mark.parametrize("op", RECURRENT)
def test_gradients_are_those_of_backward(op):
    trace = record(op, T=4, B=2, D=3, H=5, checks=False)
    _, grads = reference(trace)
    assert [one["name"] for one in trace.gradients] == list(grads._fields)
    for one in trace.gradients:
        np.testing.assert_array_equal(trace.array(one["array"]), getattr(grads, one["name"]))
    for t in range(4):
        np.testing.assert_array_equal(trace.array(trace.find("dx_t", t).value), grads.x[t])
    np.testing.assert_array_equal(trace.array(trace.find("dh_prev", 0).value), grads.h0)
    np.testing.assert_array_equal(trace.array(trace.find("dW_h", 0).value), grads.W_h)


@pytest.mark.parametrize("score", ["dot", "scaled_dot", "general", "additive"])
def test_attention_is_recorded_with_every_score(score):
    trace = record("attention", T=3, B=2, D=4, H=5, score=score, checks=False)
    cache, grads = reference(trace, score)
    for name in ("scores", "alpha", "context"):
        np.testing.assert_array_equal(trace.array(trace.find(name).value), getattr(cache, name))
    for one in trace.gradients:
        np.testing.assert_array_equal(trace.array(one["array"]), getattr(grads, one["name"]))
        np.testing.assert_array_equal(trace.array(trace.find(f"d{one['name']}").value), getattr(grads, one["name"]))
    numbers = ops.attention.equations.SCORES[score]
    assert [event.equation for event in trace.events if event.phase == "forward"] == list(numbers["forward"])
    assert sorted(event.equation for event in trace.events if event.phase == "backward") == list(numbers["backward"])


@pytest.mark.parametrize("op", RECURRENT)
def test_every_equation_is_one_event_per_step(op):
    T = 3
    trace = record(op, T=T, checks=False)
    wanted = {"rnn": {1, 2, 5, 6, *range(9, 14)}}.get(op)  # one of its three nonlinearities
    equations = getattr(ops, op).equations
    wanted = wanted or {one.number for one in (*equations.FORWARD, *equations.BACKWARD)}
    found = sorted((event.equation, event.t) for event in trace.events)
    assert found == sorted((number, t) for number in wanted for t in range(T))
    assert {one["number"] for one in trace.equations} == wanted
    order = [event.t for event in trace.events if event.node == ("h_t" if op != "rnn" else "a_t")]
    assert order == list(range(T))
    assert [event.t for event in trace.events if event.node == "dh_t"] == list(reversed(range(T)))


@pytest.mark.parametrize("op", [*RECURRENT, "attention"])
def test_lines_and_texts_are_those_of_the_source(op):
    trace = record(op, checks=False)
    source = inspect.getsource(importlib.import_module(f"scratchnn.ops.{op}.reference")).splitlines()
    for event in trace.events:
        assert source[event.line - 1].strip() == f"{event.text}  # ({event.equation})"


def test_a_value_is_its_equation_of_the_inputs_shown():
    """Evaluate every line of an LSTM's trace again, with nothing but the inputs that the event names."""
    trace = record("lstm", T=3, B=2, checks=False)
    reference_names = vars(importlib.import_module("scratchnn.ops.lstm.reference"))
    evaluated = 0
    for event in trace.events:
        if event.kind == "add":
            continue
        names = {"np": np, "tanh_slope": reference_names["tanh_slope"], "sigmoid": reference_names["sigmoid"]}
        names |= {"sigmoid_slope": reference_names["sigmoid_slope"]}
        text = event.text.partition(" = ")[2].replace("nodes.", "").replace("dh[t]", "dh_given")
        for one in event.inputs:
            names[one["name"].replace("dh[t]", "dh_given")] = trace.array(one["array"])
        np.testing.assert_array_equal(eval(text, names), trace.array(event.value))
        evaluated += 1
    assert evaluated == 23 * 3


@pytest.mark.parametrize("op", [*RECURRENT, "attention"])
def test_an_input_made_by_an_event_has_that_events_numbers(op):
    trace = record(op, T=4, B=2, score="additive" if op == "attention" else "scaled_dot", checks=False)
    linked = 0
    for event in trace.events:
        for one in event.inputs:
            if one["event"] is None:
                continue
            maker = trace.events[one["event"]]
            assert maker.n < event.n
            made, read = trace.array(maker.value), trace.array(one["array"])
            if made.size == read.size:  # scores[:, :, :, None] is scores
                np.testing.assert_array_equal(np.squeeze(made), np.squeeze(read))
            else:  # a gate's block of a_t
                assert any(np.array_equal(block, read) for block in np.split(made, made.shape[-1] // 4, axis=-1))
            linked += 1
    assert linked > len(trace.events)


def test_inputs_lead_from_dh_next_over_the_step_after_back_to_the_last():
    trace = record("lstm", T=4, checks=False)
    dh_next = next(one for one in trace.find("dh_t", 2).inputs if one["name"] == "dh_next")
    assert dh_next["event"] == trace.find("dh_prev", 3).n
    dc_next = next(one for one in trace.find("dc_t", 2).inputs if one["name"] == "dc_next")
    assert dc_next["event"] == trace.find("dc_prev", 3).n
    last = next(one for one in trace.find("dc_t", 3).inputs if one["name"] == "dc_next")
    given = next(one for one in trace.inputs if one["name"] == "dc_last")
    assert (last["event"], last["array"]) == (None, given["array"])
    c_prev = next(one for one in trace.find("df", 2).inputs if one["name"] == "c_prev")
    assert c_prev["event"] == trace.find("c_t", 1).n
    z = next(one for one in record("gru", T=3, checks=False).find("dn", 1).inputs if one["name"] == "z")
    assert z["event"] is not None


@pytest.mark.parametrize("op", RECURRENT)
def test_addends_of_a_carried_sum_add_up(op):
    trace = record(op, T=3, B=2, checks=False)
    for t in range(3):
        event = trace.find("dh_t", t)
        after = f"step t={t + 1}" if t < 2 else "after the last step"
        assert [one["source"] for one in event.addends] == [f"loss at t={t}", after]
        total = sum(trace.array(one["array"]) for one in event.addends)
        np.testing.assert_array_equal(total, trace.array(event.value))
    if op == "lstm":
        event = trace.find("dc_t", 1)
        assert event.addends[0]["source"] == "step t=2"
        np.testing.assert_array_equal(
            sum(trace.array(one["array"]) for one in event.addends), trace.array(event.value)
        )


@pytest.mark.parametrize("op", RECURRENT)
def test_a_parameters_gradient_is_the_sum_of_the_products_of_its_factors(op):
    trace = record(op, T=4, B=2, checks=False)
    names = {one["name"] for one in trace.inputs if one["role"] == "parameter"}
    for name in names:
        events = [event for event in trace.events if event.node == f"d{name}"]
        assert [event.t for event in events] == [3, 2, 1, 0]
        assert [event.value is None for event in events] == [True, True, True, False]
        total = 0
        for event in events:
            (addend,) = event.addends
            assert addend["source"] == f"t={event.t}"
            assert "array" not in addend
            if "factors" in addend:
                left, right = (trace.array(one["array"]) for one in addend["factors"])
                assert [one["transposed"] for one in addend["factors"]] == [True, False]
                total = total + left.T @ right
            else:
                total = total + trace.array(addend["summed"]).sum(axis=addend["axis"])
        np.testing.assert_array_equal(total, trace.array(events[-1].value))


def test_gates_are_named():
    trace = record("gru", T=2, checks=False)
    assert {event.node: event.gate for event in trace.events if event.t == 0 and event.gate} == {
        "a_r": "r", "a_z": "z", "a_n": "n", "r": "r", "z": "z", "n": "n",
        "dz": "z", "dn": "n", "dr": "r", "da_r": "r", "da_z": "z", "da_n": "n",
    }  # fmt: skip


def test_the_same_seed_gives_the_same_trace_and_another_another():
    one, same, other = (record("rnn", seed=seed).to_json() for seed in (3, 3, 4))
    assert one == same
    assert one["arrays"] != other["arrays"]


def test_a_planted_mistake_is_described():
    trace = record("lstm", plant="lstm-dc-next-dropped", checks=False)
    planted = trace.planted
    assert planted["wrong"].startswith("dc_t = ds * tanh_slope(s)")
    assert planted["right"].startswith("dc_t = dc_next + ds * tanh_slope(s)")
    assert planted["line"] == trace.find("dc_t", 0).line
    assert (planted["function"], planted["misconception"]) == ("step_backward", "M1")
    assert "dc_next" not in {one["name"] for one in trace.find("dc_t", 0).inputs}


@pytest.mark.parametrize(
    ("what", "options", "said"),
    [
        ("transformer", {}, "expected lstm, gru"),
        ("lstm", {"T": 0}, "T is 0"),
        ("lstm", {"H": 2.5}, "H is 2.5"),
        ("lstm", {"plant": "no-such-bug"}, "no bug is called 'no-such-bug'"),
        ("lstm", {"plant": "gru-dz-sign"}, "mistake of gru"),
        ("attention", {"score": "cosine"}, "score is 'cosine'"),
        ("no_such_lstm.py", {}, "cannot be read"),
    ],
)
def test_bad_input_gets_one_sentence(what, options, said):
    with pytest.raises(InputError) as caught:
        record(what, **options)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_default_trace_is_small(tmp_path):
    """T=8, B=1, D=4, H=16 is what the command shows by default, checks included."""
    trace = record("lstm", T=8, B=1, D=4, H=16)
    trace.save(tmp_path / "lstm.json")
    raw = (tmp_path / "lstm.json").read_bytes()
    assert len(raw) < 1_000_000
    assert len(gzip.compress(raw)) < 100_000


def test_a_long_lstm_is_recorded_fast():
    started = time.process_time()
    trace = record("lstm", T=200, B=1, D=32, H=64, checks=False)
    assert len(trace.events) == 26 * 200
    assert time.process_time() - started < 3  # about 1 s; a busy machine takes longer


def test_saving_and_loading_keep_everything(tmp_path):
    trace = record("gru", T=3)
    for name in ("trace.json", "trace.json.gz"):
        trace.save(tmp_path / name)
        assert Trace.load(tmp_path / name).to_json() == trace.to_json()
    assert (tmp_path / "trace.json.gz").read_bytes()[:2] == b"\x1f\x8b"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["trace.json", "trace.json.gz"]


def test_numbers_that_are_none_survive_the_file(tmp_path):
    trace = record("rnn", T=2, checks=False)
    trace.arrays[0][0, 0] = [np.nan, np.inf, -np.inf]
    trace.save(tmp_path / "odd.json")
    text = (tmp_path / "odd.json").read_text()
    assert json.loads(text)["arrays"][0]["data"][:3] == ["nan", "inf", "-inf"]
    np.testing.assert_array_equal(Trace.load(tmp_path / "odd.json").arrays[0], trace.arrays[0])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is no trace"),
        (b"[1, 2]", "this is no trace"),
        (b'{"format": "other"}', "this is no trace"),
        (b'{"format": "scratchnn-trace", "version": 2}', "version is 2, expected 1"),
        (b'{"format": "scratchnn-trace", "version": 1}', "damaged"),
        (b"\x1f\x8b broken", "cannot be read"),
        (b"\xff\xfe", "is no trace"),
    ],
)
def test_a_bad_file_gets_one_sentence(tmp_path, content, said):
    (tmp_path / "bad.json").write_bytes(content)
    with pytest.raises(InputError) as caught:
        Trace.load(tmp_path / "bad.json")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_cannot_be_written_or_read_gets_one_sentence(tmp_path):
    with pytest.raises(InputError, match="cannot be written"):
        record("rnn", T=1, checks=False).save(tmp_path / "no" / "such.json")
    with pytest.raises(InputError, match="cannot be read"):
        Trace.load(tmp_path / "none.json")
