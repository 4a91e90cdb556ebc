"""Everything that the library can prove about itself, by both oracles."""

import functools

import numpy as np
import pytest

from scratchnn import check

SUBJECTS = {subject.name: subject for subject in check.every_subject()}
GROUPS = (
    "activations",
    "softmax",
    "log_softmax",
    "cross_entropy",
    "linear",
    "embedding",
    "dropout",
    "rnn",
    "lstm",
    "gru",
    "attention",
    "layers",
    "model",
)


@functools.cache
def report_on(name):
    return check.judge(SUBJECTS[name], seed=0)


@pytest.mark.parametrize("name", SUBJECTS)
def test_gradients_are_proved_by_both_oracles(name):
    report = report_on(name)
    assert report.passed, str(report)
    assert report.oracles == ("differences", "complex step")
    assert not report.notes
    assert report.worst <= 1e-10
    assert max(row.bound_difference for row in report.rows) < 1e-6


@pytest.mark.parametrize("name", [name for name in SUBJECTS if name.startswith(("rnn", "lstm", "gru"))])
def test_recurrent_subjects_are_not_weak(name):
    """Weak checks hide mistakes: T=1, B=1, equal sizes, zero initial states, tiny weights."""
    inputs = SUBJECTS[name].make(np.random.default_rng(0)).inputs
    T, B, D = inputs["x"].shape
    H = inputs["h0"].shape[1]
    assert T >= 3
    assert B >= 2
    assert len({T, B, D, H}) == 4
    for key, array in inputs.items():
        assert array.dtype == np.float64
        assert 0.2 < np.sqrt(np.mean(array[np.isfinite(array)] ** 2)) < 2, key


@pytest.mark.parametrize("name", SUBJECTS)
def test_no_float_input_of_a_subject_is_idle(name):
    """An array without any gradient would pass with a gradient of zeros."""
    inputs = SUBJECTS[name].make(np.random.default_rng(0)).inputs
    rows = report_on(name).rows
    assert [row.name for row in rows] == [key for key, array in inputs.items() if array.dtype.kind == "f"]
    overall = max(row.largest for row in rows)
    assert all(row.largest > 1e-4 * overall for row in rows)


def test_ragged_subjects_hold_rubbish_in_their_padding():
    x = SUBJECTS["lstm.masked"].make(np.random.default_rng(0)).inputs["x"]
    assert np.isnan(x).any()
    assert np.isinf(x).any()


def test_masked_subjects_have_a_gap_and_padding_at_the_end():
    """A state must be held in the middle, and handed on; NaN in x shows where the padding is."""
    for name in ("rnn.masked", "lstm.masked", "gru.masked"):
        real = np.isfinite(SUBJECTS[name].make(np.random.default_rng(0)).inputs["x"]).all(axis=2)
        assert any(row[0] and not row[1] and row[2] for row in real.T)
        assert any(not row[-1] for row in real.T)


@pytest.mark.parametrize("name", SUBJECTS)
def test_a_subject_hands_its_backend_on(name):
    with pytest.raises(ValueError, match="no backend 'abacus', this op has reference"):
        SUBJECTS[name].make(np.random.default_rng(0), "abacus")


def test_the_layout_of_a_subject_names_every_axis_of_its_arrays():
    for subject in SUBJECTS.values():
        for key, array in subject.make(np.random.default_rng(0)).inputs.items():
            axes = subject.layout.axes_of(key, array.shape)
            assert not any(axis.startswith("axis ") for axis in axes), f"{subject.name}: {key} has axes {axes}"


def test_names_are_grouped():
    names = check.names()
    assert tuple(names) == (*GROUPS, "all")
    assert set(names["lstm"]) == {"lstm.plain", "lstm.masked"}
    assert names["all"] == tuple(SUBJECTS)
    assert len(set(names["all"])) == len(names["all"])
    assert all(subject.title for subject in SUBJECTS.values())


def test_run_takes_a_group_or_a_subject():
    assert [report.name for report in check.run("activations")] == list(check.names()["activations"])
    assert [report.name for report in check.run("rnn.relu", seed=3)] == ["rnn.relu"]
    assert check.run("linear", seed=3)[0].seed == 3
    with pytest.raises(ValueError, match=r"nothing is called 'lsmt', expected one of activations, .*, all"):
        check.run("lsmt")


def test_the_same_seed_gives_the_same_report():
    assert check.run("attention.article", seed=4)[0].as_dict() == check.run("attention.article", seed=4)[0].as_dict()
