"""Metrics: by hand, absent classes, beside scikit-learn."""

import json

import numpy as np
import pytest

from scratchnn.training import accuracy, classification_report, confusion_matrix

TARGETS = np.array([0, 0, 0, 1, 1, 2])
PREDICTIONS = np.array([0, 0, 1, 1, 0, 1])


def test_accuracy_by_hand():
    assert accuracy(TARGETS, PREDICTIONS) == 0.5
    assert accuracy(np.array([[1, 2], [3, 4]]), np.array([[1, 2], [3, 5]])) == 0.75
    assert accuracy(np.zeros(0, int), np.zeros(0, int)) == 0.0


def test_confusion_by_hand():
    """Rows are the truth."""
    matrix = confusion_matrix(TARGETS, PREDICTIONS, 4)
    assert matrix.tolist() == [[2, 1, 0, 0], [1, 1, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]]
    assert matrix.dtype == np.int64
    assert confusion_matrix(np.zeros(0, int), np.zeros(0, int), 2).tolist() == [[0, 0], [0, 0]]


def test_report_by_hand():
    """Class 2 is never predicted, class 3 occurs nowhere: zeros, and 3 does not count in the macro averages."""
    report = classification_report(TARGETS, PREDICTIONS, 4)
    assert report["classes"][0] == pytest.approx({"precision": 2 / 3, "recall": 2 / 3, "f1": 2 / 3, "support": 3})
    assert report["classes"][1] == pytest.approx({"precision": 1 / 3, "recall": 1 / 2, "f1": 2 / 5, "support": 2})
    assert report["classes"][2] == {"precision": 0, "recall": 0, "f1": 0, "support": 1}
    assert report["classes"][3] == {"precision": 0, "recall": 0, "f1": 0, "support": 0}
    assert report["macro"] == pytest.approx({"precision": 1 / 3, "recall": 7 / 18, "f1": 16 / 45})
    assert report["accuracy"] == 0.5
    assert report["support"] == 6


def test_a_class_that_is_only_predicted_counts_in_the_macro_average():
    report = classification_report(np.array([0, 0]), np.array([0, 1]), 3)
    assert report["macro"] == pytest.approx({"precision": 0.5, "recall": 0.25, "f1": 1 / 3})


def test_no_targets_at_all_give_zeros():
    report = classification_report(np.zeros(0, int), np.zeros(0, int), 2)
    assert report["macro"] == {"precision": 0.0, "recall": 0.0, "f1": 0.0}
    assert report["accuracy"] == 0.0
    assert report["support"] == 0


def test_the_report_can_be_written_as_json():
    report = classification_report(TARGETS, PREDICTIONS, 4)
    assert json.loads(json.dumps(report)) == report


def test_beside_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed: nothing to compare with")
    rng = np.random.default_rng(0)
    targets = rng.integers(7, size=200)
    predictions = np.where(rng.random(200) < 0.6, targets, rng.integers(6, size=200))
    predictions[predictions == 3] = 2  # never predicted
    targets[targets == 5] = 4  # only predicted
    report = classification_report(targets, predictions, 9)
    assert (
        confusion_matrix(targets, predictions, 9) == metrics.confusion_matrix(targets, predictions, labels=range(9))
    ).all()
    columns = metrics.precision_recall_fscore_support(targets, predictions, labels=range(9), zero_division=0)
    for name, column in zip(("precision", "recall", "f1", "support"), columns, strict=True):
        assert [row[name] for row in report["classes"]] == pytest.approx(list(column), abs=1e-15)
    macro = metrics.precision_recall_fscore_support(targets, predictions, average="macro", zero_division=0)
    assert list(report["macro"].values()) == pytest.approx(macro[:3], abs=1e-15)
    assert report["accuracy"] == pytest.approx(metrics.accuracy_score(targets, predictions), abs=1e-15)


@pytest.mark.parametrize(
    ("targets", "predictions", "sentence"),
    [
        ([0, 1], [0], "confusion_matrix: predictions have shape"),
        ([0, 2], [0, 1], "confusion_matrix: targets holds class 2, expected 0 to 1"),
        ([0, 1], [0, -1], "confusion_matrix: predictions holds class -1, expected 0 to 1"),
        ([0.0, 1.0], [0, 1], "confusion_matrix: targets have dtype float64, expected integers"),
    ],
)
def test_wrong_arguments_get_one_sentence(targets, predictions, sentence):
    with pytest.raises(ValueError, match=sentence):
        confusion_matrix(np.array(targets), np.array(predictions), 2)
