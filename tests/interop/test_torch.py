"""Weights in PyTorch's layout: by hand without torch, and there and back again."""

import subprocess
import sys

import numpy as np
import pytest

from scratchnn.interop import from_torch, to_torch
from scratchnn.layers import GRU, LSTM, RNN, Attention, Embedding, Layer, Linear

CELLS = {"rnn": RNN, "lstm": LSTM, "gru": GRU}


class Tagger(Layer):
    """Something with all kinds inside, two levels deep."""

    def __init__(self, seed):
        super().__init__()
        rng = np.random.default_rng(seed)
        self.add_child("table", Embedding(7, 2, rng=rng))
        encoder = self.add_child("encoder", Layer())
        encoder.add_child("lstm", LSTM(2, 3, 2, bidirectional=True, rng=rng))
        encoder.add_child("gru", GRU(6, 2, rng=rng))
        self.add_child("out", Linear(2, 5, rng=rng))


def test_an_lstm_by_hand():
    """H = 1, D = 2: rows i f g o become columns, and the biases are summed."""
    state = {
        "weight_ih_l0": [[1, 2], [3, 4], [5, 6], [7, 8]],
        "weight_hh_l0": [[10], [20], [30], [40]],
        "bias_ih_l0": [1, 2, 3, 4],
        "bias_hh_l0": [10, 20, 30, 40],
    }
    ours = from_torch({name: np.array(value, np.float32) for name, value in state.items()})
    np.testing.assert_array_equal(ours["W_x_l0"], [[1, 3, 5, 7], [2, 4, 6, 8]])
    np.testing.assert_array_equal(ours["W_h_l0"], [[10, 20, 30, 40]])
    np.testing.assert_array_equal(ours["b_l0"], [11, 22, 33, 44])
    assert set(ours) == {"W_x_l0", "W_h_l0", "b_l0"}


def test_a_gru_by_hand():
    """The candidate's recurrent bias stands inside the reset product, so it stays apart."""
    state = {
        "weight_ih_l1_reverse": np.ones((3, 2)),
        "weight_hh_l1_reverse": np.ones((3, 1)),
        "bias_ih_l1_reverse": np.array([1.0, 2, 3]),
        "bias_hh_l1_reverse": np.array([10.0, 20, 30]),
    }
    ours = from_torch(state)
    np.testing.assert_array_equal(ours["b_l1_reverse"], [11, 22, 3])
    np.testing.assert_array_equal(ours["b_hn_l1_reverse"], [30])
    back = to_torch(ours)
    np.testing.assert_array_equal(back["bias_ih_l1_reverse"], [11, 22, 3])
    np.testing.assert_array_equal(back["bias_hh_l1_reverse"], [0, 0, 30])


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("cell", CELLS)
def test_there_and_back_is_the_same_layer(cell, bias):
    rng = np.random.default_rng(0)
    layer = CELLS[cell](2, 3, 2, bidirectional=True, bias=bias, dtype=np.float64, rng=rng)
    other = CELLS[cell](2, 3, 2, bidirectional=True, bias=bias, dtype=np.float64, init="zeros")
    theirs = to_torch(layer)
    assert len(theirs) == 4 * (4 if bias else 2)
    assert theirs["weight_ih_l1"].shape == ({"rnn": 1, "lstm": 4, "gru": 3}[cell] * 3, 6)
    other.load_state_dict(from_torch(theirs))
    for name, array in layer.params.items():
        np.testing.assert_array_equal(other.params[name], array, strict=True)


def test_a_model_with_everything_inside_goes_there_and_back():
    source, target = Tagger(0), Tagger(1)
    theirs = to_torch(source)
    assert theirs["encoder.lstm.weight_hh_l1_reverse"].shape == (12, 3)
    assert theirs["encoder.gru.weight_ih_l0"].shape == (6, 6)
    assert theirs["out.weight"].shape == (5, 2)
    assert theirs["table.weight"].shape == (7, 2)
    target.load_state_dict(from_torch(theirs, embeddings=["table"]))
    for name, array in source.params.items():
        np.testing.assert_array_equal(target.params[name], array, strict=True)
    from_state = to_torch(source.state_dict(), embeddings=["table"])
    assert from_state.keys() == theirs.keys()
    for name, array in from_state.items():
        np.testing.assert_array_equal(array, theirs[name])


