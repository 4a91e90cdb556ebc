"""Parameters, gradients and states of every layer, on a small composition."""

import numpy as np
import pytest

from scratchnn.layers import GRU, LSTM, Layer, Linear


class Pair(Layer):
    """Two linear layers and a scale of its own: y = scale * second(first(x))."""

    def __init__(self, dtype=np.float64):
        super().__init__(dtype=dtype)
        rng = np.random.default_rng(0)
        self.first = self.add_child("first", Linear(3, 4, dtype=dtype, rng=rng))
        self.second = self.add_child("second", Linear(4, 2, bias=False, dtype=dtype, rng=rng))
        self.add_param("scale", np.array([2.0, 3.0]))


def test_parameters_of_children_carry_their_name():
    pair = Pair()
    assert list(pair.params) == ["scale", "first.W", "first.b", "second.W"]
    assert list(pair.grads) == list(pair.params)
    assert pair.params["first.W"] is pair.first.params["W"]
    assert pair.grads["first.W"] is pair.first.grads["W"]


def test_writing_into_params_changes_the_layer():
    """How optimisers work: p[...] = new."""
    pair, x = Pair(), np.ones((1, 3))
    pair.params["first.W"][...] = 0
    pair.params["first.b"][...] = [1, 2, 3, 4]
    np.testing.assert_array_equal(pair.first.forward(x)[0], [[1, 2, 3, 4]])


def test_gradients_add_up_until_zero_grad_which_keeps_the_arrays():
    layer = Linear(3, 2, dtype=np.float64, rng=np.random.default_rng(0))
    grads = layer.grads
    x_1, x_2, dy = np.eye(3)[:1], np.eye(3)[1:2], np.ones((1, 2))
    (_, cache_1), (_, cache_2) = layer.forward(x_1), layer.forward(x_2)
    layer.backward(dy, cache_1)
    layer.backward(10 * dy, cache_2)
    np.testing.assert_array_equal(layer.grads["W"], [[1, 1], [10, 10], [0, 0]])
    np.testing.assert_array_equal(layer.grads["b"], [11, 11])
    layer.zero_grad()
    assert all((grad == 0).all() for grad in layer.grads.values())
    assert all(layer.grads[name] is grads[name] for name in grads)


def test_gradients_scaled_in_place_stay_scaled():
    """How clipping works: g *= factor."""
    layer = Linear(1, 1, dtype=np.float64, init="zeros")
    layer.add_grad("b", np.array([8.0]))
    for grad in layer.grads.values():
        grad *= 0.25
    assert layer.grads["b"] == 2


def test_state_dict_is_a_copy():
    pair = Pair()
    state = pair.state_dict()
    pair.params["first.W"][...] = 0
    assert (state["first.W"] != 0).any()
    pair.load_state_dict(state)
    state["first.W"][...] = 9
    assert (pair.params["first.W"] != 9).all()


def test_load_state_dict_restores_casts_and_keeps_the_arrays():
    source, target = Pair(), Pair(dtype=np.float32)
    source.params["scale"][...] = [0.1, 0.2]
    arrays = target.params
    target.load_state_dict(source.state_dict())
    assert all(target.params[name] is arrays[name] for name in arrays)  # an optimiser goes on holding them
    for name, array in source.params.items():
        np.testing.assert_array_equal(target.params[name], array.astype(np.float32), strict=True)


def test_load_state_dict_takes_lists():
    layer = Linear(1, 2, init="zeros")
    layer.load_state_dict({"W": [[1, 2]], "b": [3, 4]})
    np.testing.assert_array_equal(layer.params["W"], np.array([[1, 2]], np.float32), strict=True)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda s: s.pop("first.b"), r"Pair.load_state_dict: missing 'first.b'; expected 'scale', 'first.W'"),
        (lambda s: s.update(extra=1), r"Pair.load_state_dict: unknown 'extra'; expected"),
        (lambda s: s.update(second=s.pop("second.W")), r"missing 'second.W', unknown 'second'; expected"),
        (lambda s: s.update({"second.W": np.ones((2, 4))}), r"second.W has shape \(2, 4\), expected \(4, 2\)"),
        (lambda s: s.update(scale=np.array([1j, 0])), r"scale has dtype complex128, expected real numbers"),
        (lambda s: s.update(scale=np.array(["1", "2"])), r"scale has dtype <U1, expected real numbers"),
    ],
)
def test_a_wrong_state_is_refused_by_name_and_changes_nothing(change, sentence):
    pair = Pair()
    before = pair.state_dict()
    state = {name: array + 1 for name, array in before.items()}
    change(state)
    with pytest.raises(ValueError, match=sentence):
        pair.load_state_dict(state)
    for name, array in pair.params.items():
        np.testing.assert_array_equal(array, before[name])


def test_states_of_different_cells_do_not_fit():
    state = LSTM(2, 3, init="zeros").state_dict()
    with pytest.raises(ValueError, match=r"GRU.load_state_dict: missing 'b_hn_l0'"):
        GRU(2, 3, init="zeros").load_state_dict(state)


def test_set_params_takes_arrays_as_they_are():
    layer = Linear(2, 1, dtype=np.float32, init="zeros")
    W = np.array([[1 + 0.5j], [2.0]])
    layer.set_params({"W": W})
    assert layer.params["W"] is W
    y, _ = layer.forward(np.array([[3.0, 4.0]]))
    assert y[0, 0] == 11 + 1.5j
    layer.load_state_dict({"W": np.ones((2, 1)), "b": np.zeros(1)})
    assert layer.params["W"].dtype == np.float32
    assert layer.grads["W"].dtype == np.float32


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        ({"w": np.ones((3, 4))}, r"Pair.set_params: unknown 'w'; expected 'scale', 'first.W'"),
        ({"scale": np.ones(3)}, r"Pair.set_params: scale has shape \(3,\), expected \(2,\)"),
    ],
)
def test_set_params_refuses_what_does_not_fit(params, sentence):
    with pytest.raises(ValueError, match=sentence):
        Pair().set_params(params)


def test_add_grad_refuses_what_does_not_fit():
    pair = Pair()
    with pytest.raises(ValueError, match=r"Pair.add_grad: no parameter 'first.W', expected one of 'scale'"):
        pair.add_grad("first.W", np.ones((3, 4)))
    with pytest.raises(ValueError, match=r"Pair.add_grad: scale has shape \(\), expected \(2,\)"):
        pair.add_grad("scale", 1.0)


def test_a_complex_gradient_keeps_its_imaginary_part():
    pair = Pair()
    pair.add_grad("scale", np.array([1.0, 2.0]))
    pair.add_grad("scale", np.array([1j, 0]))
    np.testing.assert_array_equal(pair.grads["scale"], [1 + 1j, 2])


def test_a_float64_gradient_enters_a_float32_layer():
    layer = Linear(2, 1, init="zeros")
    y, cache = layer.forward(np.ones((3, 2)))
    layer.backward(np.ones_like(y), cache)
    np.testing.assert_array_equal(layer.grads["W"], np.full((2, 1), 3, np.float32), strict=True)
