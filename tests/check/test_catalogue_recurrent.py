"""Every known mistake of the recurrent rooms: the forward stays right, the check notices, no two look alike."""

import functools

import numpy as np
import pytest

from scratchnn import check
from scratchnn.check import catalogue
from scratchnn.check.catalogue import quick
from scratchnn.misconceptions import Bug, Edit

ROOMS = ("rnn", "lstm", "gru")
BUGS = [bug for room in ROOMS for bug in catalogue.bugs(room)]

# row of the table of mistakes -> the bugs that stand for it
ROWS = {
    "dh_next and dc_next never carried on": ("lstm-no-carry", "rnn-dh-next-dropped", "gru-dh-next-dropped"),
    "only one of the two carried": ("lstm-dh-next-not-carried", "lstm-dc-next-not-carried"),
    "dh = dh_next": ("rnn-dh-carried-only", "lstm-dh-carried-only", "gru-dh-carried-only"),
    "dh = dH_t alone": ("rnn-dh-upstream-only", "lstm-dh-upstream-only", "gru-dh-upstream-only"),
    "dc without dc_next": ("lstm-dc-next-dropped",),
    "dc_prev = dc": ("lstm-dc-prev-without-f",),
    "dc_prev uses f of the neighbouring step": ("lstm-dc-prev-neighbour-f", "lstm-f-index-off"),
    "gates take the h path only, before dc_next is added": ("lstm-gates-h-path-only", "lstm-di-h-path-only"),
    "dh_prev from one gate": ("lstm-dh-prev-one-gate", "gru-dh-prev-without-r", "gru-dh-prev-without-z-gate"),
    "loop runs forward": ("rnn-loop-forward", "lstm-loop-forward", "gru-loop-forward"),
    "c_t where c_prev belongs": ("lstm-c-t-for-c-prev",),
    "index -1 wraps at t = 0": ("lstm-c-prev-wraps", "lstm-h-prev-wraps", "rnn-h-prev-wraps", "gru-h-prev-wraps"),
    "dW_h with h_t": ("rnn-dW-h-with-h-t", "lstm-dW-h-with-h-t", "gru-dW-h-with-h-t"),
    "dc_prev computed from an already updated dh_prev": ("lstm-dc-prev-updated-dh",),
    "gradient given for the final h ignored": (
        "rnn-final-upstream-ignored", "lstm-final-upstream-ignored", "gru-final-upstream-ignored"),
    "gradient given for the final c ignored": ("lstm-final-c-ignored",),
    "dh0 / dc0 not returned": ("rnn-dh0-zero", "lstm-dh0-zero", "lstm-dc0-zero", "gru-dh0-zero"),
    "carry cut at every step": ("rnn-carry-cut", "lstm-carry-cut", "gru-carry-cut", "lstm-no-carry"),
    "sigma instead of sigma'": ("lstm-i-sigmoid-for-slope", "gru-r-sigmoid-for-slope", "rnn-tanh-for-slope"),
    "no derivative": ("lstm-o-slope-missing", "lstm-gate-slopes-missing", "gru-z-slope-missing", "rnn-slope-missing"),
    "slope applied to the activated value": (
        "lstm-f-slope-of-sigmoid-of-f", "lstm-g-slope-of-tanh-of-g", "gru-z-slope-of-sigmoid-of-z",
        "gru-n-slope-of-tanh-of-n", "rnn-slope-of-tanh-of-h"),
    "1 - c**2": ("lstm-slope-of-c",),
    "1 / (1 - h**2)": ("rnn-slope-inverted", "lstm-slope-inverted", "gru-z-slope-inverted"),
    "o missing in dc": ("lstm-o-missing",),
    "di and dg swapped": ("lstm-di-dg-swapped",),
    "blocks stacked in another order": ("lstm-blocks-f-first", "lstm-blocks-o-before-g", "gru-blocks-z-first"),
    "dW = instead of dW +=": ("rnn-dW-x-assigned", "rnn-dW-h-assigned", "lstm-dW-x-assigned", "gru-dW-h-assigned"),
    "db from one row": ("rnn-db-one-row", "lstm-db-one-row", "gru-db-one-row"),
    "db a mean over the batch": ("rnn-db-mean", "lstm-db-mean", "gru-db-mean"),
    "db of the last t": ("lstm-db-last-step", "rnn-db-assigned", "lstm-db-assigned", "gru-db-assigned"),
    "divided by T or B twice": ("rnn-dW-x-divided-by-T", "rnn-dW-h-divided-by-B", "lstm-dW-x-divided-by-T",
                                "lstm-dW-h-divided-by-B", "gru-dW-x-divided-by-T", "gru-dW-h-divided-by-B"),
    "W_h for its transpose": ("rnn-W-h-not-transposed", "lstm-W-h-not-transposed", "gru-W-hn-not-transposed"),
    "cache changed in place": ("rnn-cache-changed", "lstm-cache-changed", "gru-cache-changed", "gru-gate-changed"),
    "upstream changed in place": (
        "rnn-upstream-changed", "lstm-upstream-changed", "lstm-dc-last-changed", "gru-upstream-changed"),
    "a view cached": ("rnn-x-buffer-reused", "lstm-gates-share-a-buffer", "lstm-f-buffer-reused",
                      "gru-gates-share-a-buffer", "gru-z-buffer-reused"),
    "clipped elementwise inside backward": (
        "rnn-dW-h-clipped", "lstm-dW-h-clipped", "lstm-da-clipped", "gru-dW-h-clipped", "gru-da-clipped"),
    "dh*z missing in dh_prev": ("gru-dh-z-missing",),
    "dz sign": ("gru-dz-sign",),
    "dz = dh*h": ("gru-dz-with-h",),
    "dr from h": ("gru-dr-from-h", "gru-dr-without-bias"),
    "r missing on the recurrent path": ("gru-r-missing", "gru-r-missing-in-dh-prev", "gru-r-missing-in-dW-h"),
    "the other convention of z": ("gru-other-z", "gru-dn-with-z", "gru-dh-one-minus-z", "gru-z-cached-as-its-rest"),
    "the other place of the reset": ("gru-reset-before-product", "gru-db-hn-outside"),
    "masks ignored": ("rnn-carry-not-held", "rnn-padding-acts", "lstm-carry-not-held", "lstm-dc-carry-not-held",
                      "lstm-mask-forgotten", "gru-carry-not-held", "gru-mask-forgotten"),
}  # fmt: skip