def test_the_result_shares_no_memory_with_the_layer():
    layer = Tagger(0)
    before = layer.state_dict()
    for array in to_torch(layer).values():
        array[...] = 9
    state = layer.state_dict()
    for array in from_torch(to_torch(state, embeddings=["table"]), embeddings=["table"]).values():
        array[...] = 9
    for name, array in layer.params.items():
        np.testing.assert_array_equal(array, before[name])
        np.testing.assert_array_equal(state[name], before[name])


def recurrent_state(gates, H=2, D=3):
    return {
        "weight_ih_l0": np.ones((gates * H, D)),
        "weight_hh_l0": np.ones((gates * H, H)),
        "bias_ih_l0": np.ones(gates * H),
        "bias_hh_l0": np.ones(gates * H),
    }


def without(state, name):
    return {key: value for key, value in state.items() if key != name}


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        ({"norm.weight": np.ones(3)}, r"from_torch: norm.weight with shape \(3,\) has no counterpart"),
        ({"in_proj_weight": np.ones((3, 3))}, r"from_torch: in_proj_weight with shape \(3, 3\) has no counterpart"),
        ({"weight_hr_l0": np.ones((3, 3))}, r"from_torch: weight_hr_l0 belongs to an LSTM with proj_size"),
        (recurrent_state(2), r"shape \(4, 3\), expected 1H \(RNN\), 3H \(GRU\), 4H \(LSTM\) rows with H = 2"),
        (without(recurrent_state(4), "bias_hh_l0"), r"bias_ih_l0 stands alone, expected bias_hh_l0 beside it"),
        (without(recurrent_state(3), "bias_ih_l0"), r"bias_hh_l0 stands alone, expected bias_ih_l0 beside it"),
        (without(recurrent_state(3), "weight_hh_l0"), r"weight_ih_l0 has shape \(6, 3\), expected .* with H = 0"),
        (
            {**recurrent_state(3), "bias_hh_l0": np.ones(4)},
            r"from_torch: bias_hh_l0 has shape \(4,\), expected that of bias_ih_l0 \(6,\)",
        ),
    ],
)
def test_what_does_not_fit_is_refused_by_name(state, sentence):
    with pytest.raises(ValueError, match=sentence):
        from_torch(state)


def test_attention_has_no_counterpart():
    layer = Attention(2, 3, score="general", rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match=r"to_torch: W_a with shape \(2, 3\) has no counterpart"):
        to_torch(layer)


def test_torch_is_not_imported_unless_tensors_are_wanted():
    code = (
        "import sys; from scratchnn.interop import from_torch, to_torch; from scratchnn.layers import LSTM;"
        "layer = LSTM(2, 3, init='zeros'); layer.load_state_dict(from_torch(to_torch(layer)));"
        "assert 'torch' not in sys.modules;"
        "sys.modules['torch'] = None\n"
        "try: to_torch(layer, tensors=True)\n"
        "except ImportError as error: assert 'needs torch' in str(error)\n"
        "else: raise AssertionError"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_tensors_in_and_out():
    torch = pytest.importorskip("torch", reason="PyTorch is the peer here and is not installed")
    source, target = torch.nn.GRU(2, 3, 2, bidirectional=True), torch.nn.GRU(2, 3, 2, bidirectional=True)
    layer = GRU(2, 3, 2, bidirectional=True, init="zeros")
    layer.load_state_dict(from_torch(dict(source.named_parameters())))  # parameters that require a gradient
    target.load_state_dict(to_torch(layer, tensors=True))
    x = torch.randn(4, 2, 2, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        ours, _ = layer.forward(x.numpy())
        # the two biases are added in another order: one rounding of the sum, four steps deep
        torch.testing.assert_close(target(x)[0], source(x)[0], rtol=0, atol=1e-6)
    np.testing.assert_allclose(ours, source(x)[0].detach().numpy(), rtol=0, atol=1e-6)


def test_bfloat16_tensors_are_widened():
    torch = pytest.importorskip("torch", reason="PyTorch is the peer here and is not installed")
    ours = from_torch(torch.nn.Linear(2, 3, dtype=torch.bfloat16).state_dict())
    assert {array.dtype for array in ours.values()} == {np.dtype(np.float32)}
    assert ours["W"].shape == (2, 3)
