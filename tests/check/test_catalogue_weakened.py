"""The check itself is spoiled, one thing at a time, and a known mistake gets through that did not before.

So each of its demands is needed: were one of them lost, the catalogue would notice.
"""

import copy

import numpy as np
import pytest

from scratchnn import check
from scratchnn.check import bounds, catalogue, conduct
from scratchnn.check.catalogue import quick
from scratchnn.check.subjects.problem import Problem


def spoiled_problem(subject, module, alter=lambda inputs: inputs, outputs=None, without=(), afresh=False):
    """Give a subject's problem with other inputs, fewer outputs, arrays nobody looks at, or a cache used once."""
    forward, backward, inputs = subject.make(np.random.default_rng(0), module)
    inputs = alter(small(inputs))
    held = {name: inputs[name] for name in without}
    shapes = {name: array.shape for name, array in forward(inputs)[0].items()}

    def call(given):
        found, kept = forward(given | held)
        return {name: found[name] for name in outputs or found}, kept

    def undo(upstream, kept):
        kept = copy.deepcopy(kept) if afresh else kept
        zeros = {name: np.zeros(shape) for name, shape in shapes.items() if name not in upstream}
        return {name: grad for name, grad in backward(upstream | zeros, kept).items() if name not in without}

    return Problem(call, undo, {name: array for name, array in inputs.items() if name not in without})


def small(inputs, D=3, H=2):
    """Keep the first D features and H units: as much of a problem as these mistakes need, in a third of the time."""
    all_units, all_columns = inputs["h0"].shape[1], inputs["W_x"].shape[1]
    columns = np.concatenate([np.arange(start, start + H) for start in range(0, all_columns, all_units)])
    cut = {"x": inputs["x"][..., :D], "W_x": inputs["W_x"][:D, columns], "W_h": inputs["W_h"][:H, columns]}
    cut |= {"b": inputs["b"][columns]}
    return inputs | cut | {name: inputs[name][..., :H] for name in ("h0", "c0", "b_hn") if name in inputs}


def passes(name, subject="lstm.plain", **options):
    """Say whether a known mistake passes the check of a subject, spoiled as the options say."""
    (chosen,) = check.select(subject)
    return check.check_gradients(*spoiled_problem(chosen, catalogue.plant(catalogue.bug(name)), **options)).passed


def one_step(inputs):
    return inputs | {"x": inputs["x"][:1]}


def one_sequence(inputs):
    return inputs | {"x": inputs["x"][:, :1], "h0": inputs["h0"][:1], "c0": inputs["c0"][:1]}


def one_unit(inputs):
    return small(inputs, H=1)


def zero_states(inputs):
    return inputs | {name: np.zeros_like(inputs[name]) for name in ("h0", "c0")}


WEAK = {
    "T = 1": {"alter": one_step},
    "B = 1": {"alter": one_sequence},
    "H = 1": {"alter": one_unit},
    "zero states": {"alter": zero_states},
    "no loss on the final c": {"outputs": ("h",)},
    "no loss on h": {"outputs": ("c_last",)},
    "h0 skipped": {"without": ("h0",)},
    "b skipped": {"without": ("b",)},
}


@pytest.mark.parametrize(
    ("weakness", "escapes"),
    [
        ("T = 1", "lstm-dW-x-assigned"),
        ("T = 1", "lstm-upstream-reversed"),
        ("B = 1", "lstm-db-one-row"),
        ("B = 1", "lstm-dW-h-divided-by-B"),
        ("H = 1", "lstm-W-h-not-transposed"),
        ("H = 1", "lstm-blocks-interleaved"),
        ("zero states", "lstm-dW-h-first-step-zero"),
        ("zero states", "lstm-df-first-step-zero"),
        ("no loss on the final c", "lstm-final-c-every-step"),
        ("no loss on the final c", "lstm-final-c-ignored"),
        ("no loss on h", "lstm-dh-carried-only"),
        ("h0 skipped", "lstm-dh0-zero"),
        ("b skipped", "lstm-db-twice"),
    ],
)
def test_a_smaller_problem_lets_a_known_mistake_through(weakness, escapes):
    (subject,) = check.select("lstm.plain")
    assert not quick.judge_backward(subject, catalogue.plant(catalogue.bug(escapes))).passed
    assert passes(escapes, **WEAK[weakness])


def test_without_padding_a_forgotten_mask_passes():
    assert passes("lstm-mask-forgotten", "lstm.plain")
    assert not passes("lstm-mask-forgotten", "lstm.masked")


def test_without_relu_its_mistakes_pass():
    assert passes("rnn-relu-slope-missing", "rnn.tanh")
    assert not passes("rnn-relu-slope-missing", "rnn.relu")


def test_with_an_upstream_of_ones_a_reversed_one_passes(monkeypatch):
    assert not passes("gru-upstream-reversed", "gru.plain")
    monkeypatch.setattr(
        conduct, "draw_upstream", lambda outputs, seed: {k: np.ones_like(v) for k, v in outputs.items()}
    )
    assert passes("gru-upstream-reversed", "gru.plain")


def test_with_an_upstream_on_the_last_step_alone_the_others_may_be_ignored(monkeypatch):
    draw = conduct.draw_upstream
    assert not passes("rnn-last-upstream-only", "rnn.tanh")

    def last(outputs, seed):
        upstream = draw(outputs, seed)
        upstream["h"][:-1] = 0
        return upstream

    monkeypatch.setattr(conduct, "draw_upstream", last)
    assert passes("rnn-last-upstream-only", "rnn.tanh")


def test_with_bounds_of_a_tenth_a_subtle_mistake_passes(monkeypatch):
    assert not passes("gru-dh-prev-without-r", "gru.plain")
    monkeypatch.setattr(bounds, "COMPLEX_BOUND", 1e-1)
    assert not passes("gru-dh-prev-without-r", "gru.plain")  # the differences still see it
    monkeypatch.setattr(bounds, "ROUNDINGS", 1e-1 / bounds.EPS)
    assert passes("gru-dh-prev-without-r", "gru.plain")


@pytest.mark.parametrize("name", ["lstm-upstream-changed", "lstm-dc-last-changed"])
def test_unwatched_a_backward_may_change_what_it_was_given(monkeypatch, name):
    assert not passes(name)
    monkeypatch.setattr(conduct, "changes", lambda before, thing: [])
    assert passes(name)


def test_watched_but_for_its_cache_a_backward_may_spoil_that(monkeypatch):
    assert not passes("rnn-cache-changed", "rnn.tanh")
    monkeypatch.setattr(conduct, "changes", lambda before, thing: [])
    assert not passes("rnn-cache-changed", "rnn.tanh")  # called twice, it gives two answers
    assert passes("rnn-cache-changed", "rnn.tanh", afresh=True)
