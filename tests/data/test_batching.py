"""Batches: every sequence once, in an order that only the generator decides, padded with zeros."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scratchnn import data
from scratchnn.data import Batches


def ragged(lengths, D=None, seed=0):
    rng = np.random.default_rng(seed)
    if D is None:
        return [rng.integers(2, 9, size=T) for T in lengths]
    return [rng.normal(size=(T, D)).astype(np.float32) for T in lengths]


def test_padding_by_hand():
    (batch,) = Batches([np.array([5, 6, 7]), np.array([8])], [1, 0], 2, bucketed=False)()
    assert batch.inputs.tolist() == [[5, 6, 7], [8, 0, 0]]
    assert batch.lengths.tolist() == [3, 1]
    assert batch.targets.tolist() == [1, 0]
    assert batch.index.tolist() == [0, 1]
    assert {array.dtype for array in batch} == {np.dtype(np.int64)}


def test_series_are_padded_with_zero_rows():
    inputs = ragged([2, 4], D=3)
    (batch,) = Batches(inputs, [0, 1], 2, bucketed=False)()
    assert batch.inputs.shape == (2, 4, 3)
    assert batch.inputs.dtype == np.float32
    assert (batch.inputs[0, :2] == inputs[0]).all()
    assert (batch.inputs[0, 2:] == 0).all()
    assert (batch.inputs[1] == inputs[1]).all()


@settings(deadline=None)
@given(
    lengths=st.lists(st.integers(1, 9), min_size=1, max_size=60),
    batch_size=st.integers(1, 70),
    bucketed=st.booleans(),
    shuffled=st.booleans(),
    D=st.sampled_from([None, 1, 3]),
)
def test_every_sequence_comes_exactly_once_and_unharmed(lengths, batch_size, bucketed, shuffled, D):
    inputs = ragged(lengths, D)
    targets = np.arange(len(lengths))
    batches = Batches(inputs, targets, batch_size, bucketed=bucketed)
    found = list(batches(np.random.default_rng(3) if shuffled else None))
    assert len(found) == len(batches)
    assert sorted(np.concatenate([batch.index for batch in found])) == list(range(len(lengths)))
    sizes = sorted(len(batch.index) for batch in found)
    assert sizes[1:] == [batch_size] * (len(found) - 1)
    for batch in found:
        assert batch.inputs.shape[1] == batch.lengths.max()
        for row, k in enumerate(batch.index):
            T = batch.lengths[row]
            assert len(inputs[k]) == T
            assert (batch.inputs[row, :T] == inputs[k]).all()
            assert (batch.inputs[row, T:] == 0).all()
            assert batch.targets[row] == targets[k]


def order(batches, rng=None):
    return [batch.index.tolist() for batch in batches(rng)]


def test_only_the_generator_decides_the_order():
    batches = Batches(ragged(np.arange(1, 60)), np.zeros(59), 4)
    assert order(batches, np.random.default_rng(1)) == order(batches, np.random.default_rng(1))
    assert order(batches, np.random.default_rng(1)) != order(batches, np.random.default_rng(2))
    rng = np.random.default_rng(1)
    assert order(batches, rng) != order(batches, rng)


def test_the_draw_is_made_when_the_pass_begins():
    batches = Batches(ragged([1] * 20), np.zeros(20), 4)
    rng = np.random.default_rng(1)
    started = batches(rng)
    rng.normal(size=7)
    assert [batch.index.tolist() for batch in started] == order(batches, np.random.default_rng(1))


def test_without_a_generator_the_order_is_fixed():
    lengths = [3, 1, 2, 1, 3]
    assert order(Batches(ragged(lengths), np.zeros(5), 2, bucketed=False)) == [[0, 1], [2, 3], [4]]
    assert order(Batches(ragged(lengths), np.zeros(5), 2)) == [[1, 3], [2, 0], [4]]
    batches = Batches(ragged(lengths), np.zeros(5), 2)
    assert order(batches) == order(batches)


def test_equal_lengths_stay_in_the_order_given():
    batches = Batches(ragged([2, 1] * 100), np.zeros(200), 200)
    assert order(batches) == [[*range(1, 200, 2), *range(0, 200, 2)]]


def test_batches_are_shuffled_not_sorted_by_length():
    batches = Batches(ragged(np.repeat(np.arange(1, 21), 10)), np.zeros(200), 10)
    longest = [batch.inputs.shape[1] for batch in batches(np.random.default_rng(0))]
    assert sorted(longest) == list(range(1, 21))
    assert longest != sorted(longest)


@pytest.mark.parametrize("name", ["surnames", "sentiment"])
def test_little_is_padding(name):
    """Sequences of like length together: padding is under 5 % where a plain shuffle pads over 25 %."""
    dataset = data.load(name)
    inputs, targets = dataset.part("train")
    vocabulary = data.Vocabulary.from_texts(inputs, dataset.unit)
    ids = [vocabulary.encode(text) for text in inputs]

    def padding(bucketed):
        found = list(Batches(ids, targets, 32, bucketed=bucketed)(np.random.default_rng(0)))
        return 1 - sum(batch.lengths.sum() for batch in found) / sum(batch.inputs.size for batch in found)

    assert padding(bucketed=True) < 0.05
    assert padding(bucketed=False) > 0.25


def test_inputs_are_left_alone():
    inputs = ragged([2, 3], D=2)
    before = [x.copy() for x in inputs]
    (batch,) = Batches(inputs, [0, 1], 2)()
    batch.inputs[:] = 7
    assert all((x == y).all() for x, y in zip(inputs, before, strict=True))


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Batches([], [], 2), "holds no sequences"),
        (lambda: Batches(ragged([2, 3]), [0], 2), "1 targets for 2 inputs"),
        (lambda: Batches(ragged([2]), [0], 0), "batch_size is 0, expected a whole number of at least 1"),
        (lambda: Batches(ragged([2]), [0], -3), "batch_size is -3"),
        (lambda: Batches(ragged([2]), [0], 2.0), "batch_size is 2.0"),
        (lambda: Batches(ragged([2]), [0], True), "batch_size is True"),
        (lambda: Batches(ragged([2, 0]), [0, 0], 2), r"inputs\[1\] has no steps"),
        (lambda: Batches(["text"], [0], 2), r"inputs\[0\] has shape \(\)"),
        (lambda: Batches([*ragged([2], D=3), *ragged([2], D=4)], [0, 0], 2), r"inputs\[1\] has shape \(2, 4\)"),
        (lambda: Batches([*ragged([2]), *ragged([2], D=4)], [0, 0], 2), r"expected \(T,\) integers"),
    ],
)
def test_refusals(make, sentence):
    with pytest.raises(data.DataError, match=sentence):
        make()
