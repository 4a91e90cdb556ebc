"""Pictures of a language model show its numbers, and what they are held against."""

import numpy as np
import pytest

from scratchnn import draw

ROWS = [{"epoch": k, "train_loss": 2.0 / k, "valid_loss": 2.1 / k} for k in (1, 2, 3)]
BASELINES = (("6-grams", 1.6), ("5-grams", 1.5))


def lines(figure):
    (axes,) = figure.axes
    return {line.get_label(): line for line in axes.get_lines()}


def test_curves_are_nats_per_character_with_every_baseline_named():
    found = lines(draw.nats_curves(ROWS, BASELINES, title="chars"))
    assert found["held-out text"].get_ydata().tolist() == [row["valid_loss"] for row in ROWS]
    assert found["training text, while it learnt"].get_ydata().tolist() == [row["train_loss"] for row in ROWS]
    assert set(found["6-grams: 1.600"].get_ydata()) == {1.6}
    assert set(found["5-grams: 1.500"].get_ydata()) == {1.5}


@pytest.mark.parametrize("rows", [ROWS, ROWS[:1]], ids=["three", "one"])
def test_everything_lies_inside_the_axes(rows):
    figure = draw.nats_curves(rows, BASELINES)
    low, high = figure.axes[0].get_ylim()
    values = [value for line in lines(figure).values() for value in line.get_ydata()]
    assert low < min(values)
    assert max(values) < high


def test_unwatched_epochs_have_no_held_out_curve():
    found = lines(draw.nats_curves([row | {"valid_loss": None} for row in ROWS]))
    assert list(found) == ["training text, while it learnt"]


def test_memory_shows_places_and_baselines():
    read, nats = np.array([1, 2, 5.5]), np.array([2.5, 2.0, 1.7])
    found = lines(draw.memory(read, nats, BASELINES, title="chars"))
    assert found["held-out text"].get_xdata().tolist() == read.tolist()
    assert found["held-out text"].get_ydata().tolist() == nats.tolist()
    assert "6-grams: 1.600" in found
