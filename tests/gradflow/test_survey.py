"""The rows of the table, the sentences about them, and the figure."""

import json
import math

import numpy as np
import pytest

from scratchnn import draw
from scratchnn.gradflow import clipping_run, measure, picture, power, sentences, survey
from scratchnn.gradflow.survey import Row, split_name


@pytest.fixture(scope="module")
def small():
    return list(survey(["rnn", "lstm", "attention"], [0.5, 1.5], [5, 12], H=4, D=3, B=3))


@pytest.mark.parametrize(("radius", "verdict"), [(0.8, "vanishes"), (1.0, "steady"), (1.25, "explodes")])
def test_an_orthogonal_linear_network_gives_its_exact_row(radius, verdict):
    row = measure("linear", radius=radius, T=40, H=5, start="orthogonal").row
    for value in (row.relative, row.largest, row.median, row.smallest):
        assert value == pytest.approx(39 * math.log(radius), abs=1e-10)
    assert row.rate == pytest.approx(math.log(radius), abs=1e-12)
    assert row.spread == pytest.approx(0, abs=1e-10)
    assert row.verdict == verdict
    assert row.gates is None


def test_every_cell_at_every_radius_and_length_has_a_row(small):
    found = [(one.row.name, one.row.radius, one.row.T) for one in small]
    assert found == [(n, r, T) for n in ("rnn", "lstm", "attention") for r in (0.5, 1.5) for T in (5, 12)]


def test_attention_changes_the_path_to_the_loss_and_not_the_cell(small):
    by_key = {(one.row.name, one.row.radius, one.row.T): one for one in small}
    alone, reader = by_key["rnn", 0.5, 12], by_key["attention", 0.5, 12]
    measured = measure("rnn+attention", radius=0.5, T=12, H=4, D=3, B=3)
    np.testing.assert_array_equal(reader.jacobians.singular, measured.jacobians.singular)
    assert reader.row[1:] == measured.row[1:]
    assert reader.row.largest == alone.row.largest
    assert reader.row.relative > alone.row.relative


def test_a_verdict_needs_a_hundredfold_change():
    rows = [Row("rnn", 1.0, 9, math.log(change), 0, 0, 0, 0, 0, None) for change in (1 / 101, 1 / 99, 99, 101)]
    assert [row.verdict for row in rows] == ["vanishes", "steady", "steady", "explodes"]


def test_a_row_is_json_even_where_a_value_is_zero():
    row = measure("rnn", radius=0.0, T=5, H=3).row
    told = json.loads(json.dumps(row.as_dict(), allow_nan=False))
    assert told["log10_relative"] is None
    assert told["verdict"] == "vanishes"


@pytest.mark.parametrize(
    ("log10", "written"),
    [(0, "1.0"), (-31 + math.log10(4), "4.0e-31"), (412.08, "1.2e+412"), (math.log10(0.83), "0.83"), (2, "100"),
     (math.log10(9400), "9400"), (-2, "0.010"), (-math.inf, "0"), (math.log10(9.96e-7), "1.0e-06")],
)  # fmt: skip
def test_numbers_are_written_beyond_the_range_of_floats(log10, written):
    assert power(log10 * math.log(10)) == written


def test_the_sentences_name_every_cell_and_attentions_short_cut(small):
    told = sentences([one.row for one in small])
    assert [line.split(",")[0] for line in told[:3]] == ["rnn", "lstm", "attention"]
    assert all("over 12 steps" in line for line in told[:3])
    assert told[3].startswith("Attention's short cut: at radius 0.5 the first of 12 states gets")


def test_an_unknown_cell_is_named():
    with pytest.raises(ValueError, match="no cell 'mamba', expected one of linear, rnn, lstm, gru, attention"):
        split_name("mamba")


def test_the_figure_draws_every_cell_radius_and_run(small, tmp_path):
    runs = [clipping_run(clip=clip, steps=4, T=5, B=2, H=3) for clip in (None, 1.0)]
    figure = picture(small, runs)
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles[:3] == ["RNN, tanh", "LSTM", "RNN, tanh, read through attention"]
    assert len(titles) == 6 + 2  # two places of the grid stay empty
    rnn = next(one for one in small if one.row[:3] == ("rnn", 1.5, 12))
    drawn = {line.get_label(): line.get_ydata() for line in figure.axes[0].get_lines()}
    np.testing.assert_allclose(drawn["radius 1.5"], rnn.norms.relative[::-1] / math.log(10), atol=1e-12)
    assert len(drawn["radius 1.5"]) == 12
    dashed = [line for line in figure.axes[2].get_lines() if line.get_linestyle() == "--"]
    np.testing.assert_allclose(dashed[1].get_ydata(), drawn["radius 1.5"])
    assert all(axes.get_xlabel() and axes.get_ylabel() for axes in (*figure.axes[:3], *figure.axes[4:6]))
    assert draw.save(figure, tmp_path / "flow.png").stat().st_size > 10_000


def test_zeros_and_explosions_are_drawn_without_a_warning(tmp_path):
    wild = [measure(name, radius=radius, T=30, H=3) for name, radius in (("rnn", 0.0), ("linear", 1e30))]
    draw.save(picture(wild), tmp_path / "wild.png")
