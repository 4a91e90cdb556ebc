"""Figures say what they show: titles, axis labels, units, every data point; files are whole or absent."""

import numpy as np
import pytest

from scratchnn import draw

ROWS = [
    {"epoch": 1, "train_loss": 2.0, "train_accuracy": 0.3, "valid_loss": 2.1, "valid_accuracy": 0.2},
    {"epoch": 2, "train_loss": 1.0, "train_accuracy": 0.6, "valid_loss": 1.5, "valid_accuracy": 0.5},
]


def labelled(axes):
    return axes.get_title(loc="left") or axes.get_title()


def test_loss_curves_show_both_parts_and_the_baseline():
    figure = draw.loss_curves(ROWS, title="names", best=2, baseline=("n-grams", 0.7))
    losses, accuracies = figure.axes
    assert losses.get_ylabel() == "cross-entropy (nats)"
    assert accuracies.get_ylabel() == "accuracy (%)"
    assert losses.get_xlabel() == accuracies.get_xlabel() == "epoch"
    drawn = {line.get_label(): line.get_ydata() for line in accuracies.get_lines()}
    np.testing.assert_allclose(drawn["training"], [30, 60])
    np.testing.assert_allclose(drawn["validation"], [20, 50])
    np.testing.assert_allclose(drawn["n-grams"], [70, 70])


def test_loss_curves_without_validation():
    rows = [{"epoch": 1, "train_loss": 1.0, "train_accuracy": 0.5, "valid_loss": None, "valid_accuracy": None}]
    labels = [line.get_label() for line in draw.loss_curves(rows).axes[0].get_lines()]
    assert labels == ["training"]


def test_confusion_writes_every_count():
    matrix = np.array([[3, 1], [0, 4]])
    axes = draw.confusion(matrix, ["a", "b"]).axes[0]
    assert sorted(text.get_text() for text in axes.texts) == ["1", "3", "4"]
    assert axes.get_xlabel() == "predicted class"
    np.testing.assert_allclose(axes.images[0].get_array(), [[75, 25], [0, 100]])


def test_attention_rows_shade_every_token():
    examples = [(list("abc"), np.array([0.2, 0.5, 0.3]), "x 90 %", True), (list("d"), np.array([1.0]), "y", False)]
    figure = draw.attention_rows(examples)
    first = figure.axes[0]
    assert [text.get_text() for text in first.texts] == ["a", "b", "c"]
    np.testing.assert_allclose(first.images[0].get_array(), [[0.2, 0.5, 0.3]])


def test_attention_over_series_draws_the_weights():
    figure = draw.attention_over_series([(np.zeros((4, 2)), np.array([0.1, 0.2, 0.3, 0.4]), "7", True)])
    heights = [bar.get_height() for bar in figure.axes[1].patches]
    np.testing.assert_allclose(heights, [0.1, 0.2, 0.3, 0.4])


def test_an_image_stands_upright_with_its_rows_as_steps():
    values = np.arange(8.0).reshape(4, 2)
    figure = draw.attention_over_series(
        [(values, np.array([0.1, 0.2, 0.3, 0.4]), "7", True)] * 2, step="row", down=True
    )
    picture, bars = figure.axes[:2]
    np.testing.assert_array_equal(picture.images[0].get_array(), values)
    np.testing.assert_allclose([bar.get_width() for bar in bars.patches], [0.1, 0.2, 0.3, 0.4])
    assert picture.get_ylabel() == "row"


def test_no_curve_leaves_the_picture():
    high = [row | {"valid_loss": 10 * row["valid_loss"]} for row in ROWS]
    figure = draw.train_and_test({"low": ROWS, "high": high}, title="t")
    assert all(axes.get_ylim()[1] >= 21 for axes in figure.axes)
    assert all(axes.get_ylim()[0] == 0 for axes in figure.axes)


def test_train_and_test_marks_the_coin():
    figure = draw.train_and_test({"without": ROWS, "with": ROWS}, title="t")
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["without", "with"]
    assert any(np.allclose(line.get_ydata(), np.log(2)) for line in figure.axes[0].get_lines())


def test_save_leaves_nothing_half_written(tmp_path):
    figure = draw.loss_curves(ROWS)
    assert draw.save(figure, tmp_path / "a.png").stat().st_size > 1000
    with pytest.raises(ValueError, match="nonsense"):
        draw.save(figure, tmp_path / "b.nonsense")
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]


def test_the_same_figure_gives_the_same_bytes(tmp_path):
    one = draw.save(draw.loss_curves(ROWS), tmp_path / "one.png").read_bytes()
    two = draw.save(draw.loss_curves(ROWS), tmp_path / "two.png").read_bytes()
    assert one == two


def test_an_empty_history_draws_without_a_warning(tmp_path):
    draw.save(draw.loss_curves([]), tmp_path / "empty.png")


def test_dollar_signs_are_not_formulas(tmp_path):
    draw.save(draw.confusion(np.eye(2, dtype=int), ["$x^$", "b"]), tmp_path / "c.png")
