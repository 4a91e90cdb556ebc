"""The sentences users read when a shape, dtype, id or mask is wrong."""

import numpy as np
import pytest

from scratchnn import shapes


def test_a_wrong_shape_names_array_got_and_expected():
    with pytest.raises(ValueError, match=r"^lstm.forward: W_h has shape \(5, 24\), expected \(H, 4H\) = \(6, 24\)$"):
        shapes.expect_shape("lstm.forward", "W_h", np.zeros((5, 24)), "H 4H", {"H": 6})


def test_a_single_axis_is_written_as_a_tuple():
    with pytest.raises(ValueError, match=r"expected \(4H,\) = \(24,\)$"):
        shapes.expect_shape("lstm.forward", "b", np.zeros(25), "4H", {"H": 6})


def test_sums_in_a_spec():
    shapes.expect_shape("op", "h", np.zeros((5, 2)), "T+1 B", {"T": 4, "B": 2})
    with pytest.raises(ValueError, match=r"\(T\+1, B\) = \(5, 2\)"):
        shapes.expect_shape("op", "h", np.zeros((4, 2)), "T+1 B", {"T": 4, "B": 2})


def test_sizes_are_read_and_a_size_of_zero_is_refused():
    assert shapes.sizes_of("op", "x", np.zeros((4, 3, 2)), "T B D") == {"T": 4, "B": 3, "D": 2}
    with pytest.raises(ValueError, match="T = 0, expected at least 1"):
        shapes.sizes_of("op", "x", np.zeros((0, 3, 2)), "T B D")
    with pytest.raises(ValueError, match=r"expected 3 axes \(T, B, D\)"):
        shapes.sizes_of("op", "x", np.zeros((3, 2)), "T B D")


@pytest.mark.parametrize(
    ("value", "sentence"),
    [([1.0], "x is a list, expected a NumPy array"), (np.arange(3), "x has dtype int64, expected float32")],
)
def test_only_arrays_of_floats(value, sentence):
    with pytest.raises(TypeError, match=sentence):
        shapes.expect_float("op", "x", value)


def test_ids_name_the_first_bad_place():
    with pytest.raises(ValueError, match=r"ids\[1, 0\] is 9, expected 0 to 8"):
        shapes.expect_ids("embedding.forward", "ids", np.array([[0, 8], [9, -1]]), 9)
    shapes.expect_ids("op", "ids", np.array([-100, 3]), 9, allowed=(-100,))
    with pytest.raises(TypeError, match="expected integers"):
        shapes.expect_ids("op", "ids", np.array([0.0]), 9)


def test_masks():
    assert shapes.recurrent_mask("op", None, 2, 3).all()
    with pytest.raises(ValueError, match=r"expected \(T, B\) = \(2, 3\)"):
        shapes.recurrent_mask("op", np.ones((3, 2), bool), 2, 3)
    with pytest.raises(TypeError, match="expected bool"):
        shapes.recurrent_mask("op", np.ones((2, 3)), 2, 3)
    with pytest.raises(ValueError, match="broadcasts to"):
        shapes.expect_mask("op", "mask", np.ones((2, 2), bool), (2, 3))


def test_choices_are_listed():
    with pytest.raises(ValueError, match="score is 'cosine', expected one of 'dot', 'general'"):
        shapes.expect_choice("op", "score", "cosine", ("dot", "general"))
