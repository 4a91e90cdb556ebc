"""Layouts: what axes and blocks are called, for ready-made kinds, prefixed names, and dicts of strangers."""

import numpy as np
import pytest

from scratchnn import check
from scratchnn.check.explain.guess import guess_layout
from scratchnn.check.layout import Layout, layout_of
from scratchnn.notation import GATE_NAMES, GATES


@pytest.mark.parametrize("kind", ["lstm", "gru"])
@pytest.mark.parametrize("name", ["W_h", "W_h_l0", "recurrent.W_h_l1_reverse", "0.recurrent.W_h_l0"])
def test_blocks_are_the_gates_of_the_legend_whatever_stands_around_the_name(kind, name):
    H, count = 5, len(GATES[kind])
    axis, slices = layout_of(kind).blocks_of(name, (H, count * H))
    assert axis == 1
    assert list(slices) == [GATE_NAMES[kind][gate] for gate in GATES[kind]]
    assert [np.arange(count * H)[part].tolist() for part in slices.values()] == np.arange(count * H).reshape(
        -1, H
    ).tolist()


def test_an_array_that_cannot_be_shared_out_has_no_blocks():
    assert layout_of("lstm").blocks_of("W_h", (5, 18)) is None
    assert layout_of("gru").blocks_of("b_hn", (6,)) is None
    assert layout_of("rnn").blocks_of("W_h", (5, 5)) is None


def test_the_bias_of_a_linear_map_behind_an_lstm_has_no_gates():
    layout = layout_of("lstm", "attention", "linear", batch_first=True)
    assert layout.blocks_of("linear.b", (8,)) is None
    assert layout.axes_of("linear.b", (8,)) == ("class",)
    assert layout.blocks_of("recurrent.b_l0", (8,)) is not None


def test_axes_are_named_from_the_end_and_batch_first_swaps_two():
    assert layout_of("lstm").axes_of("x", (3, 2, 4)) == ("time", "batch", "feature")
    assert layout_of("lstm", batch_first=True).axes_of("x", (2, 3, 4)) == ("batch", "time", "feature")
    assert layout_of("attention").axes_of("q", (4,)) == ("width",)
    assert Layout().axes_of("anything", (2, 3)) == ("axis 0", "axis 1")
    assert layout_of("lstm").axis("x", (3, 2, 4), "batch") == 1
    assert layout_of("lstm").axis("b", (8,), "batch") is None


def test_sizes_are_read_off_arrays_but_not_off_an_axis_that_gates_share():
    inputs = {"x": np.zeros((3, 2, 4)), "W_x": np.zeros((4, 20)), "h0": np.zeros((2, 5))}
    assert layout_of("lstm").sizes(inputs) == {"T": 3, "B": 2, "D": 4, "H": 5}


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="'transformer' is unknown, expected one of rnn, lstm, gru, attention"):
        layout_of("transformer")


def test_every_subject_has_a_layout_that_fits_its_arrays():
    for subject in check.every_subject():
        inputs = subject.make(np.random.default_rng(0)).inputs
        unnamed = [
            name for name, array in inputs.items() if "axis 0" in subject.layout.axes_of(name, np.shape(array))
        ]
        assert not unnamed, f"{subject.name}: {unnamed}"


def test_a_strangers_lstm_is_known_by_its_shapes_and_the_note_says_what_was_taken():
    rng = np.random.default_rng(0)
    inputs = {name: rng.normal(size=shape) for name, shape in {
        "x": (3, 2, 4), "h0": (2, 5), "c0": (2, 5), "Wx": (4, 20), "Wh": (5, 20), "b": (20,)}.items()}  # fmt: skip
    layout = guess_layout(inputs, {"h": rng.normal(size=(3, 2, 5)), "c_last": rng.normal(size=(2, 5))})
    assert list(layout.blocks_of("Wh", (5, 20))[1]) == ["input gate", "forget gate", "candidate", "output gate"]
    assert layout.carry == {"h0": "h", "c0": "c_last"}
    assert "taking the columns of Wx as blocks i f g o" in layout.note


def test_weights_stored_the_other_way_round_have_their_blocks_in_rows():
    inputs = {
        "x": np.zeros((3, 2, 4)),
        "h0": np.zeros((2, 5)),
        "weight_ih": np.zeros((15, 4)),
        "weight_hh": np.zeros((15, 5)),
    }
    layout = guess_layout(inputs)
    assert layout.blocks_of("weight_hh", (15, 5))[0] == 0
    assert layout.axes_of("weight_ih", (15, 4)) == ("unit", "feature")
    assert "rows of weight_ih as blocks r z n" in layout.note


def test_batch_first_is_seen_from_the_state():
    inputs = {"x": np.zeros((2, 3, 4)), "h0": np.zeros((2, 5)), "W_x": np.zeros((4, 5)), "W_h": np.zeros((5, 5))}
    assert guess_layout(inputs).axes_of("x", (2, 3, 4)) == ("batch", "time", "feature")
    assert guess_layout(inputs).note == ""


@pytest.mark.parametrize("inputs", [{}, {"theta": np.zeros(3)}, {"n": 3, "a": np.zeros(())}])
def test_what_nothing_is_known_about_gets_an_empty_layout(inputs):
    assert guess_layout(inputs) == Layout()
