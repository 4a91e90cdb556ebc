"""Gradients inside a trained model: against the complex step, and from a run folder by the command line."""

import json

import numpy as np
import pytest

from scratchnn.cli import main
from scratchnn.gradflow import model_flow
from scratchnn.layers import sequences
from scratchnn.models import SequenceClassifier

T, D, H, C = 5, 3, 4, 2
LENGTHS = np.array([5, 2, 4])
TARGETS = np.array([0, 1, 1])
STEP = 1e-30


def loss(model, x, moved=None):
    """Run an RNN classifier by hand, one state moved on the way: the loss of each sequence, (B,)."""
    own, real = model.recurrent.own, np.arange(T)[:, None] < LENGTHS
    hidden = []
    for direction, end in enumerate(("_l0", "_l0_reverse")):
        source = sequences.reverse(x, LENGTHS) if direction else x
        h, seen = np.zeros((len(LENGTHS), H)), []
        for t in range(T):
            new = np.tanh(source[t] @ own["W_x" + end] + h @ own["W_h" + end] + own["b" + end])
            if moved is not None and moved[:2] == (direction, t):
                new = new + moved[2]
            h = np.where(real[t, :, None], new, h)
            seen.append(h)
        hidden.append((np.stack(seen), h))
    (there, last), (back, first) = hidden
    y = np.concatenate([there, sequences.reverse(back, LENGTHS)], axis=2)
    y = np.where(real[:, :, None], y, 0).swapaxes(0, 1)
    pooled = np.concatenate([last, first], axis=1)
    if model.attention is not None:
        pooled = model.attention.forward(y, LENGTHS)[0]
    logits = pooled @ model.linear.own["W"] + model.linear.own["b"]
    return np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(LENGTHS)), TARGETS]


@pytest.mark.parametrize("pooling", ["last", "attention"])
def test_gradients_in_a_classifier_against_the_complex_step(pooling):
    rng = np.random.default_rng(0)
    model = SequenceClassifier(C, input_size=D, cell="rnn", hidden_size=H, pooling=pooling, dtype=np.float64, rng=rng)
    x = rng.normal(size=(T, len(LENGTHS), D))
    flows = model_flow(model, x.swapaxes(0, 1).copy(), LENGTHS, TARGETS)
    assert [flow.direction for flow in flows] == ["first to last", "last to first"]
    for direction, flow in enumerate(flows):
        gradient = np.zeros((T, len(LENGTHS), H))
        for t, k in np.ndindex(T, H):
            delta = np.zeros((len(LENGTHS), H), complex)
            delta[:, k] = 1j * STEP
            gradient[t, :, k] = loss(model, x, (direction, t, delta)).imag / STEP
        exact = np.linalg.norm(gradient, axis=2)
        for b, length in enumerate(LENGTHS):
            np.testing.assert_allclose(np.exp(flow.h[:length, b]), exact[:length, b][::-1], rtol=1e-10)
            assert np.isnan(flow.h[length:, b]).all()
    np.testing.assert_array_equal(flows[0].count, [3, 3, 2, 2, 1])
    assert not any(grad.any() for grad in model.grads.values()), "gradients were left behind"
    assert "backward" not in vars(model.recurrent), "the model was left changed"


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_stacked_gated_models_are_measured_too(cell):
    rng = np.random.default_rng(1)
    model = SequenceClassifier(C, input_size=D, cell=cell, hidden_size=H, num_layers=2, bidirectional=False, rng=rng)
    flows = model_flow(model, rng.normal(size=(3, T, D)).astype(np.float32), LENGTHS, TARGETS)
    assert len(flows) == 1
    relative = flows[0].relative
    np.testing.assert_allclose(np.nanmax(relative, axis=0), 0, atol=1e-12)


def test_a_run_folder_is_measured_by_the_command(tmp_path, capsys):
    rows = [f"{label}\t{label * (3 + k % 4)}{k}" for label in ("ab", "cd") for k in range(50)]
    (tmp_path / "own.tsv").write_text("\n".join(rows), encoding="utf-8")
    folder = tmp_path / "own"

    def call(*arguments):
        with pytest.raises(SystemExit) as stop:
            main([str(argument) for argument in arguments])
        told = capsys.readouterr()
        return stop.value.code, told.out, told.err

    assert call("train", "--data", tmp_path / "own.tsv", "--epochs", 1, "--hidden", 4, "--out", folder, "-q")[0] == 0
    code, out, err = call("gradflow", folder)
    assert code == 0, err
    assert "reading first to last" in out
    assert (folder / "pictures" / "gradient_flow.png").stat().st_size > 5_000
    told = json.loads(call("gradflow", folder, "--json")[1])
    assert {row["direction"] for row in told} == {"first to last", "last to first"}
    code, _, err = call("gradflow", folder, "--cells", "rnn")
    assert code == 2
    assert "--cells has no meaning with a run" in err
    code, _, err = call("gradflow", "--data", "own.tsv")
    assert code == 2
    assert "--data needs a run" in err
    code, _, err = call("gradflow", tmp_path / "nowhere")
    assert code == 2
    assert "is not a folder" in err
