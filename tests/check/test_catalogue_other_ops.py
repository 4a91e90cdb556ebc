"""Every known mistake of the rooms without recurrence: forward stays right, the check notices, no two look alike."""

import functools

import numpy as np
import pytest

from scratchnn import check
from scratchnn.check import catalogue, conduct
from scratchnn.check.catalogue import quick

GROUPS = {
    "activations": ("activations",),
    "attention": ("attention",),
    "cross_entropy": ("cross_entropy",),
    "embedding": ("embedding",),
    "linear": ("linear",),
    "softmax": ("softmax", "log_softmax"),
}
BUGS = [bug for room in GROUPS for bug in catalogue.bugs(room)]
LEAST = {"activations": 10, "attention": 30, "cross_entropy": 8, "embedding": 5, "linear": 6, "softmax": 8}

# row of the table of mistakes -> the bugs that stand for it
ROWS = {
    "dW = instead of dW +=": ("linear-dW-last-step", "attention-general-dW_a-last-query"),
    "db from one row": ("linear-db-one-row",),
    "db a mean over the batch": ("linear-db-mean",),
    "db of the last t": ("linear-db-last-step",),
    "divided by T or B twice or never": (
        "cross-entropy-divided-twice", "cross-entropy-never-divided", "cross-entropy-always-divided",
        "linear-dW-mean"),
    "dE[ids] += d with repeated ids": ("embedding-repeated-ids",),
    "W for its transpose": ("linear-dx-reshaped", "attention-general-W_a-reshaped",
                            "attention-additive-W_q-reshaped"),
    "cache changed in place": ("softmax-p-overwritten", "attention-alpha-overwritten", "linear-x-overwritten",
                               "cross-entropy-log-p-overwritten"),
    "upstream changed in place": ("activations-upstream-overwritten", "attention-upstream-overwritten",
                                  "cross-entropy-upstream-overwritten", "embedding-upstream-overwritten"),
    "sigma instead of sigma', or no derivative": ("activations-sigmoid-for-slope", "activations-slope-dropped"),
    "slope applied to the activated value": ("activations-sigmoid-twice", "activations-tanh-twice"),
    "1/(1-h^2)": ("activations-tanh-inverted",),
    "p*(1-p)*dp": ("softmax-elementwise", "attention-softmax-elementwise"),
    "sum over the wrong axis": ("softmax-sum-over-batch", "attention-softmax-over-queries"),
    "p*dp": ("softmax-sum-dropped", "attention-softmax-sum-dropped"),
    "(p - y) sent through softmax again": ("cross-entropy-softmax-twice",),
    "no 1/sqrt(E), or of the wrong width": (
        "attention-dot-dq-unscaled", "attention-dot-dk-unscaled", "attention-dot-scale-of-wrong-width"),
    "dk, dv not transposed": ("attention-dot-dk-reshaped", "attention-dv-reshaped"),
    "dq and dk swapped": ("attention-dot-dq-dk-swapped",),
    "mask after softmax without renormalising": ("attention-mask-after-softmax",),
    "mask on queries": ("attention-mask-on-queries",),
    "all-masked row": ("attention-masked-query-uniform",),
    "tanh' missing or of the wrong thing": (
        "attention-additive-slope-dropped", "attention-additive-slope-twice", "attention-additive-slope-of-scores"),
    "dv_a not summed over all pairs": ("attention-additive-dv_a-last-query", "attention-additive-dv_a-last-source"),
}  # fmt: skip


def subjects(room):
    return [subject for subject in check.every_subject() if subject.group in GROUPS[room]]


@pytest.mark.parametrize("room", GROUPS)
def test_the_quick_judge_passes_the_reference(room):
    assert all(quick.judge_backward(subject, "reference", 0).passed for subject in subjects(room))


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.id)
def test_a_known_mistake_is_caught_and_its_forward_is_right(bug):
    """``judge_backward`` refuses a forward whose outputs are not the reference's, bit for bit."""
    module = catalogue.plant(bug)
    verdicts = [quick.judge_backward(subject, module, 0) for subject in subjects(catalogue.room_of(bug))]
    assert not any(verdict.crashed for verdict in verdicts)
    if bug.kind == "gradient":
        assert any(verdict.wrong for verdict in verdicts)
        assert not any(verdict.failures for verdict in verdicts)
    else:
        assert any("in place" in sentence for verdict in verdicts for sentence in verdict.failures)


@pytest.mark.parametrize("bug", BUGS[::17], ids=lambda bug: bug.id)
def test_the_ordinary_check_says_what_the_quick_judge_says(bug):
    """Some of every room go through both oracles, to the first subject that shows them."""
    module = catalogue.plant(bug)
    for subject in subjects(catalogue.room_of(bug)):
        verdict = quick.judge_backward(subject, module, 0)
        if not verdict.passed:
            report = check.judge(subject, 0, module)
            assert not report.passed
            assert report.oracles == ("differences", "complex step")
            assert tuple(row.name for row in report.rows if not row.passed) == verdict.wrong
            return
    pytest.fail("no subject shows it")


@functools.cache
def fingerprints(room):
    """Give every bug's gradients of all subjects as one vector."""
    vectors = {}
    for bug in catalogue.bugs(room):
        module, parts = catalogue.plant(bug), []
        for subject in subjects(room):
            grads = conduct.observe(*subject.make(np.random.default_rng(0), module), 0).grads
            parts += [np.ravel(grad) for grad in grads.values()]
        vectors[bug.id] = np.concatenate(parts)
    return vectors


@pytest.mark.parametrize("room", GROUPS)
def test_no_two_mistakes_give_the_same_gradients(room):
    """So that the wrong numbers name the mistake; those that change memory only may have the right ones."""
    vectors = fingerprints(room)
    ids = [bug.id for bug in catalogue.bugs(room) if bug.kind == "gradient"]
    for k, one in enumerate(ids):
        for other in ids[:k]:
            if len(vectors[one]) == len(vectors[other]):  # else a gradient of another shape tells them apart
                apart = np.max(np.abs(vectors[one] - vectors[other]))
                size = max(np.max(np.abs(vectors[one])), np.max(np.abs(vectors[other])))
                assert apart > 1e-6 * size, f"{one} and {other} give the same gradients"


def test_the_rooms_have_the_promised_number_of_mistakes():
    assert {room: len(catalogue.bugs(room)) >= least for room, least in LEAST.items()} == dict.fromkeys(LEAST, True)


def test_every_row_of_the_table_has_its_bugs():
    known = {bug.id for bug in BUGS}
    missing = {row: sorted(set(ids) - known) for row, ids in ROWS.items() if not ids or set(ids) - known}
    assert not missing
