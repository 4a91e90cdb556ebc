"""The pictures of a check show every entry, name gates and steps, and mark what failed without relying on colour."""

import numpy as np
import pytest
from matplotlib.colors import to_hex

from scratchnn import check, draw
from scratchnn.check import catalogue
from scratchnn.check.steps import error_against_step, order


def panels_of(figure):
    return [axes for axes in figure.axes if axes.get_title(loc="left")]


def panel(errors, passed=True, **more):
    return draw.Panel("a", np.asarray(errors, dtype=float), passed, **more)


def test_a_map_holds_every_error_and_an_array_of_three_axes_lies_flat_along_time():
    errors = 10.0 ** -np.arange(24).reshape(2, 3, 4)  # (B, T, D)
    figure = draw.error_maps([panel(errors, axes=("batch", "time", "feature"))], title="t")
    axes = panels_of(figure)[0]
    shown = np.asarray(axes.images[0].get_array())
    assert shown.shape == (3, 8)
    expected = np.moveaxis(errors, 1, 0).reshape(3, 8)
    np.testing.assert_allclose(shown, np.maximum(expected, 1e-16))
    assert axes.get_ylabel() == "time"
    assert axes.get_xlabel() == "batch (within it: feature)"
    assert [label.get_text() for label in axes.get_xticklabels()] == ["0", "1"]


@pytest.mark.parametrize("shape", [(), (5,), (2, 3), (2, 3, 4), (2, 3, 4, 2), (0, 3)])
def test_arrays_of_any_shape_can_be_drawn(shape, tmp_path):
    draw.save(draw.error_maps([panel(np.zeros(shape))]), tmp_path / "map.png")


def test_nan_and_infinity_are_left_white(tmp_path):
    figure = draw.error_maps([panel([[np.nan, np.inf], [0, 1]])])
    assert np.ma.getmaskarray(np.ma.masked_invalid(figure.axes[0].images[0].get_array())).sum() == 2
    draw.save(figure, tmp_path / "map.png")


def test_gate_blocks_are_labelled_and_set_apart():
    report = check.run("lstm.plain")[0]
    named = {axes.get_title(loc="left").partition(":")[0]: axes for axes in panels_of(report.plot())}
    for name in ("W_x", "W_h", "b"):
        assert [label.get_text() for label in named[name].get_xticklabels()] == [
            "input",
            "forget",
            "candidate",
            "output",
        ]
        assert len(named[name].lines) == 3
    assert named["x"].get_ylabel() == "time"


def test_what_failed_is_marked_in_words_in_colour_and_by_a_thicker_frame():
    bug = catalogue.plant(catalogue.bug("lstm-dh0-zero"))
    report = check.judge(check.select("lstm.plain")[0], 0, bug)
    maps = panels_of(report.plot())
    verdicts = {axes.get_title(loc="left"): axes for axes in maps}
    assert [title for title in verdicts if "FAIL" in title] == ["h0: FAIL"]
    failed, passed = verdicts["h0: FAIL"].spines["top"], verdicts["x: pass"].spines["top"]
    assert to_hex(failed.get_edgecolor()) == draw.style.VERMILION.lower()
    assert failed.get_linewidth() > passed.get_linewidth()
    assert any("all of it" in text.get_text() for text in verdicts["h0: FAIL"].texts)


def test_a_gradient_without_a_map_says_why():
    bug = catalogue.plant(catalogue.bug("attention-dot-dq-dk-swapped"))
    report = check.judge(check.select("attention.dot.plain")[0], 0, bug)
    texts = [text.get_text() for axes in panels_of(report.plot()) for text in axes.texts]
    assert any("the gradient has shape" in text.replace("\n", " ") for text in texts)


def test_the_curve_shows_each_method_the_judges_step_and_the_slopes(tmp_path):
    found = error_against_step(check.select("lstm.plain")[0])
    figure = draw.step_curve(found.curve, title=found.title, chosen=found.chosen, slopes=found.slopes())
    axes = figure.axes[0]
    labels = [line.get_label() for line in axes.get_lines()]
    for label in ("forward difference", "central difference", "Richardson's extrapolation", "complex step"):
        assert label in labels
    assert any("the judge's step" in label for label in labels)
    assert sum(text.get_text().startswith("h^") for text in axes.texts) >= 3
    draw.save(figure, tmp_path / "curve.png")


def test_the_orders_of_the_methods_are_those_of_their_theory():
    """Forward h, central h**2, complex h**2: measured within a tenth, where the third derivative does not vanish."""
    slopes = error_against_step(check.select("rnn.tanh")[0], "b").slopes()
    assert abs(slopes["forward"] - 1) < 0.2
    assert abs(slopes["central"] - 2) < 0.1
    assert abs(slopes["complex"] - 2) < 0.1


def test_an_order_is_measured_right_of_the_least_error_only():
    steps = np.logspace(0, -16, 65)
    assert abs(order(steps, 1e-3 * steps**2 + 1e-16 / steps) - 2) < 1e-3
    assert order(steps, np.zeros(65)) is None
    assert order(steps, np.full(65, np.nan)) is None
