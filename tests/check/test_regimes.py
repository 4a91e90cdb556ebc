"""The weak ways to check gradients: right code passes all of them, and each is weak where it is said to be."""

import numpy as np
import pytest

from scratchnn import ops
from scratchnn.check import catalogue
from scratchnn.check.catalogue import forms, regimes, verdicts
from scratchnn.errors import InputError
from scratchnn.misconceptions import Bug, Edit

FORMS = {form.name: form for form in forms.FORMS}
BY_NAME = {regime.name: regime for regime in regimes.REGIMES}


def reference(form):
    return ops.backend(getattr(ops, form.op), "reference")


@pytest.mark.parametrize("regime", regimes.REGIMES, ids=lambda regime: regime.name)
def test_right_code_passes(regime):
    """So that a bug which is caught is caught for being wrong."""
    for form in FORMS.values():
        if regime.ops is None or form.op in regime.ops:
            assert regimes.accepts(regime, regimes.make_case(form, regime, 0), reference(form)), form.name


@pytest.mark.parametrize("form", forms.FORMS, ids=lambda form: form.name)
def test_the_right_gradient_goes_downhill(form):
    assert verdicts.loss_went_down(regimes.make_case(form, BY_NAME["loss went down"]), reference(form))


def test_every_room_with_bugs_has_forms_and_every_input_a_gradient():
    assert {form.op for form in FORMS.values()} == {catalogue.room_of(bug) for bug in catalogue.bugs()}
    for form in FORMS.values():
        case = regimes.make_case(form, BY_NAME["ours"])
        floats = [name for name, array in case.inputs.items() if getattr(array, "dtype", np.dtype(int)).kind == "f"]
        assert list(case.truth) == floats
        assert all(np.any(truth != 0) for truth in case.truth.values()), form.name


def test_the_complex_step_is_held_against_differences():
    """The truth of the regimes is the derivative: a central difference of the projected loss along a random line."""
    rng = np.random.default_rng(0)
    for name in ("lstm.plain", "gru.plain", "attention.additive.causal", "cross_entropy.weighted", "softmax.plain"):
        form, case = FORMS[name], regimes.make_case(FORMS[name], BY_NAME["ours"])
        lines = {key: rng.normal(size=truth.shape) for key, truth in case.truth.items()}

        def loss(step, form=form, case=case, lines=lines):
            moved = case.inputs | {key: case.inputs[key] + step * line for key, line in lines.items()}
            outputs, _ = form.forward(reference(form), moved)
            return sum(np.sum(outputs[key] * upstream) for key, upstream in case.upstream.items())

        h = 1e-5  # truncation h**2 f'''/6 and rounding eps/h times the loss: both about 1e-10
        slope = (loss(h) - loss(-h)) / (2 * h)
        assert slope == pytest.approx(sum(np.sum(case.truth[key] * line) for key, line in lines.items()), rel=1e-7)


def test_ours_catches_everything():
    found = regimes.who_is_caught(regimes=[BY_NAME["ours"]])
    assert found.bugs == catalogue.bugs()
    assert len(found.bugs) >= 150
    assert found.escaped("ours") == ()


def test_ours_catches_everything_on_another_seed():
    assert regimes.who_is_caught(catalogue.bugs()[::4], [BY_NAME["ours"]], seed=1).escaped("ours") == ()


# the names of some that must escape, each for the reason that the regime gives
MUST_ESCAPE = {
    "T = 1": {"lstm-dh-upstream-only", "lstm-loop-forward", "lstm-dW-h-assigned", "rnn-dh-upstream-only"},
    "B = 1": {"lstm-db-one-row", "lstm-db-mean", "attention-additive-dW_k-one-sequence"},
    "H = D = 1": {"lstm-W-h-not-transposed", "linear-dx-reshaped", "attention-general-W_a-reshaped"},
    "S = 1": {"attention-softmax-elementwise", "attention-weights-constant", "attention-additive-slope-dropped"},
    "summed loss": {"lstm-upstream-reversed", "softmax-undone-twice", "cross-entropy-upstream-ignored"},
    "last state only": {"lstm-final-c-ignored", "lstm-last-upstream-only", "gru-last-upstream-only"},
    "zero states": {"lstm-dW-h-first-step-zero", "lstm-df-first-step-zero"},
    "tiny weights, 1e-2": {"lstm-slope-missing", "lstm-slope-of-c", "attention-additive-slope-twice"},
    "mean loss, 1e-2": {"lstm-upstream-reversed", "cross-entropy-smoothing-forgotten"},
    "called once": {"attention-alpha-overwritten", "lstm-upstream-changed", "softmax-p-overwritten"},
    "direction": {"cross-entropy-divided-twice", "cross-entropy-never-divided"},
    "loss went down": {"lstm-dc-next-dropped", "gru-dh-z-missing", "attention-softmax-elementwise"},
    "not zero": {"lstm-dc-next-dropped", "linear-dW-mean", "softmax-sum-dropped"},
    "shapes agree": {"lstm-dc-next-dropped", "linear-dW-reshaped", "softmax-sum-dropped"},
}


