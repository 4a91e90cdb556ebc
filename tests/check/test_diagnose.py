"""Diagnosis: every known mistake is recognised by its numbers, right code is called right."""

import numpy as np
import pytest

from scratchnn import ops
from scratchnn.check import catalogue, diagnose
from scratchnn.check.diagnose import answer, probes, subjects_of

OPS = [op for op in ops.ROOMS if catalogue.bugs(op)]
GRADIENT = {op: [bug for bug in catalogue.bugs(op) if bug.kind == "gradient"] for op in OPS}
# Worked out by hand: backward reads m in dr = da_n * m only, so a cache that holds r * m makes dr = da_n * r * m,
# which is what gru-dr-from-dm writes; no other gradient of either differs.
TWINS = {"gru-dr-from-dm", "gru-m-cached-after-reset"}  # two ways to write the same wrong numbers
FIRST_SEED = (0,)


@pytest.mark.parametrize("op", OPS)
def test_every_known_mistake_is_named(op):
    for bug in GRADIENT[op]:
        found = diagnose(op, catalogue.plant(bug), FIRST_SEED)
        named = {match.ids for match in found.matches}
        assert named == ({(twin,) for twin in TWINS} if bug.id in TWINS else {(bug.id,)}), bug.id


@pytest.mark.parametrize("op", OPS)
def test_the_right_gradient_is_called_right(op):
    found = diagnose(op, ops.backend(getattr(ops, op), "reference"))
    assert found.right
    assert not found.matches
    assert not found.certain


def test_two_seeds_make_it_certain_and_one_does_not():
    wrong = catalogue.plant(catalogue.bug("lstm-dc-next-dropped"))
    assert diagnose("lstm", wrong).certain
    assert not diagnose("lstm", wrong, FIRST_SEED).certain


def test_twins_are_both_listed_and_nothing_is_certain():
    found = diagnose("gru", catalogue.plant(catalogue.bug("gru-dr-from-dm")))
    assert {match.ids[0] for match in found.matches} == TWINS
    assert not found.certain


@pytest.mark.parametrize(
    "pair",
    [
        ("lstm-dc-next-dropped", "lstm-di-dg-swapped"),
        ("rnn-slope-missing", "rnn-dW-h-with-h-t"),
        ("attention-general-dW_a-last-query", "attention-softmax-sum-dropped"),
    ],
)
def test_two_mistakes_at_once_are_named(pair):
    chosen = [catalogue.bug(name) for name in pair]
    op = catalogue.room_of(chosen[0])
    found = diagnose(op, catalogue.plant(*chosen), FIRST_SEED, seconds=60)
    assert {bug.id for bug in chosen} in [set(match.ids) for match in found.matches]


def test_an_unknown_mistake_is_none_of_them():
    right = ops.lstm.reference

    def backward_of(subject, seed):
        (place,) = probes([subject], [seed])
        grads = answer(place, right)
        return grads | {"W_x": 1.0001 * grads["W_x"]}

    found = diagnose("lstm", backward_of, subjects=subjects_of("lstm")[:1], seconds=1)
    assert not found.right
    assert not found.matches
    assert "none of" in str(found)


def test_a_mistake_is_told_with_misconception_and_question():
    found = diagnose("lstm", catalogue.plant(catalogue.bug("lstm-dc-next-dropped")), FIRST_SEED).as_dict()
    (mistake,) = found["matches"][0]["mistakes"]
    assert mistake["misconception"] == "M1"
    assert mistake["question"].endswith("?")
    assert mistake["right"] == "dc_t = dc_next + ds * tanh_slope(s)"
    assert found["matches"][0]["digits"] >= 12


def test_gradients_of_other_shapes_and_crashes_are_no_match():
    def wrong_shape(subject, seed):
        (place,) = probes([subject], [seed])
        return {name: np.zeros((1,)) for name in answer(place)}

    for backward_of in (wrong_shape, lambda subject, seed: None):
        found = diagnose("linear", backward_of, FIRST_SEED)
        assert not found.right
        assert not found.matches


def test_a_search_that_was_cut_off_is_never_certain_and_says_so():
    one, two = (bug for bug in GRADIENT["lstm"] if bug.id in ("lstm-dc-next-dropped", "lstm-db-mean"))
    cut = diagnose("lstm", catalogue.plant(one, two), seconds=0.0)
    assert not cut.complete
    assert not cut.certain
    assert "time limit" in str(cut)
    assert cut.as_dict()["complete"] is False