# the same wrong numbers by different lines: no gradient can tell them apart
ALIKE = {frozenset({"gru-dr-from-dm", "gru-m-cached-after-reset"})}


def subjects(room):
    return [subject for subject in check.every_subject() if subject.group == room]


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("room", ROOMS)
def test_the_quick_judge_passes_the_reference(room, seed):
    assert all(quick.judge_backward(subject, "reference", seed).passed for subject in subjects(room))


@functools.cache
def verdicts_on(name):
    """Give the verdict of every subject of the room, seed 0."""
    bug = catalogue.bug(name)
    module = catalogue.plant(bug)
    return {s.name: quick.judge_backward(s, module, 0) for s in subjects(catalogue.room_of(bug))}


def expect_caught(bug, verdict):
    """Mistakes of memory are noticed as such, all others by their numbers; nobody is caught by a crash."""
    assert not verdict.crashed
    if bug.kind == "memory":
        assert any("in place" in sentence for sentence in verdict.failures)
    else:
        assert verdict.wrong
        assert not verdict.failures


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.id)
def test_a_known_mistake_is_caught_on_two_seeds_and_its_forward_is_right(bug):
    """``judge_backward`` refuses a forward whose outputs are not the reference's, bit for bit."""
    verdicts = verdicts_on(bug.id)
    catching = [subject for subject in subjects(catalogue.room_of(bug)) if not verdicts[subject.name].passed]
    assert catching
    for subject in catching:
        expect_caught(bug, verdicts[subject.name])
    expect_caught(bug, quick.judge_backward(catching[0], catalogue.plant(bug), 1))


SAMPLE = (
    "rnn-relu-slope-missing",
    "rnn-padding-acts",
    "rnn-upstream-changed",
    "lstm-slope-of-tanh-of-s",
    "lstm-cache-changed",
    "gru-dh-prev-without-r",
    "gru-db-hn-zero",
)  # the subtlest of each room, one of padding, some of memory


@pytest.mark.parametrize("name", SAMPLE)
def test_the_ordinary_check_says_what_the_quick_judge_says(name):
    bug = catalogue.bug(name)
    verdicts = verdicts_on(name)
    subject = next(subject for subject in subjects(catalogue.room_of(bug)) if not verdicts[subject.name].passed)
    report, verdict = check.judge(subject, 0, catalogue.plant(bug)), verdicts[subject.name]
    assert tuple(row.name for row in report.rows if not row.passed) == verdict.wrong
    assert report.failures == verdict.failures
    assert report.oracles == ("differences", "complex step")
    assert not report.passed


def fingerprint(name):
    """Give the gradients of all subjects as one vector."""
    grads = [grad for verdict in verdicts_on(name).values() for grad in verdict.grads.values()]
    return np.concatenate([grad.ravel() for grad in grads])


@pytest.mark.parametrize("room", ROOMS)
def test_no_two_mistakes_give_the_same_gradients(room):
    """So that the wrong numbers name the mistake; those that change memory only may have the right ones."""
    ids = [bug.id for bug in catalogue.bugs(room) if bug.kind == "gradient"]
    vectors = {name: fingerprint(name) for name in ids}
    alike = set()
    for k, one in enumerate(ids):
        for other in ids[:k]:
            size = max(np.max(np.abs(vectors[one])), np.max(np.abs(vectors[other])))
            if np.max(np.abs(vectors[one] - vectors[other])) < 1e-6 * size:
                alike.add(frozenset({one, other}))
    assert alike == {pair for pair in ALIKE if pair <= set(ids)}


def test_every_row_of_the_table_has_its_bugs():
    known = {bug.id for bug in BUGS}
    missing = {row: sorted(set(ids) - known) for row, ids in ROWS.items() if not ids or set(ids) - known}
    assert not missing


def test_the_quick_judge_refuses_another_forward():
    wrong = Bug(
        "gru-other-forward", "", "M1", (Edit("step", "n = np.tanh(a_n + r * m)", "n = np.tanh(a_n + m)"),), "?"
    )
    with pytest.raises(ValueError, match=r"output h of gru\.plain is not what the reference gives"):
        quick.judge_backward(subjects("gru")[0], catalogue.plant(wrong))
