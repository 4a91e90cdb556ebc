"""Disturbed batches: what may change, what may not, and that the Generator decides."""

import numpy as np
import pytest

from scratchnn.data import DataError, NoisyBatches
from scratchnn.data.vocabulary import UNKNOWN

INPUTS = [np.arange(2, 2 + n) for n in (3, 6, 12, 20) for _ in range(50)]
TARGETS = np.arange(200) % 3


def sequences(batches, rng):
    found = {}
    for batch in batches(rng):
        for row, k in enumerate(batch.index):
            found[int(k)] = batch.inputs[row, : batch.lengths[row]]
            assert batch.targets[row] == TARGETS[k]
    return [found[k] for k in range(len(INPUTS))]


def test_ends_stay_and_the_order_stays():
    noisy = NoisyBatches(INPUTS, TARGETS, 16, replace=0.3, remove=0.3)
    for before, after in zip(INPUTS, sequences(noisy, np.random.default_rng(0)), strict=True):
        assert (after[0], after[-1]) == (before[0], before[-1])
        left = after[after != UNKNOWN]
        assert set(left) <= set(before)
        assert (np.diff(left) > 0).all()
        if len(before) <= 4:
            assert len(after) == len(before)


def test_shares_are_as_asked():
    noisy = NoisyBatches(INPUTS, TARGETS, 16, replace=0.2, remove=0.1)
    inner = replaced = removed = 0
    rng = np.random.default_rng(0)
    for _ in range(20):
        for before, after in zip(INPUTS, sequences(noisy, rng), strict=True):
            if len(before) > 4:
                inner += len(before) - 2
                removed += len(before) - len(after)
                replaced += int((after == UNKNOWN).sum())
    # 32,000 draws: the deviation of a share is below 0.0023; five of them
    assert abs(removed / inner - 0.1) < 0.012
    assert abs(replaced / inner - 0.2) < 0.012


def test_the_generator_decides():
    noisy = NoisyBatches(INPUTS, TARGETS, 16, replace=0.3, remove=0.2)
    one, two, other = (sequences(noisy, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_without_a_generator_nothing_is_disturbed():
    noisy = NoisyBatches(INPUTS, TARGETS, 16, replace=0.5, remove=0.5)
    assert all(np.array_equal(a, b) for a, b in zip(INPUTS, sequences(noisy, None), strict=True))
    assert len(noisy) == 13


def test_the_inputs_are_untouched():
    kept = [x.copy() for x in INPUTS]
    list(NoisyBatches(INPUTS, TARGETS, 16, replace=0.5, remove=0.2)(np.random.default_rng(0)))
    assert all(np.array_equal(a, b) for a, b in zip(INPUTS, kept, strict=True))


def test_what_it_refuses():
    with pytest.raises(DataError, match=r"replace is 1\.0"):
        NoisyBatches(INPUTS, TARGETS, 16, replace=1.0)
    with pytest.raises(DataError, match=r"remove is -0\.1"):
        NoisyBatches(INPUTS, TARGETS, 16, remove=-0.1)
    with pytest.raises(DataError, match="expected ids"):
        NoisyBatches([np.zeros((3, 2), np.float32)], np.zeros(1, int), 1, replace=0.1)