@pytest.mark.parametrize("regime", MUST_ESCAPE)
def test_a_weak_regime_lets_through_what_it_cannot_see(regime):
    named = [catalogue.bug(name) for name in MUST_ESCAPE[regime]]
    assert set(regimes.who_is_caught(named, [BY_NAME[regime]]).escaped(regime)) == set(named)


def test_what_training_a_little_shows_is_less_than_half():
    some = catalogue.bugs()[::9]
    assert len(regimes.who_is_caught(some, [BY_NAME["loss went down"]]).escaped("loss went down")) > len(some) / 2


def test_a_regime_that_makes_no_sense_for_an_op_has_no_answer():
    answers = regimes.who_is_caught(catalogue.bugs("softmax"), [BY_NAME["T = 1"], BY_NAME["S = 1"]])
    assert {answer for row in answers.caught for answer in row} == {None}
    assert answers.escaped("S = 1") == ()


def test_a_crash_is_noticed_by_every_regime_and_stops_nothing():
    crash = Bug("linear-made-up", "raises", "M7", (Edit("backward", "dx = dy @ W.T", "dx = dy @ W"),), "Is it?")
    weak = [BY_NAME[name] for name in ("ours", "one entry", "loss went down", "not zero", "shapes agree")]
    assert set(regimes.who_is_caught([crash], weak).caught[0]) == {True}


def test_right_code_written_otherwise_escapes_every_regime():
    """The table can say no: what is no mistake must not be caught."""
    edit = Edit("backward", "dW = x_rows.T @ dy_rows", 'dW = np.einsum("rd,rn->dn", x_rows, dy_rows)')
    same = Bug("linear-made-up", "einsum", "M7", (edit,), "Is it?")
    answers = regimes.who_is_caught([same]).caught[0]
    assert set(answers) == {False, None}


@pytest.mark.parametrize("name", ["lstm.plain", "attention.additive.masked", "cross_entropy.mean"])
def test_the_verdicts_refuse_what_they_say_they_refuse(name):
    case = regimes.make_case(FORMS[name], BY_NAME["ours"])
    right = verdicts.copied(case.truth)
    first = next(iter(right))
    rounded = right | {first: right[first] * (1 + 1e-12)}
    off = right | {first: right[first] * (1 + 1e-9)}
    assert verdicts.exact(case, rounded)
    assert not verdicts.exact(case, off)
    assert verdicts.within_thousandth(case, off)
    tenth = {key: array + 0.1 for key, array in right.items()}
    assert not verdicts.within_hundredth(case, {key: array * 1.5 + 0.1 for key, array in right.items()})
    assert not verdicts.one_entry(case, tenth)
    assert verdicts.direction(case, {key: 3 * array for key, array in right.items()})
    assert not verdicts.direction(case, {key: -array for key, array in right.items()})
    assert not verdicts.not_zero(case, right | {first: 0 * right[first]})
    assert not verdicts.not_zero(case, right | {first: right[first] + np.nan})
    assert not verdicts.shapes_agree(case, right | {first: right[first][None]})
    assert not verdicts.exact(case, right | {first: right[first] + np.nan})


def test_regimes_are_found_by_name():
    assert regimes.regime("T = 1").sizes == (("T", 1),)
    with pytest.raises(InputError, match="nothing is called 'T = 2', expected one of ours, T = 1"):
        regimes.regime("T = 2")
