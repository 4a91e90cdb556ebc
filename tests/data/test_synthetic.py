"""The article's random data and its twin that can be learned."""

import numpy as np
import pytest

from scratchnn.data import article, marked_step


@pytest.mark.parametrize("make", [article, marked_step])
def test_shapes_are_the_articles(make):
    dataset = make(np.random.default_rng(0))
    assert len(dataset.inputs) == len(dataset.targets) == 110
    assert {(x.shape, x.dtype) for x in dataset.inputs} == {((10, 10), np.dtype(np.float32))}
    assert {part: len(rows) for part, rows in dataset.split.items()} == {"train": 100, "valid": 0, "test": 10}
    assert set(dataset.targets.tolist()) == {0, 1}
    assert dataset.targets.dtype == np.int64


@pytest.mark.parametrize("make", [article, marked_step])
def test_the_generator_decides_everything(make):
    first, again, other = (make(np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert (np.stack(first.inputs) == np.stack(again.inputs)).all()
    assert (first.targets == again.targets).all()
    assert (np.stack(first.inputs) != np.stack(other.inputs)).any()


def by_the_mark(dataset):
    """Answer by the step whose features have the sum farthest from 0."""
    sums = np.stack(dataset.inputs).sum(axis=2)
    farthest = np.take_along_axis(sums, np.abs(sums).argmax(axis=1)[:, None], axis=1)[:, 0]
    return (farthest > 0) == dataset.targets


def test_the_articles_labels_know_nothing_of_the_sequences():
    """20,000 fair coins: the share of hits has deviation 0.0035; five of them are allowed."""
    dataset = article(np.random.default_rng(3), train=19000, test=1000)
    assert abs(by_the_mark(dataset).mean() - 0.5) < 0.018
    values = np.stack(dataset.inputs)
    assert abs(values.mean()) < 5 / np.sqrt(values.size)
    assert abs(values.std() - 1) < 5 / np.sqrt(2 * values.size)


def test_the_twins_labels_stand_in_one_step():
    """The mark moves a sum of deviation sqrt(10) by 20: it is hardly ever lost, and falls on each step as often."""
    dataset = marked_step(np.random.default_rng(3), train=1900, test=100)
    assert by_the_mark(dataset).mean() > 0.99
    steps = np.abs(np.stack(dataset.inputs).sum(axis=2)).argmax(axis=1)
    assert np.bincount(steps, minlength=10).min() > 200 - 5 * np.sqrt(200 * 0.9)
