"""A trace in a notebook."""

import html
import re

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from scratchnn.errors import InputError
from scratchnn.trace import record


@pytest.fixture(scope="module")
def trace():
    return record("lstm", T=3, B=1, D=2, H=3, seed=1)


def test_the_frame_holds_the_page_and_the_tables_stand_outside(trace):
    shown = trace._repr_html_()
    frame = re.search(r'<iframe srcdoc="([^"]*)"', shown)
    assert html.unescape(frame[1]).startswith("<!doctype html>")
    assert 'sandbox="allow-scripts"' in shown
    stripped = re.sub(r"<iframe.*?</iframe>", "", shown, flags=re.S)
    assert "dc_t = dc_next" in stripped
    assert "<script" not in stripped


def test_show_gives_what_a_notebook_shows(trace):
    assert trace.show(height=500)._repr_html_().count("height:500px") == 1


def curves(figure):
    return {line.get_label(): line.get_ydata() for axes in figure.axes for line in axes.get_lines()}


def test_gates_are_the_recorded_ones(trace):
    figure = trace.plot("gates")
    assert isinstance(figure, Figure)
    images = [axes.images[0].get_array() for axes in figure.axes if axes.images]
    f = [trace.array(trace.find("f", t=t, phase="forward").value)[0] for t in range(3)]
    assert any(image.shape == (3, 3) and abs(image.T - f).max() < 1e-15 for image in images)


def test_gradient_flow_has_the_norms(trace):
    found = curves(trace.plot("gradient flow"))
    dc = [sum(trace.array(trace.find("dc_t", t=t).value).ravel() ** 2) ** 0.5 for t in range(3)]
    assert found["norm of dc_t"] == pytest.approx(dc, rel=1e-12)


@pytest.mark.parametrize(("op", "what"), [("rnn", "gradient flow"), ("model", "attention"), ("gru", "gates")])
def test_a_picture_has_a_title_and_labels_that_can_be_read(op, what):
    figure = record(op, T=4, checks=False).plot(what)
    FigureCanvasAgg(figure).draw()
    page = figure.bbox
    for axes in figure.axes:
        ticks = [one.get_text() for one in (*axes.get_xticklabels(), *axes.get_yticklabels())]
        assert not any("$" in one for one in ticks)
        if axes.images or axes.get_lines():
            assert axes.get_xlabel()
    titles = [one for one in figure.findobj(Text) if one.get_fontweight() == "bold" and one.get_text()]
    assert any(op.capitalize() in one.get_text() or op.upper() in one.get_text() for one in titles)
    for one in titles:
        box = one.get_window_extent()
        assert page.x0 <= box.x0, one.get_text()
        assert box.x1 <= page.x1, one.get_text()


def test_attention_is_the_recorded_alpha():
    trace = record("attention", seed=1)
    image = trace.plot("attention").axes[0].images[0].get_array()
    assert np.array_equal(image, trace.array(trace.find("alpha").value)[0])


def test_what_is_not_there_is_one_sentence(trace):
    with pytest.raises(InputError, match=r"trace\.plot: what is 'attention', expected one of gates, gradient flow"):
        trace.plot("attention")
