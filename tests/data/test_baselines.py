"""The baselines on the cards are what the documented methods give on the fixed split."""

import sys

import numpy as np
import pytest

from scratchnn import data
from scratchnn.data import baselines


def texts(labels, words):
    split = {"train": np.array([0, 1, 2]), "valid": np.array([3]), "test": np.array([4, 5])}
    return data.Dataset("mine", "text", "words", words, np.array(labels), ("a", "b"), split)


def test_majority_by_hand():
    assert baselines.majority(np.array([2, 0, 2, 1])) == 2
    assert baselines.majority(np.array([1, 0, 0, 1])) == 0


def test_majority_baseline_learns_from_training_and_validation_only():
    """Classes b a a | b: two each, so the first; the test part b a has one of it."""
    found = baselines.majority_baseline(texts([1, 0, 0, 1, 1, 0], ["x"] * 6))
    assert (found.accuracy, found.how) == (0.5, 'always "a"')
    found = baselines.majority_baseline(texts([1, 0, 1, 1, 0, 0], ["x"] * 6))
    assert (found.accuracy, found.how) == (0.0, 'always "b"')


@pytest.mark.parametrize("name", data.CARDS)
def test_the_cards_majority_is_measured(name):
    assert baselines.majority_baseline(data.load(name)) == data.CARDS[name].baselines[0]


# By how many test examples a fit may differ from the card. Logistic regression stops when the gradient is small, not
# at the optimum: with tolerances of 1e-4 (the card's), 1e-5 and 1e-6 it was right on 1820, 1816, 1817 of 2,450
# surnames, 597, 600, 599 of 787 texts, 324, 325, 325 of 360 digits, and on the same 358 and 367 of 370 vowels. So the
# score at 1e-4 is known to 4, 3, 1 and 0 examples; where in that range a fit stops depends on the rounding of sums.
SLACK = {"surnames": 4, "sentiment": 3, "digits": 1, "vowels": 0}


@pytest.mark.slow
@pytest.mark.parametrize("name", data.CARDS)
def test_the_cards_baselines_are_measured_again(name):
    pytest.importorskip("sklearn", reason="scikit-learn is not installed: baselines cannot be measured")
    dataset, card = data.load(name), data.CARDS[name]
    found = baselines.measure(dataset)
    assert [(b.method, b.how) for b in found] == [(b.method, b.how) for b in card.baselines]
    count = len(dataset.split["test"])
    for measured, written in zip(found, card.baselines, strict=True):
        assert abs(round(measured.accuracy * count) - round(written.accuracy * count)) <= SLACK[name]


def test_ngrams_by_hand():
    """Words seen twice with one class each decide two unseen texts."""
    pytest.importorskip("sklearn", reason="scikit-learn is not installed: baselines cannot be measured")
    found = baselines.ngram_baseline(texts([0, 0, 1, 1, 0, 1], ["good", "good", "bad", "bad", "good !", "bad !"]))
    assert found.accuracy == 1.0


def test_no_shared_word_is_one_sentence():
    pytest.importorskip("sklearn", reason="scikit-learn is not installed: baselines cannot be measured")
    with pytest.raises(data.DataError, match="no word stands in two texts of mine"):
        baselines.ngram_baseline(texts([0, 0, 1, 1, 0, 1], list("abcdef")))


def test_series_features_are_refused_by_name():
    pytest.importorskip("sklearn", reason="scikit-learn is not installed: baselines cannot be measured")
    with pytest.raises(data.DataError, match="features is 'sums', expected"):
        baselines.series_baseline(data.load("vowels"), "sums")
    with pytest.raises(data.DataError, match="lengths differ, expected one length"):
        baselines.svm_baseline(data.load("vowels"))


def test_without_scikit_learn_one_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    dataset = data.load("vowels")
    assert baselines.majority_baseline(dataset).accuracy == 31 / 370
    with pytest.raises(data.DataError, match=r'scikit-learn is not installed, .* "scratchnn\[baselines\]"'):
        baselines.measure(dataset)
