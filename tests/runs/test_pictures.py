"""Which examples are shown."""

import numpy as np

from scratchnn.runs.pictures import chosen


def test_every_class_then_some_wrong_ones_without_repeats():
    targets = np.repeat(np.arange(5), 20)
    told = targets.copy()
    told[::10] = (told[::10] + 1) % 5
    picked = chosen(targets, told, 12)
    assert len(picked) == len(set(picked)) == 12
    wrong = [k for k in picked if targets[k] != told[k]]
    assert len(wrong) == 3
    assert {int(targets[k]) for k in picked[:5]} == set(range(5))
    assert picked == chosen(targets, told, 12)


def test_fewer_examples_than_wanted():
    assert sorted(chosen(np.array([0, 1]), np.array([0, 1]), 12)) == [0, 1]
    assert chosen(np.array([0, 1]), np.array([1, 0]), 12)
